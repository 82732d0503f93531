/** `wasm-fpm login` and what it remembers: for `--server` without a token in the environment, and with no server or tenant named. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { findLogin, forgetLogin, keepLogin } from '../../../src/cli/logins.ts'
import { feed } from '../../support/feed.ts'
import { PROGRAM } from '../../support/program.ts'
import { startApi } from '../admin/api.ts'
import { start, type } from './cli.ts'

async function setUp() {
  const main = 'error_log = "error.log"'
  const api = await startApi({ main, limits: { logLookMs: 5 } })
  const errorLog = join(api.folder, 'error.log')
  writeFileSync(errorLog, '{"level":30,"time":1767225600000,"tenant":"acme","msg":"one"}\n')
  const server = `http://127.0.0.1:${api.port}`
  vi.stubEnv('XDG_CONFIG_HOME', api.folder)
  onTestFinished(() => void vi.unstubAllEnvs())
  return { api, server, errorLog, file: join(api.folder, 'wasm-fpm/logins.json') }
}

test('login with a token; status, logs -f and releases use server, token and tenant; logout', async () => {
  const { api, server, errorLog, file } = await setUp()
  const token = await api.token('acme', ['read'])
  vi.stubEnv('WASM_FPM_TOKEN', token)
  const typed = await type(['login', `${server}/`])
  expect(typed.stdout).toMatch(/: tenant acme's token [0-9a-f]{12}, read; in .*logins\.json\n$/)
  expect(typed.stdout + typed.stderr).not.toContain(token)
  vi.stubEnv('WASM_FPM_TOKEN', undefined)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect((await type(['releases', '--server'])).stdout).toBe('acme has published nothing\n')
  const running = start(['logs', '-f', '--server'])
  await running.printed(/acme one\n/)
  appendFileSync(errorLog, '{"level":30,"time":1767225600000,"tenant":"acme","msg":"two"}\n')
  await running.printed(/acme two\n/)
  running.child.kill('SIGINT')
  await running.exit
  chmodSync(file, 0o640)
  expect((await type(['logs', '--server', server])).stderr).toContain('[CLI_BAD_LOGINS]')
  chmodSync(file, 0o600)
  expect((await type(['logout'])).code).toBe(0)
  expect(readFileSync(file, 'utf8')).not.toContain(token)
  expect((await type(['logs', '--server'])).stderr).toContain('[CLI_NOT_LOGGED_IN]')
})

test('a token on standard input that is wrong, or another tenant’s, is not remembered', async () => {
  const { api, server } = await setUp()
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['read']))
  const other = await type(['login', server, '--tenant', 'other'])
  expect([other.code, other.stderr]).toEqual([64, expect.stringContaining("the token is acme's")])
  vi.stubEnv('WASM_FPM_TOKEN', undefined)
  const onInput = async (text: string): Promise<number | null> => {
    const child = spawn(process.execPath, [...PROGRAM, 'login', server], { stdio: 'pipe' })
    feed(child, text)
    const [code] = await once(child, 'close')
    return code
  }
  expect(await onInput('wrong\n')).toBe(1)
  expect(await onInput('')).toBe(64)
  expect(findLogin(server)).toBeUndefined()
  const token = await api.token('acme', ['read'])
  expect(await onInput(`${token}\n`)).toBe(0)
  expect(findLogin(server)).toMatchObject({ token, tenant: 'acme' })
})

test('what is in the file: nothing, something else, a FIFO; the last login is kept per server', async () => {
  const { file } = await setUp()
  expect(findLogin(undefined)).toBeUndefined()
  keepLogin({ server: 'https://a', token: 't', tenant: 'acme' })
  keepLogin({ server: 'https://b/', token: undefined, tenant: undefined })
  expect(findLogin(undefined)).toEqual({ server: 'https://b' })
  expect(findLogin('https://a/')).toMatchObject({ token: 't', tenant: 'acme' })
  expect([forgetLogin('https://b'), forgetLogin('https://b')]).toEqual([true, false])
  expect(findLogin(undefined)).toBeUndefined()
  const isBad = expect.objectContaining({ code: 'CLI_BAD_LOGINS' })
  writeFileSync(file, '{}')
  expect(() => findLogin(undefined)).toThrow(isBad)
  execFileSync('sh', ['-c', 'rm "$1"; mkfifo -m 600 "$1"', 'sh', file])
  expect(() => findLogin(undefined)).toThrow(isBad)
})
