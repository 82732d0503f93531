/** Switches under a server that runs: nobody notices, the next release is there at once, and canaries get their share. */
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { Client, startLoad } from '../master/serve.ts'
import { openSite, type Site } from './site.ts'

const C = 'Hello from C'
const ASSEMBLY_SCRIPT = 'Hello from AssemblyScript'

const PUBLICATIONS = 100

test(`${PUBLICATIONS} publications and as many switches more, under load, lose no request`, async () => {
  const { serving, store, publish, until } = await openSite()
  const routes = ['/hello.wasm']
  const load = startLoad(serving.socket, 4, 2)
  let before: string | undefined
  for (let count = 0; count < PUBLICATIONS; count += 1) {
    const [language, greeting] = count % 2 === 0 ? ['c', C] : ['as', ASSEMBLY_SCRIPT]
    // The variable makes it another release each time.
    const { stored } = await publish(`${language}/hello.wasm`, { routes, env: { N: `${count}` } })
    await until('hello.wasm', (body) => body.includes(greeting))
    if (before !== undefined) await store.switchTo('site', before)
    before = stored.release
  }
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.answered).toBeGreaterThan(2 * PUBLICATIONS)
  expect((await store.releases('site')).length).toBe(PUBLICATIONS)
}, 600_000)

test('the first answer of a new release comes within 100 ms of the end of its publication', async () => {
  const { client, publish } = await openSite()
  const delays: number[] = []
  for (let count = 0; count < 9; count += 1) {
    const [language, greeting] = count % 2 === 0 ? ['c', C] : ['as', ASSEMBLY_SCRIPT]
    await publish(`${language}/hello.wasm`, { routes: ['/app'], env: { N: `${count}` } })
    const startMs = systemClock.nowMs()
    while (!(await client.get('app')).body.includes(greeting)) {
      expect(systemClock.nowMs() - startMs).toBeLessThan(5000)
    }
    // The first publication makes the worker look at the tenant at all.
    if (count > 0) delays.push(systemClock.nowMs() - startMs)
  }
  delays.sort((a, b) => a - b)
  expect(delays[delays.length >> 1]).toBeLessThan(100)
})

test('a canary takes its share of the requests, and all of them when it is promoted', async () => {
  const site = await openSite()
  await publishBoth(site, false)
  const { client, store, until } = site
  const bodies = new Set<string>()
  for (let count = 0; count < 100; count += 1) bodies.add((await client.get('app')).body)
  expect(bodies.size).toBe(2)
  await store.promote('site', 'app')
  await until('app', (body) => body.includes(ASSEMBLY_SCRIPT))
})

test('a sticky canary keeps its clients, over every worker, also when its share grows', async () => {
  const site = await openSite()
  await publishBoth(site, true)
  const answersOf = async (client: Client): Promise<readonly string[]> => {
    const answers: string[] = []
    for (let number = 1; number <= 60; number += 1) {
      const { body } = await client.get('app', '', { REMOTE_ADDR: `192.0.2.${number}` })
      answers.push(body.includes(ASSEMBLY_SCRIPT) ? 'canary' : 'live')
    }
    return answers
  }
  const first = await answersOf(site.client)
  expect(new Set(first)).toEqual(new Set(['live', 'canary']))
  // Another connection may be another worker's.
  for (let count = 0; count < 4; count += 1) {
    expect(await answersOf(new Client(site.serving.socket))).toEqual(first)
  }
  const canary = (await site.store.state('site')).handlers['app']?.canary?.release ?? ''
  await site.store.setCanary('site', canary, { weight: 80, sticky: true })
  await expect
    .poll(async () => (await answersOf(site.client)).filter((one) => one === 'canary').length)
    .toBeGreaterThan(first.filter((one) => one === 'canary').length)
  const later = await answersOf(site.client)
  const wentBack = first.filter((one, index) => one === 'canary' && later[index] === 'live')
  expect(wentBack).toEqual([])
})

test('a canary that fails too often is given up, and what is live stays', async () => {
  const { serving, store, publish, until } = await openSite()
  const live = await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes(C))
  const canary = await publish(
    'as/slow.wasm',
    {
      routes: ['/app'],
      limits: { wall: '100ms' },
      auto_rollback: { traps: 0.5, requests: 3, within: '1m' },
      probe: { path: '/app?n=1&ms=1' },
    },
    { canary: { weight: 90, sticky: false } },
  )
  expect(canary.switched.canary?.release).toBe(canary.stored.release)
  await until('app', (body) => body.includes('line'), 'n=1&ms=1')
  // Each worker counts what it answers itself.
  const tooSlow = Array.from({ length: 20 }, () =>
    new Client(serving.socket).get('app', 'n=9&ms=300').catch(String),
  )
  await Promise.all(tooSlow)
  await serving.logged(/release failed too often and is rolled back/)
  await expect
    .poll(async () => (await store.state('site')).handlers['app'])
    .toMatchObject({ release: live.stored.release, canary: undefined })
})

/** C is live, and AssemblyScript its canary for half of them. */
async function publishBoth(
  { store, client, publish, until }: Site,
  sticky: boolean,
): Promise<void> {
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes(C))
  const canary = await publish('as/hello.wasm', { routes: ['/app'] })
  await store.rollBack('site')
  await store.setCanary('site', canary.stored.release, { weight: 50, sticky })
  let number = 0
  await expect
    .poll(
      async () => {
        number += 1
        return (await client.get('app', '', { REMOTE_ADDR: `192.0.2.${number % 60}` })).body
      },
      { interval: 5, timeout: 5000 },
    )
    .toContain(ASSEMBLY_SCRIPT)
}
