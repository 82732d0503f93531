/** `wasm-fpm runtime`: runtimes of a store, and builds that cannot be. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { envReactor } from '../../support/reactor.ts'
import { wat } from '../../support/wat.ts'
import { emptyFolder, start, type } from './cli.ts'

test('a runtime is added, listed, replaced and removed', async () => {
  const folder = emptyFolder()
  const store = join(folder, 'store')
  const file = join(folder, 'one.wasm')
  const kept = join(store, 'runtimes/echo.wasm')
  const one = envReactor()
  const two = envReactor({ mark: 'two' })
  writeFileSync(file, one)
  const add = () => type(['runtime', 'add', 'echo', file, '--store', store])
  expect(await add()).toMatchObject({ code: 0, stdout: `${kept}\n` })
  expect(readFileSync(kept).equals(one)).toBe(true)
  const list = async () => {
    const { stdout } = await type(['runtime', 'list', '--store', store, '--json'])
    return JSON.parse(stdout)
  }
  expect(await list()).toMatchObject([{ name: 'echo', path: kept, bytes: one.length }])
  const table = await type(['runtime', 'list', '--store', store])
  expect(table.stdout).toMatch(/^RUNTIME .*\necho .*echo\.wasm\n$/)
  writeFileSync(file, two)
  expect((await add()).code).toBe(0)
  expect(readFileSync(kept).equals(two)).toBe(true)
  const remove = () => type(['runtime', 'remove', 'echo', '--store', store])
  expect((await remove()).code).toBe(0)
  expect(await list()).toEqual([])
  expect(await remove()).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('[RUNTIME_NOT_THERE]\n  next: `wasm-fpm runtime list`'),
  })
  // A store is a store as before.
  expect((await type(['fsck', '--store', store])).stdout).toContain('clean')
})

const BAD: { name: string; bytes: Uint8Array; id?: string; wanted: RegExp }[] = [
  {
    name: 'a command',
    bytes: wat('(module (memory (export "memory") 1) (func (export "_start")))'),
    wanted: /wanted a reactor with the function "wasm_fpm_handle".*\[RUNTIME_NOT_A_REACTOR\]/,
  },
  { name: 'no module', bytes: Buffer.from('#!/bin/sh\n'), wanted: /\[WASM_[A-Z_]+\]/ },
  {
    name: 'a name that leads elsewhere',
    id: '../php',
    bytes: envReactor(),
    wanted: /STORE_BAD_NAME/,
  },
]
test.for(BAD)('add: $name', async ({ bytes, id = 'bad', wanted }) => {
  const folder = emptyFolder()
  const file = join(folder, 'bad.wasm')
  writeFileSync(file, bytes)
  const { code, stderr } = await type([
    'runtime',
    'add',
    id,
    file,
    '--store',
    join(folder, 'store'),
  ])
  expect([code, stderr]).toEqual([1, expect.stringMatching(wanted)])
})

/** A machine with these programs only; each is a script. */
function machineWith(programs: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const folder = emptyFolder()
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync('/bin/sh', join(bin, 'sh'))
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  return { PATH: bin, XDG_CACHE_HOME: join(folder, 'cache') }
}

/** Has all packages but those of `without`. */
const dpkg = (without = 'none'): string =>
  `shift 2; for name; do [ "$name" = ${without} ] || echo "$name 1-1 installed"; done`

const MACHINES: readonly {
  readonly name: string
  /** Default: php. */
  readonly runtime?: string
  readonly programs: Readonly<Record<string, string>>
  readonly wanted: RegExp
}[] = [
  { name: 'not Debian', programs: {}, wanted: /no dpkg-query.*\[RUNTIME_NOT_DEBIAN\]/ },
  {
    name: 'a package is missing',
    programs: { 'dpkg-query': dpkg('lld-19') },
    wanted:
      /lld-19 is not installed, wanted all: (?:sudo )?apt-get install --no-install-recommends lld-19 \[RUNTIME_PACKAGES_MISSING\]\n {2}next: /,
  },
  {
    name: 'a mirror without sources',
    programs: { 'dpkg-query': dpkg(), 'apt-get': 'exit 100', 'apt-cache': 'exit 0' },
    wanted: /source package php8\.2: the package sources .* have none.*\[RUNTIME_SOURCE_FAILED\]/,
  },
  {
    name: 'a mirror that has lost what it lists',
    programs: {
      'dpkg-query': dpkg(),
      'apt-get': 'echo "E: 404 Not Found" >&2; exit 100',
      'apt-cache': 'echo "Version: 8.2.1-1"',
    },
    wanted:
      /php8\.2: 8\.2\.1-1 cannot be fetched \(apt-get exited with 100: E: 404 Not Found\).*\[RUNTIME_SOURCE_FAILED\]/,
  },
  {
    ...{ name: 'a registry that has no such package', runtime: 'ruby' },
    programs: { 'dpkg-query': dpkg(), npm: 'echo "npm error: 404" >&2; exit 1' },
    wanted:
      /npm's package @ruby\/3\.4-wasm-wasi \S+: npm exited with 1: npm error: 404.*\[RUNTIME_SOURCE_FAILED\]/,
  },
  {
    ...{ name: 'a registry that has another package of that name', runtime: 'ruby' },
    programs: { 'dpkg-query': dpkg(), npm: 'echo other >"$4/ruby.tgz"' },
    wanted:
      /npm's package @ruby\/3\.4-wasm-wasi \S+: it is sha512-\S+==, and not sha512-qrzI\S+.*\[RUNTIME_SOURCE_FAILED\]/,
  },
]
test.for(MACHINES)('build: $name', async ({ programs, runtime, wanted }) => {
  const { exit, text } = start(
    ['runtime', 'build', runtime ?? 'php', '-o', '/dev/null'],
    machineWith(programs),
  )
  expect([await exit, text()]).toEqual([1, expect.stringMatching(wanted)])
})

test('build: what there is no recipe for', async () => {
  expect(await type(['runtime', 'build', 'cobol'])).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('wanted one of lua, perl, php, python, ruby [RUNTIME_UNKNOWN]'),
  })
})

test('build: ended, it ends what it has started', async () => {
  const file = join(emptyFolder(), 'pid')
  const machine = machineWith({
    'dpkg-query': dpkg(),
    'apt-get': `/bin/sleep 600 & echo $! >${file}.part; /bin/mv ${file}.part ${file}; wait`,
  })
  const { child, exit } = start(['runtime', 'build', 'php', '-o', '/dev/null'], machine)
  await expect.poll(() => existsSync(file)).toBe(true)
  child.kill('SIGTERM')
  expect(await exit).toBe('SIGTERM')
  await expect.poll(() => isRunning(Number(readFileSync(file, 'utf8')))).toBe(false)
})

/** A zombie is not; whose child it is has not asked for it yet. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
