import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { convertCommand } from '../../../src/cli/convert.ts'
import { withEnvFiles } from '../../../src/config/env-files.ts'
import { parseConfig } from '../../../src/config/parse.ts'

let folder = ''
let printed = ''
let complaints = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-convert-'))
  printed = ''
  complaints = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  rmSync(folder, { recursive: true })
})

async function convert(text: string, ...options: readonly string[]): Promise<void> {
  const file = join(folder, 'www.conf')
  writeFileSync(file, text)
  await convertCommand().parseAsync(['php-fpm', file, ...options], { from: 'user' })
}

const POOL = '[www]\nlisten = /run/www.sock\npm = ondemand\n'

test('--json: the TOML, and what is not the same', async () => {
  await convert(`${POOL}clear_env = no\n`, '--json')
  const { toml, notes, output } = JSON.parse(printed)
  expect(parseConfig(toml, '/etc/wasm-fpm/wasm-fpm.toml').pools).toHaveLength(1)
  expect([complaints, output]).toEqual(['', undefined])
  expect(notes).toEqual([expect.stringContaining('clear_env')])
  const file = join(folder, 'out.toml')
  await convert(POOL, '--json', '-o', file)
  expect(JSON.parse(printed.slice(printed.lastIndexOf('\n{')))).toMatchObject({ output: file })
})

test('TOML goes to standard output, what is not the same to standard error', async () => {
  await convert(`${POOL}clear_env = no\n`, '--root', '/srv/$pool')
  expect(parseConfig(printed, '/x').tenants[0]?.root).toBe('/srv/www')
  expect(complaints).toMatch(
    /^not the same: www\.conf:4: clear_env = no: guests inherit no environment/,
  )
  expect(process.exitCode).toBeUndefined()
})

test('--strict exits with 1 when something has no meaning here', async () => {
  await convert(POOL, '--strict')
  expect(process.exitCode).toBeUndefined()
  await convert(`${POOL}clear_env = no\n`, '--strict')
  expect(process.exitCode).toBe(1)
})

test('-o writes a new file, and an old one only with --force', async () => {
  const output = join(folder, 'wasm-fpm.toml')
  await convert(POOL, '-o', output)
  expect(printed).toBe('')
  const before = readFileSync(output, 'utf8')
  expect(parseConfig(before, output).pools[0]?.name).toBe('www')
  const other = POOL.replaceAll('www', 'other')
  await expect(convert(other, '-o', output)).rejects.toMatchObject({ code: 'CONVERT_NOT_WRITTEN' })
  expect(readFileSync(output, 'utf8')).toBe(before)
  await convert(other, '-o', output, '--force')
  expect(parseConfig(readFileSync(output, 'utf8'), output).pools[0]?.name).toBe('other')
})

test('--prefix is where relative paths start', async () => {
  await convert(POOL.replace('/run/', 'run/'), '--prefix', '/opt/php')
  expect(parseConfig(printed, '/x').pools[0]?.listen).toEqual([
    { kind: 'unix', path: '/opt/php/run/www.sock' },
  ])
})

const SECRETS = {
  DB_PASSWORD: '"hunter2" # really',
  API_KEY: "'k-3141'",
  DATABASE_URL: 'postgres://acme:hunter2@db/acme',
  dbPass: ' hunter2 ',
  REDIS: 'tcp://cache?auth=hunter2',
}

const WITH_SECRETS = `${POOL}${Object.entries(SECRETS)
  .map(([name, value]) => `env[${name}] = "${value.replaceAll('"', '\\"')}"\n`)
  .join('')}env[GREETING] = hi\nenv[PWD] = /srv\nenv[KEYBOARD] = de\nenv[my-token] = hunter2\n`

test('what looks like a secret goes to a file that nobody else can read', async () => {
  const output = join(folder, 'wasm-fpm.toml')
  const file = join(folder, 'www.env')
  const old = process.umask(0)
  try {
    await convert(WITH_SECRETS, '-o', output)
  } finally {
    process.umask(old)
  }
  const toml = readFileSync(output, 'utf8')
  const config = parseConfig(toml, output)
  expect(toml + complaints).not.toMatch(/hunter2|k-3141/)
  expect(complaints).toContain('env[my-token] = (not shown): looks like a secret')
  expect(config.tenants[0]).toMatchObject({ envFile: file })
  expect(config.tenants[0]?.env).toEqual({ GREETING: 'hi', PWD: '/srv', KEYBOARD: 'de' })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  // As the server reads it.
  expect(withEnvFiles(config).tenants[0]?.env).toMatchObject(SECRETS)
  // One that others could read is closed before it is written.
  chmodSync(file, 0o644)
  await convert(WITH_SECRETS, '-o', output, '--force')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('secrets are not printed, and what is to be done with them is', async () => {
  await convert(WITH_SECRETS)
  await convert(WITH_SECRETS, '--json')
  expect(printed + complaints).not.toMatch(/hunter2|k-3141/)
  expect(complaints).toContain('DB_PASSWORD, API_KEY, DATABASE_URL, dbPass, REDIS: looks like')
  expect(complaints).toContain('/etc/wasm-fpm/www.env (mode 0600)')
  expect(printed).toContain('"names": [')
})

test('nothing is written when one of the files is there already', async () => {
  const output = join(folder, 'wasm-fpm.toml')
  writeFileSync(output, '')
  const attempt = convert(WITH_SECRETS, '-o', output)
  await expect(attempt).rejects.toMatchObject({ code: 'CONVERT_NOT_WRITTEN' })
  expect(() => statSync(join(folder, 'www.env'))).toThrow('ENOENT')
})

test('settings of PHP that look like secrets: the configuration itself is for its owner only', async () => {
  const output = join(folder, 'wasm-fpm.toml')
  await convert(`${POOL}php_admin_value[mysqli.default_pw] = hunter2\n`, '-o', output)
  expect(statSync(output).mode & 0o777).toBe(0o600)
  expect(complaints).toContain('mysqli.default_pw: looks like a secret')
  expect(complaints).not.toContain('hunter2')
})
