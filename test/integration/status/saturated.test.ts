/** The pages of the server itself need no instance: they come while a tenant has no room for a request. */
import { afterEach, expect, test } from 'vitest'
import { Site } from '../../support/site.ts'
import { wat } from '../../support/wat.ts'

/** Sleeps for a minute. */
const SLEEPER = wat(`(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 60000000000))
    (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))`)

const TENANT = `max_children = 1
pm_status_path = "/status"
ping_path = "/ping"
[tenant.queue]
max = 0
`

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

test('status and ping answer when every instance is busy and the queue is full', async () => {
  site = new Site({ files: { 'sleep.wasm': SLEEPER }, tenant: TENANT })
  const sleeping = site.request('/sleep.wasm')
  const slots = () => site?.gateway.scheduler.tenants.get('acme')?.slots
  while (slots()?.active !== 1) await new Promise(setImmediate)
  expect((await site.request('/sleep.wasm')).status).toBe(503)
  expect(await site.request('/ping')).toMatchObject({ status: 200, body: 'pong' })
  const { status, body } = await site.request('/status', { QUERY_STRING: 'json' })
  expect(status).toBe(200)
  expect(JSON.parse(body)).toMatchObject({ 'active processes': 1, 'max children reached': 1 })
  site.gateway.scheduler.stop()
  await sleeping
})
