/** `--server` of the commands, as they are typed: they print what they print without it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { promoteCommand } from '../../../src/cli/promote.ts'
import { publishCommand } from '../../../src/cli/publish.ts'
import { releasesCommand } from '../../../src/cli/releases.ts'
import { rollbackCommand } from '../../../src/cli/rollback.ts'
import { routesCommand } from '../../../src/cli/routes.ts'
import { signCommand } from '../../../src/cli/sign.ts'
import { statusCommand } from '../../../src/cli/status.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { type RunningApi, startApi } from './api.ts'

const COMMANDS = {
  publish: publishCommand,
  releases: releasesCommand,
  rollback: rollbackCommand,
  promote: promoteCommand,
  sign: signCommand,
  routes: routesCommand,
}

let printed = ''
beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
})

async function type(
  api: RunningApi,
  name: keyof typeof COMMANDS,
  ...args: readonly string[]
): Promise<string> {
  printed = ''
  const server = ['--server', `http://127.0.0.1:${api.port}`, '--tenant', 'acme']
  await COMMANDS[name]().parseAsync([...args, ...server], { from: 'user' })
  return printed
}

test('publish, releases, promote, rollback', async () => {
  const api = await startApi()
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['publish', 'read']))
  const module = (name: string): string => join(api.folder, 'modules', `${name}.wasm`)
  const app = ['--handler', 'app', '--route', '/app']
  const story = await type(api, 'publish', module('hello'), ...app)
  expect(story.split('\n').map((line) => line.split(' ')[0])).toEqual([
    ...['read', 'verify', 'harden', 'compile', 'probe', 'store', 'switch'],
    'acme/app',
    '',
  ])
  expect(story).toMatch(/acme\/app .*[0-9a-f]{64}\n$/)
  const lines = await type(api, 'publish', module('echo'), ...app, '--weight', '20', '--json')
  const last = JSON.parse(lines.trimEnd().split('\n').at(-1) ?? '')
  expect(last).toMatchObject({ event: 'published', number: 2, canary: { weight: 20 } })
  expect(last.release).not.toBe(last.live)
  expect(await type(api, 'releases')).toMatch(/\n20 % +2 .*\nlive +1 /)
  expect(await type(api, 'promote', '--weight', '40')).toContain('40 % of the requests')
  expect(await type(api, 'promote')).toContain('is live')
  expect(await type(api, 'rollback')).toContain('is live')
  expect(await type(api, 'rollback', '2')).toContain('is live')
  expect(await type(api, 'rollback', '--handler', 'app', '--withdraw')).toContain('off the air')
})

test('a tenant sees its routes and its status, and nobody else’s; an operator all', async () => {
  const own = ['ping_path = "/ping"', 'root = "/srv/acme"']
  const api = await startApi({ acme: own.join('\n') })
  const module = join(api.folder, 'modules/hello.wasm')
  const status = async (...args: readonly string[]): Promise<string> => {
    printed = ''
    const server = ['--server', `http://127.0.0.1:${api.port}`]
    await statusCommand().parseAsync([...args, ...server], { from: 'user' })
    return printed
  }
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['publish']))
  await type(api, 'publish', module, '--handler', 'app', '--route', '/app')
  const other = join(api.folder, 'modules/echo.wasm')
  await type(api, 'publish', other, '--handler', 'app', '--route', '/app', '--weight', '20')
  await expect(status('acme')).rejects.toMatchObject({ code: 'ADMIN_MISSING_SCOPE' })
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['read']))
  const rows = (await type(api, 'routes')).split('\n').slice(1)
  expect(rows).toEqual([
    expect.stringMatching(/^acme +acme\.example +\/ping +all +ping page +-$/),
    expect.stringMatching(/^acme +acme\.example +\/app +all +app +[0-9a-f]{12}$/),
    expect.stringMatching(/^acme +acme\.example +\/app +all +app \(20 %\) +[0-9a-f]{12}$/),
    expect.stringMatching(/^acme +acme\.example +\/\*\*\/\*\.wasm +all +files below its root +-$/),
    '',
  ])
  expect(await status('acme')).toMatch(/^pool: +acme\n/)
  expect(JSON.parse(await status('acme', '--json')).tenants).toMatchObject([{ tenant: 'acme' }])
  await expect(status('other')).rejects.toMatchObject({ code: 'ADMIN_UNKNOWN_TENANT' })
  await expect(status()).rejects.toMatchObject({ code: 'ADMIN_FORBIDDEN' })
  vi.stubEnv('WASM_FPM_TOKEN', await api.token(undefined, ['read']))
  expect(await status()).toMatch(/\nacme .*\nother /)
  // The same as without a server.
  const config = join(api.folder, 'wasm-fpm.toml')
  const pool = `[[pool]]\nname = "www"\nlisten = ["${api.folder}/www.sock"]`
  const tenant = ['[[tenant]]', 'name = "acme"', 'hosts = ["acme.example"]', ...own]
  writeFileSync(config, ['store = "store"', pool, ...tenant].join('\n'))
  const local = ['--config', config]
  printed = ''
  await routesCommand().parseAsync([...local, '--json', '--tenant', 'acme'], { from: 'user' })
  expect(JSON.parse(await type(api, 'routes', '--json'))).toEqual(JSON.parse(printed))
})

test('publish --sign says what it says without a server; sign and --no-switch in parts', async () => {
  const { key, pem } = createSigningKey()
  const api = await startApi({ acme: `signers = ["${key.publicKey.text}"]` })
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['publish', 'read']))
  const keyFile = join(api.folder, 'key')
  writeFileSync(keyFile, pem, { mode: 0o600 })
  const module = (name: string): string => join(api.folder, 'modules', `${name}.wasm`)
  const app = ['--handler', 'app', '--route', '/app']
  const story = await type(api, 'publish', module('hello'), ...app, '--sign', keyFile)
  expect(story.split('\n').map((line) => line.split(' ')[0])).toEqual([
    ...['read', 'verify', 'harden', 'compile', 'probe', 'store', 'sign', 'switch'],
    'acme/app',
    '',
  ])
  expect(story).toContain(`by ${key.publicKey.text} (`)
  expect(story).toMatch(/switch {3}[0-9a-f]{12} is live, first release \(/)
  const stored = await type(api, 'publish', module('echo'), ...app, '--no-switch', '--json')
  const last = JSON.parse(stored.trimEnd().split('\n').at(-1) ?? '')
  expect(last).toMatchObject({ event: 'stored', tenant: 'acme', handler: 'app', number: 2 })
  await expect(type(api, 'rollback', '2')).rejects.toMatchObject({ code: 'STORE_UNSIGNED' })
  expect(await type(api, 'sign', '2', '--key', keyFile)).toBe(
    `acme: release 2, ${last.release.slice(0, 12)}, signed by ${key.publicKey.text}\n`,
  )
  expect(await type(api, 'rollback', '2')).toContain(`${last.release.slice(0, 12)} is live`)
  await expect(type(api, 'sign', '2', '--key', keyFile, '--store', 'x')).rejects.toMatchObject({
    code: 'CLI_USAGE',
  })
})

test('a folder without a module, and a failure with --json', async () => {
  const api = await startApi()
  vi.stubEnv('WASM_FPM_TOKEN', await api.token('acme', ['publish']))
  const folder = join(api.folder, 'app')
  mkdirSync(folder)
  writeFileSync(join(folder, 'wasm-fpm.json'), '{"module":"none.wasm"}')
  await expect(type(api, 'publish', folder)).rejects.toMatchObject({ code: 'STORE_UNREADABLE' })
  await expect(type(api, 'publish', folder, '--sign', 'none')).rejects.toMatchObject({
    code: 'STORE_BAD_KEY',
  })
  for (const args of [
    ['--no-switch', '--weight', '5'],
    ['--store', 'x'],
  ]) {
    await expect(type(api, 'publish', folder, ...args)).rejects.toMatchObject({ code: 'CLI_USAGE' })
  }
  await expect(type(api, 'releases')).rejects.toMatchObject({ code: 'ADMIN_MISSING_SCOPE' })
  const line = await type(api, 'publish', folder, '--json')
  expect(JSON.parse(line)).toMatchObject({ event: 'failed', error: { code: 'STORE_UNREADABLE' } })
  expect(process.exitCode).toBe(1)
})
