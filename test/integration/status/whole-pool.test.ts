/** The status of all tenants of a pool together, for who speaks FastCGI itself and names no host: exporters for php-fpm. */
import { expect, test } from 'vitest'
import { Client, configText, makeFolder, serve } from '../master/serve.ts'

const EXPORTER = {
  SCRIPT_FILENAME: '/status',
  REMOTE_ADDR: '127.0.0.1',
  SERVER_SOFTWARE: 'an exporter',
  ...{ HTTP_HOST: '', REQUEST_URI: '', SERVER_PROTOCOL: '' },
}

async function setUp() {
  const folder = makeFolder()
  const pool = 'pm_status_path = "/status"\ngather_connections = false'
  const more = `pm_status_path = "/own"\nping_path = "/status"\nprocess_idle_timeout = "1h"\n[[tenant]]
name = "blog"
pool = "www"
pm = "dynamic"
hosts = ["blog.example"]
root = "${folder}"
process_idle_timeout = "1h"
[[tenant]]
name = "none"
pool = "www"`
  return serve({ folder, config: configText(folder, { pool, tenant: more }) })
}

test('who names no host is shown all tenants of the pool, of all workers', async () => {
  const serving = await setUp()
  const clients = Array.from({ length: 8 }, () => new Client(serving.socket))
  for (const client of clients) {
    await client.get('hello.wasm')
    await client.get('hello.wasm', '', { HTTP_HOST: 'blog.example' })
  }
  for (const client of clients) {
    const { status, body } = await client.get('status', 'json&full', EXPORTER)
    const { processes, ...page } = JSON.parse(body)
    const requests = processes.map((one: { readonly requests: number }) => one.requests)
    expect([
      status,
      page,
      requests.reduce((sum: number, one: number) => sum + one, 0),
    ]).toMatchObject([
      200,
      {
        ...{ pool: 'www', 'process manager': 'dynamic', 'accepted conn': 16 },
        // 64 a worker and tenant.
        ...{ 'active processes': 0, 'listen queue': 0, 'listen queue len': 384 },
      },
      16,
    ])
    expect(page['idle processes']).toBe(processes.length)
    expect(page['start since']).toBeLessThan(600)
  }
  const metrics = (await clients[0]?.get('status', 'openmetrics', EXPORTER))?.body
  expect(metrics).toContain('pool="www"')
})

test('nobody else is', async () => {
  const client = new Client((await setUp()).socket)
  const asked = async (params: Readonly<Record<string, string>>, path = 'status') => {
    const { status, body } = await client.get(path, 'json', { ...EXPORTER, ...params })
    return `${status} ${body.slice(0, 5)}`
  }
  // The tenant with the host `*` answers these.
  expect(await asked({ REMOTE_ADDR: '192.0.2.7' })).toBe('200 pong')
  expect(await asked({ HTTP_HOST: 'site.example' })).toBe('200 pong')
  expect(await asked({ SERVER_NAME: 'site.example' })).toBe('200 pong')
  expect(await asked({ WASM_FPM_TENANT: 'site' })).toBe('200 pong')
  expect(await asked({ WASM_FPM_TENANT: 'none' })).toMatch(/^404/)
  expect(await asked({}, 'status/more')).toMatch(/^404/)
  expect(await asked({}, 'own')).toBe('200 {"poo')
})
