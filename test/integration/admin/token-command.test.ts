/** `wasm-fpm token`, as it is typed, against a server that runs. */
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { tokenCommand } from '../../../src/cli/token.ts'
import { type RunningApi, startApi } from './api.ts'

let printed = ''
beforeEach(() => {
  printed = ''
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function type(api: RunningApi, ...args: readonly string[]): Promise<string> {
  const config = join(api.folder, 'wasm-fpm.toml')
  if (!existsSync(config)) {
    writeFileSync(
      config,
      `store = "store"\n[admin]\n[[pool]]\nname = "www"\nlisten = ["./w.sock"]\n[[tenant]]\nname = "acme"\n`,
    )
  }
  printed = ''
  await tokenCommand().parseAsync([...args, '--config', config], { from: 'user' })
  return printed
}

test('create, use, list, revoke', async () => {
  const api = await startApi()
  const ask = async (token: string, tenant: string) =>
    (await api.send('GET', `/v1/tenants/${tenant}`, { token })).status
  const acme = (
    await type(api, 'create', '--tenant', 'acme', '--scope', 'read,publish', '--name', 'ci')
  ).trim()
  expect(acme).toMatch(/^wfpm_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/)
  const operator = JSON.parse(
    await type(api, 'create', '--operator', '--scope', 'read', '--expires', '90d', '--json'),
  )
  expect(operator).toMatchObject({ scopes: ['read'], token: expect.stringMatching(/^wfpm_/) })
  expect([await ask(acme, 'acme'), await ask(acme, 'other')]).toEqual([200, 404])
  expect(await ask(operator.token, 'other')).toBe(200)
  expect(statSync(api.tokens.path).mode & 0o777).toBe(0o600)

  const table = await type(api, 'list')
  expect(table).toMatch(/^id +whose +scopes +created +expires +name\n/)
  expect(table).toMatch(
    new RegExp(`${acme.slice(5, 17)} +tenant acme +publish read +\\S+ +never +ci\n`),
  )
  expect(table).toMatch(new RegExp(`${operator.id} +an operator +read `))
  expect(table).not.toContain(acme.slice(-43))
  expect(await type(api, 'revoke', acme.slice(5, 17))).toBe(
    `token ${acme.slice(5, 17)} of tenant acme is revoked\n`,
  )
  expect(await ask(acme, 'acme')).toBe(401)
  expect(JSON.parse(await type(api, 'list', '--json'))).toHaveLength(1)
})

const BAD = [
  { args: ['create', '--scope', 'read'], code: 'CLI_USAGE' },
  { args: ['create', '--scope', 'read', '--tenant', 'acme', '--operator'], code: 'CLI_USAGE' },
  { args: ['create', '--scope', 'read,root', '--operator'], code: 'CLI_USAGE' },
  { args: ['create', '--scope', 'operate', '--tenant', 'acme'], code: 'CLI_USAGE' },
  { args: ['create', '--scope', 'read', '--operator', '--expires', '90'], code: 'CLI_USAGE' },
  { args: ['create', '--scope', 'read', '--operator', '--expires', '0'], code: 'CLI_USAGE' },
  {
    args: ['create', '--scope', 'read', '--operator', '--name', 'x'.repeat(201)],
    code: 'CLI_USAGE',
  },
  { args: ['create', '--scope', 'read', '--tenant', 'nobody'], code: 'CONFIG_UNKNOWN_TENANT' },
  { args: ['revoke', '0123456789ab'], code: 'ADMIN_UNKNOWN_TOKEN' },
]

test.for(BAD)('$args: $code', async ({ args, code }) => {
  const api = await startApi()
  await expect(type(api, ...args)).rejects.toMatchObject({ code })
  expect(existsSync(api.tokens.path)).toBe(false)
})

test('a file that is named needs no configuration', async () => {
  const api = await startApi()
  const file = join(api.folder, 'own.json')
  const typed = ['create', '--operator', '--scope', 'read', '--tokens', file]
  await tokenCommand().parseAsync(typed, { from: 'user' })
  expect(printed).toMatch(/^wfpm_/)
  chmodSync(file, 0o622)
  await expect(
    tokenCommand().parseAsync(['list', '--tokens', file], { from: 'user' }),
  ).rejects.toMatchObject({ code: 'ADMIN_TOKEN_FILE' })
})
