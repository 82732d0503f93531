/** Runtimes, and the tenants that name them. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import {
  checkRuntimeModules,
  runtimesOf,
  usedRuntimes,
  withRuntimeEndings,
} from '../../../src/config/runtime-use.ts'
import { FILE, POOL, problems, TENANT } from './texts.ts'

const PHP = '[[runtime]]\nname = "php"\nextensions = [".php"]\n'
const LUA = '[[runtime]]\nname = "lua"\nextensions = [".lua"]\n'

test('a runtime with nothing but what it needs gets every default', () => {
  expect(parseConfig(PHP, FILE).runtimes).toEqual([
    {
      name: 'php',
      module: '/var/lib/wasm-fpm/store/runtimes/php.wasm',
      extensions: ['.php'],
      index: undefined,
      memoryBytes: 268_435_456,
      bootTimeoutMs: 10_000,
      sessions: {
        guest: '/var/lib/php/sessions',
        quotaBytes: 1_073_741_824,
        quotaFiles: 100_000,
      },
      env: {},
    },
  ])
})

test('what runs no PHP has no place for sessions but that which it names', () => {
  expect(parseConfig(LUA, FILE).runtimes[0]?.sessions).toBeUndefined()
  const named = parseConfig(`${LUA}sessions = "/s"`, FILE).runtimes[0]
  expect(named?.sessions?.guest).toBe('/s')
  const php = '[[runtime]]\nname = "old"\nextensions = [".phtml", ".php"]\n'
  expect(parseConfig(php, FILE).runtimes[0]?.sessions?.guest).toBe('/var/lib/php/sessions')
})

test('everything that a runtime can say', () => {
  const keys =
    'module = "php.wasm"\nindex = "index.php"\nmemory = "64MiB"\nboot_timeout = "3s"\nsessions = "/s"\nsessions_quota = "1KiB"\nsessions_quota_files = 7\nenv = { A = "1" }'
  expect(parseConfig(`${PHP}${keys}`, FILE).runtimes[0]).toEqual({
    name: 'php',
    module: '/etc/wasm-fpm/php.wasm',
    extensions: ['.php'],
    index: 'index.php',
    memoryBytes: 67_108_864,
    bootTimeoutMs: 3000,
    sessions: { guest: '/s', quotaBytes: 1024, quotaFiles: 7 },
    env: { A: '1' },
  })
})

const CASES: { name: string; text: string; found: string; message: string }[] = [
  {
    name: 'a tenant with a runtime that there is not',
    text: `${POOL}${TENANT}runtimes = ["php"]`,
    found: 'CONFIG_UNKNOWN_RUNTIME 6 tenant "acme": runtimes',
    message: 'has "php", which does not exist, wanted a [[runtime]] of that name',
  },
  {
    name: 'a tenant with one that there is not, where there are others',
    text: `${PHP}${LUA}${POOL}${TENANT}runtimes = ["perl"]`,
    found: 'CONFIG_UNKNOWN_RUNTIME 12 tenant "acme": runtimes',
    message: 'wanted "php", "lua", or a [[runtime]]',
  },
  {
    name: 'two runtimes of one name',
    text: `${PHP}${PHP}`,
    found: 'CONFIG_DUPLICATE 5 runtime "php": name',
    message: 'which runtime "php" has already',
  },
  {
    name: 'a tenant that names one twice',
    text: `${PHP}${POOL}${TENANT}runtimes = ["php", "php"]`,
    found: 'CONFIG_DUPLICATE 9 tenant "acme": runtimes',
    message: 'has "php" twice, wanted it once',
  },
  {
    name: 'a tenant with two for one ending',
    text: `${PHP}${LUA.replace('.lua', '.php')}${POOL}${TENANT}runtimes = ["php", "lua"]`,
    found: 'CONFIG_DUPLICATE 12 tenant "acme": runtimes',
    message: 'has ".php", which runtime "php" has already',
  },
  {
    name: 'a tenant that runs files of that ending as modules',
    text: `${PHP}${POOL}${TENANT}runtimes = ["php"]\nlimit_extensions = [".php"]`,
    found: 'CONFIG_DUPLICATE 9 tenant "acme": runtimes',
    message: 'has ".php", which limit_extensions has already',
  },
  {
    name: 'no ending',
    text: '[[runtime]]\nname = "php"\nextensions = []',
    found: 'CONFIG_BAD_VALUE 3 runtime "php": extensions',
    message: 'is [], wanted at least one',
  },
  {
    name: 'an index that it does not run',
    text: `${PHP}index = "index.html"`,
    found: 'CONFIG_BAD_VALUE 4 runtime "php": index',
    message: 'is "index.html", wanted one that ends in ".php"',
  },
  {
    name: 'an engine that has none',
    text: `${PHP}${POOL}${TENANT}runtimes = ["php"]\nengine = "wasmer"\ntrusted = true`,
    found: 'CONFIG_BAD_VALUE 10 tenant "acme": engine',
    message: 'is "wasmer", wanted "own"',
  },
  {
    name: 'an application without a runtime',
    text: `${POOL}${TENANT}root = "/srv"\napp = "a:b"`,
    found: 'CONFIG_BAD_VALUE 7 tenant "acme": app',
    message: 'is "a:b" beside 0 runtimes, wanted one in `runtimes`',
  },
  {
    name: 'an application of two runtimes',
    text: `${PHP}${LUA}${POOL}${TENANT}root = "/srv"\nruntimes = ["php", "lua"]\napp = "a:b"`,
    found: 'CONFIG_BAD_VALUE 14 tenant "acme": app',
    message: 'is "a:b" beside 2 runtimes',
  },
  {
    name: 'an application without its folder',
    text: `${PHP}${POOL}${TENANT}runtimes = ["php"]\napp = "a:b"`,
    found: 'CONFIG_BAD_VALUE 10 tenant "acme": app',
    message: 'is "a:b" without a `root`, wanted the folder that has its modules',
  },
  {
    name: 'an application with a space in its name',
    text: `${PHP}${POOL}${TENANT}root = "/srv"\nruntimes = ["php"]\napp = "a b"`,
    found: 'CONFIG_BAD_VALUE 11 tenant "acme": app',
    message: 'is "a b", wanted a name that the runtime knows',
  },
  {
    name: 'an ending without a dot',
    text: '[[runtime]]\nname = "php"\nextensions = ["php"]',
    found: 'CONFIG_BAD_VALUE 3 runtime "php": extensions',
    message: 'a file name ending such as ".wasm"',
  },
]

test.for(CASES)('$name', ({ text, found, message }) => {
  const [problem, ...more] = problems(text)
  expect(more).toEqual([])
  expect(`${problem?.code} ${problem?.line} ${problem?.key}`).toBe(found)
  expect(problem?.message).toContain(message)
})

test('two tenants may have different runtimes for one ending', () => {
  const other = LUA.replace('.lua', '.php')
  const second = '[[tenant]]\nname = "b"\nruntimes = ["lua"]'
  expect(problems(`${PHP}${other}${POOL}${TENANT}runtimes = ["php"]\n${second}`)).toEqual([])
})

test('which runtimes are used, by whom, and for which endings', () => {
  const text = `${PHP}${LUA}${POOL}${TENANT}runtimes = ["lua"]\n[[tenant]]\nname = "b"`
  const config = parseConfig(text, FILE)
  const [acme, b] = config.tenants
  if (acme === undefined || b === undefined) throw new Error('two tenants')
  expect(usedRuntimes(config).map(({ name }) => name)).toEqual(['lua'])
  expect(runtimesOf(acme, config.runtimes).map(({ name }) => name)).toEqual(['lua'])
  expect(withRuntimeEndings(acme, config.runtimes).limitExtensions).toEqual(['.wasm', '.lua'])
  expect(withRuntimeEndings(b, config.runtimes)).toBe(b)
})

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-runtimes-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function load(text: string): ReturnType<typeof loadConfig> {
  const file = join(folder, 'wasm-fpm.toml')
  writeFileSync(file, `include = ["more/*.toml"]\nstore = "store"\n${POOL}${text}`)
  return loadConfig(file)
}

test('a module lies beside its own file, else in the store of the main one', () => {
  mkdirSync(join(folder, 'more'))
  writeFileSync(join(folder, 'more/lua.toml'), `${LUA}module = "lua.wasm"`)
  writeFileSync(join(folder, 'more/perl.toml'), LUA.replaceAll('lua', 'perl'))
  expect(load(PHP).runtimes.map(({ module }) => module)).toEqual([
    join(folder, 'store/runtimes/php.wasm'),
    join(folder, 'more/lua.wasm'),
    join(folder, 'store/runtimes/perl.wasm'),
  ])
})

test.skipIf(process.getuid?.() === 0)('a module that may not be read', () => {
  writeFileSync(join(folder, 'php.wasm'), '')
  chmodSync(join(folder, 'php.wasm'), 0)
  const config = load(`${PHP}module = "php.wasm"\n${TENANT}runtimes = ["php"]`)
  expect(() => checkRuntimeModules(config)).toThrow('cannot be read: EACCES')
})

test('a module that is not there: the message has the command that makes it', () => {
  const tcl = LUA.replaceAll('lua', 'tcl')
  const tenant = `${TENANT}runtimes = ["php", "tcl"]`
  expect(() => checkRuntimeModules(load(`${PHP}${tcl}${tenant}`))).toThrow(
    expect.objectContaining({
      code: 'CONFIG_NO_RUNTIME_MODULE',
      problems: [
        expect.objectContaining({
          file: join(folder, 'store/runtimes/php.wasm'),
          message: expect.stringContaining('`wasm-fpm runtime build php`'),
        }),
        expect.objectContaining({
          message: expect.stringContaining('`wasm-fpm runtime add tcl FILE`'),
        }),
      ],
    }),
  )
  // Nobody wants it.
  expect(() => checkRuntimeModules(load(PHP))).not.toThrow()
  mkdirSync(join(folder, 'store/runtimes'), { recursive: true })
  for (const name of ['php', 'tcl']) {
    writeFileSync(join(folder, `store/runtimes/${name}.wasm`), '')
  }
  expect(() => checkRuntimeModules(load(`${PHP}${tcl}${tenant}`))).not.toThrow()
})
