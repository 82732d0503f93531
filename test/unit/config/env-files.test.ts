import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MAX_ENV_FILE_BYTES, withEnvFiles } from '../../../src/config/env-files.ts'
import { ConfigError } from '../../../src/config/errors.ts'
import { parseConfig } from '../../../src/config/parse.ts'

const CANARY = 'canary-7f3a'
const isRoot = process.getuid?.() === 0

let folder = ''
let path = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-env-'))
  path = join(folder, 'secrets.env')
})
afterEach(() => rmSync(folder, { recursive: true }))

function parse(more = '') {
  const text = `[[pool]]\nname = "www"\nlisten = ["/run/www.sock"]\n[[tenant]]\nname = "acme"\nenv = { A = "plain", B = "plain" }\nenv_file = "secrets.env"\n${more}`
  return parseConfig(text, join(folder, 'wasm-fpm.toml'))
}

function write(content: string | Uint8Array, mode = 0o600): void {
  writeFileSync(path, content)
  chmodSync(path, mode)
}

function refused(): ConfigError {
  try {
    withEnvFiles(parse())
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('it was not refused')
}

test('names, values, comments, quotes; the file wins over env', () => {
  write(`# comment\n\nA=from file\r\nD=a=b\nE="x y"\nF='"'\nG=\nH="\n`)
  expect(withEnvFiles(parse()).tenants[0]?.env).toEqual({
    A: 'from file',
    B: 'plain',
    D: 'a=b',
    E: 'x y',
    F: '"',
    G: '',
    H: '"',
  })
  // Reading a configuration alone reads no secrets.
  expect(parse().tenants[0]).toMatchObject({ env: { A: 'plain' }, envFile: path })
})

test('a handler has a file of its own', () => {
  write('A=tenant\nC=tenant\n')
  writeFileSync(join(folder, 'shop.env'), 'C=handler\n', { mode: 0o600 })
  const more = '[[tenant.handlers]]\nname = "shop"\nenv = { C = "plain" }\nenv_file = "shop.env"\n'
  const [tenant] = withEnvFiles(parse(more)).tenants
  expect(tenant?.env).toMatchObject({ A: 'tenant', C: 'tenant' })
  expect(tenant?.handlers[0]?.env).toEqual({ C: 'handler' })
})

test('a configuration without such files stays what it is', () => {
  const config = parseConfig(
    '[[pool]]\nname = "w"\nlisten = ["/w"]\n[[tenant]]\nname = "a"\n',
    '/x',
  )
  expect(withEnvFiles(config).tenants[0]).toBe(config.tenants[0])
})

const REFUSED: ReadonlyArray<
  readonly [name: string, make: () => void, code: string, says: RegExp]
> = [
  [
    'readable by its group',
    () => write(`A=${CANARY}`, 0o640),
    'CONFIG_ENV_FILE_OPEN',
    /chmod 600 \//,
  ],
  [
    'readable by all',
    () => write(`A=${CANARY}`, 0o604),
    'CONFIG_ENV_FILE_OPEN',
    /mode 0604.*chmod 600 \//,
  ],
  ['writable by others', () => write(`A=${CANARY}`, 0o602), 'CONFIG_ENV_FILE_OPEN', /chmod 600 \//],
  ['not there', () => undefined, 'CONFIG_NOT_READABLE', /ENOENT.*umask 077/],
  ['a folder', () => mkdirSync(path), 'CONFIG_ENV_FILE', /no plain file/],
  ['a FIFO', () => execFileSync('mkfifo', ['-m', '600', path]), 'CONFIG_ENV_FILE', /no plain file/],
  [
    'a link',
    () => {
      writeFileSync(join(folder, 'other'), `A=${CANARY}`, { mode: 0o600 })
      symlinkSync(join(folder, 'other'), path)
    },
    'CONFIG_ENV_FILE',
    /is a link/,
  ],
  [
    'a line that is none',
    () => write(`A=1\n${CANARY}\n`),
    'CONFIG_ENV_FILE',
    /env:2: .*is not KEY=VALUE/,
  ],
  ['a shell command', () => write(`export A=${CANARY}\n`), 'CONFIG_ENV_FILE', /env:1: /],
  ['a NUL', () => write(`A=${CANARY}\0\n`), 'CONFIG_ENV_FILE', /env:1: /],
  ['a name twice', () => write(`A=1\nA=${CANARY}\n`), 'CONFIG_ENV_FILE', /env:2: .*each once/],
  ['no UTF-8', () => write(Buffer.from([65, 61, 0xff])), 'CONFIG_ENV_FILE', /UTF-8/],
  ['too large', () => write('A'.repeat(MAX_ENV_FILE_BYTES + 1)), 'CONFIG_ENV_FILE', /65537 bytes/],
]
for (const [name, make, code, says] of REFUSED) {
  test(`refused: ${name}; nothing of its content is said`, () => {
    make()
    const error = refused()
    expect(error).toMatchObject({ code, message: expect.stringMatching(says) })
    expect(error.message).toContain(path)
    expect(JSON.stringify([error.message, error.problems, error.stack])).not.toContain(CANARY)
  })
}

test.skipIf(!isRoot)('refused: a file of somebody else', () => {
  write(`A=${CANARY}`)
  chownSync(path, 12_345, 12_345)
  expect(refused()).toMatchObject({
    code: 'CONFIG_ENV_FILE_OPEN',
    message: expect.stringContaining(`chown 0 ${path}`),
  })
})

test('everything that is wrong comes in one go', () => {
  write('A', 0o644)
  const more = '[[tenant.handlers]]\nname = "shop"\nenv_file = "none.env"\n'
  expect(() => withEnvFiles(parse(more))).toThrow(/2 problems/)
})

const SPILLED: readonly string[] = [
  `env = { A = 5, B = "${CANARY}" }`,
  `env = "${CANARY}"`,
  `env = ["${CANARY}"]`,
  `queue = "x"\nhosts = [{ env = { B = "${CANARY}" } }]`,
  `root = { env = { B = "${CANARY}" } }`,
  `handlers = { env = { B = "${CANARY}" } }`,
  `[[tenant.handlers]]\nname = "x"\nenv = { B = "${CANARY}", C = 1 }`,
  `[tenant.env]\nB = "${CANARY}"\nC = 1`,
  `[tenant.env]\nB = "${CANARY}`,
  `[tenant.env]\nB = "${CANARY}" x`,
]
test.for(SPILLED)('no message about a configuration has a value of env: %s', (more) => {
  const text = `[[pool]]\nname = "www"\nlisten = ["/run/www.sock"]\n[[tenant]]\nname = "acme"\n${more}`
  try {
    parseConfig(text, '/x.toml')
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(String(error)).not.toContain(CANARY)
    return
  }
  throw new Error('it was taken')
})
