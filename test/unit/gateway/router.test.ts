import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createLogger } from '../../../src/base/logger.ts'
import { nameValuesOf } from '../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../src/cgi/environment.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import type { GuestTarget } from '../../../src/gateway/target.ts'
import { assembleGateway } from '../../../src/worker/assemble-gateway.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { wat } from '../../support/wat.ts'

const folder = mkdtempSync(join(tmpdir(), 'router-'))
afterAll(() => rmSync(folder, { recursive: true }))

const MODULE = wat('(module (memory (export "memory") 1) (func (export "_start")))')
mkdirSync(join(folder, 'acme/sub'), { recursive: true })
mkdirSync(join(folder, 'beta'))
mkdirSync(join(folder, 'outside'))
for (const file of [
  'acme/hello.wasm',
  'acme/index.wasm',
  'acme/sub/deep.wasm',
  'beta/hello.wasm',
  'outside/secret.wasm',
]) {
  writeFileSync(join(folder, file), MODULE)
}
writeFileSync(join(folder, 'acme/img.png'), MODULE)
symlinkSync(join(folder, 'outside/secret.wasm'), join(folder, 'acme/link.wasm'))
symlinkSync(join(folder, 'acme/hello.wasm'), join(folder, 'acme/inside.wasm'))

const CONFIG = `
[[pool]]
name = "www"
listen = ["/nowhere/www.sock"]
[[pool]]
name = "other"
listen = ["/nowhere/other.sock"]
[[tenant]]
name = "acme"
pool = "www"
hosts = ["acme.example", "*.acme.example"]
root = "${folder}/acme"
[[tenant]]
name = "beta"
pool = "www"
hosts = ["*"]
root = "${folder}/beta"
[[tenant]]
name = "gamma"
pool = "other"
hosts = ["gamma.example"]
root = "${folder}/beta"
`
const clock = new FakeClock()
const { router } = assembleGateway(parseConfig(CONFIG, 'test.toml'), {
  clock,
  logger: createLogger('silent'),
  accessLog: false,
})

/** Without a store the answer is there at once. */
function find(...request: Parameters<typeof router.findHandler>): GuestTarget {
  const target = router.findHandler(...request)
  if (target instanceof Promise || target.kind !== 'guest')
    throw new Error('wanted a guest at once')
  return target
}

function resolve(params: Readonly<Record<string, string>>) {
  const cgi = parseEnvironment(nameValuesOf(Object.entries({ REQUEST_METHOD: 'GET', ...params })))
  const tenant = router.findTenant(cgi, 'www')
  const { handler, paths } = find(cgi, tenant)
  return `${tenant.config.name} ${handler} ${paths.scriptName} ${paths.pathInfo}`.trim()
}

const ROUTES = [
  {
    name: 'by host',
    params: { HTTP_HOST: 'acme.example:8080', SCRIPT_NAME: '/hello.wasm' },
    found: 'acme hello.wasm /hello.wasm',
  },
  {
    name: 'by wildcard',
    params: { HTTP_HOST: 'a.b.acme.example', SCRIPT_NAME: '/hello.wasm' },
    found: 'acme hello.wasm /hello.wasm',
  },
  {
    name: 'by "*"',
    params: { HTTP_HOST: 'elsewhere.example', SCRIPT_NAME: '/hello.wasm' },
    found: 'beta hello.wasm /hello.wasm',
  },
  {
    name: "by the web server's word",
    params: { HTTP_HOST: 'elsewhere.example', WASM_FPM_TENANT: 'acme', SCRIPT_NAME: '/hello.wasm' },
    found: 'acme hello.wasm /hello.wasm',
  },
  {
    name: 'no header of the client chooses a tenant',
    params: { HTTP_HOST: 'acme.example', HTTP_WASM_FPM_TENANT: 'beta', SCRIPT_NAME: '/hello.wasm' },
    found: 'acme hello.wasm /hello.wasm',
  },
  {
    name: 'path info behind the script',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/sub/deep.wasm/a/b' },
    found: 'acme sub/deep.wasm /sub/deep.wasm /a/b',
  },
  {
    name: 'a folder: its index',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/' },
    found: 'acme index.wasm /index.wasm',
  },
  {
    name: 'a link that stays inside the root',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/inside.wasm' },
    found: 'acme inside.wasm /inside.wasm',
  },
] as const

for (const { name, params, found } of ROUTES) {
  test(`finds a handler ${name}`, () => expect(resolve(params)).toBe(found))
}

const REFUSALS = [
  {
    name: 'a tenant of another pool',
    params: { WASM_FPM_TENANT: 'gamma', SCRIPT_NAME: '/hello.wasm' },
    code: 'GATEWAY_UNKNOWN_TENANT',
  },
  {
    name: 'a tenant nobody has',
    params: { WASM_FPM_TENANT: 'nobody', SCRIPT_NAME: '/hello.wasm' },
    code: 'GATEWAY_UNKNOWN_TENANT',
  },
  {
    name: 'a file that is not there',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/nothing.wasm' },
    code: 'GATEWAY_UNKNOWN_HANDLER',
  },
  {
    name: 'a file of another kind',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/img.png' },
    code: 'GATEWAY_UNKNOWN_HANDLER',
  },
  {
    name: 'a file of another kind dressed up',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/img.png/x.wasm' },
    code: 'GATEWAY_UNKNOWN_HANDLER',
  },
  {
    name: 'a link out of the root',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/link.wasm' },
    code: 'GUEST_OUTSIDE_ROOT',
  },
  {
    name: 'climbing out of the root',
    params: { HTTP_HOST: 'acme.example', SCRIPT_NAME: '/../outside/secret.wasm' },
    code: 'CGI_BAD_PATH',
  },
  {
    name: 'a SCRIPT_FILENAME outside the root',
    params: {
      HTTP_HOST: 'acme.example',
      SCRIPT_FILENAME: `${folder}/outside/secret.wasm`,
      SCRIPT_NAME: '/secret.wasm',
    },
    code: 'GATEWAY_UNKNOWN_HANDLER',
  },
] as const

for (const { name, params, code } of REFUSALS) {
  test(`refuses ${name}`, () => {
    expect(() => resolve(params)).toThrow(expect.objectContaining({ code }))
  })
}

test('a module that changes on disk is noticed after the revalidation time', async () => {
  const params = { HTTP_HOST: 'beta.example', SCRIPT_NAME: '/new.wasm' }
  const load = async () => {
    const cgi = parseEnvironment(nameValuesOf(Object.entries({ REQUEST_METHOD: 'GET', ...params })))
    return (await find(cgi, router.findTenant(cgi, 'www')).module).digest
  }
  expect(() => resolve(params)).toThrow()
  writeFileSync(join(folder, 'beta/new.wasm'), MODULE)
  clock.advance(1001)
  const first = await load()
  writeFileSync(
    join(folder, 'beta/new.wasm'),
    wat('(module (memory (export "memory") 2) (func (export "_start")))'),
  )
  expect(await load()).toBe(first)
  clock.advance(1001)
  expect(await load()).not.toBe(first)
})
