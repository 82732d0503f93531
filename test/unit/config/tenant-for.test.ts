import { expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/parse.ts'
import { tenantFor } from '../../../src/config/tenant-for.ts'

const [TENANT] = parseConfig(
  `[[pool]]
name = "www"
listen = ["/run/www.sock"]
[[tenant]]
name = "acme"
env = { A = "tenant", B = "tenant" }
lifetime = "fresh"
[[tenant.handlers]]
name = "shop"
lifetime = "persistent"
env = { B = "handler", C = "handler" }
[tenant.handlers.limits]
memory = "1MiB"
cpu = "1s"
wall = "2s"
request_body = "3KiB"
response_body = "4KiB"
[[tenant.handlers]]
name = "plain"
`,
  '/etc/wasm-fpm.toml',
).tenants

if (TENANT === undefined) throw new Error('there has to be a tenant')

test('what the table of a handler says is instead of what the tenant has', () => {
  const { lifetime, env, limits } = tenantFor(TENANT, 'shop')
  expect(lifetime).toBe('persistent')
  expect(env).toEqual({ A: 'tenant', B: 'handler', C: 'handler' })
  expect(limits).toEqual({
    ...TENANT.limits,
    memoryBytes: 1_048_576,
    cpuMs: 1000,
    wallMs: 2000,
    requestBodyBytes: 3072,
    responseBodyBytes: 4096,
  })
})

test.each(['plain', 'unknown'])('%s: what no table says is the tenant’s', (handler) => {
  const { lifetime, env, limits } = tenantFor(TENANT, handler)
  expect({ lifetime, env, limits }).toEqual({
    lifetime: TENANT.lifetime,
    env: TENANT.env,
    limits: TENANT.limits,
  })
})
