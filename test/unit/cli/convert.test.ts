import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { convertCommand } from '../../../src/cli/convert.ts'
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
