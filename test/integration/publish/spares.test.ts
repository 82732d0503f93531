/** What a tenant's `pm` keeps ready of its published handlers is there when a worker says that it is. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Client } from '../master/serve.ts'
import { openSite } from './site.ts'

const TENANT =
  'pm_status_path = "/status"\nmax_children = 8\nstart_servers = 4\nmax_spare_servers = 8\npm = '

interface Page {
  readonly 'accepted conn': number
  readonly 'idle processes': number
}

test.for([
  ['static', 8],
  ['dynamic', 4],
] as const)('%s: %i are ready before the first request', async ([pm, idle]) => {
  const { client, publish, serving, store } = await openSite({ tenant: `${TENANT}"${pm}"` })
  client.close()
  /** Over a connection of its own. */
  const get = async (path: string) => {
    const one = new Client(serving.socket)
    const answer = await one.get(path, 'json')
    one.close()
    return answer
  }
  const page = async (): Promise<Page> => JSON.parse((await get('status')).body)
  const { stored } = await publish('as/hello.wasm', { routes: [{ path: '/app' }] })
  expect(await page()).toMatchObject({ 'accepted conn': 0, 'idle processes': 0 })
  expect((await serving.command('restart')).code).toBe(0)
  await expect.poll(() => serving.workers().length).toBe(2)
  await expect.poll(page).toMatchObject({ 'accepted conn': 0, 'idle processes': idle })
  expect((await get('app')).body).toMatch(/^Hello/)
  // A release that cannot be had keeps no worker from being ready: who asks for it is told.
  const record = join(
    store.layout.root,
    'releases',
    stored.release.slice(0, 2),
    `${stored.release}.json`,
  )
  chmodSync(record, 0o644)
  writeFileSync(record, '{}')
  expect((await serving.command('restart')).code).toBe(0)
  await expect.poll(() => serving.workers().length).toBe(2)
  expect((await get('app')).status).toBe(500)
  expect(await page()).toMatchObject({ 'idle processes': 0 })
})

test('ondemand: what takes long to load is there before the first request, and what does not is loaded by it', async () => {
  const { client, publish, serving, store } = await openSite()
  client.close()
  const large = await publish('js/fetch.wasm', { routes: ['/large'] })
  const small = await publish('as/hello.wasm', { name: 'small', routes: ['/small'] })
  expect((await serving.command('restart')).code).toBe(0)
  await expect.poll(() => serving.workers().length).toBe(2)
  // Who has not loaded it by now cannot any more.
  for (const { release } of [large, small])
    rmSync(store.layout.blob(release.hardened?.digest ?? ''))
  const one = new Client(serving.socket)
  expect(JSON.parse((await one.get('large/a')).body)).toMatchObject({ pathname: '/large/a' })
  expect((await one.get('small')).status).toBe(500)
  one.close()
})
