/** Published handlers under a server that runs: they go live, change and go back without a request noticing. */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { type Publication, type PublishOptions, publish } from '../../../src/store/publish.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { Client, configText, makeFolder, type Serving, serve, startLoad } from '../master/serve.ts'

const GUESTS = resolve('build/guests')
const FRESH_MS = 20_000

interface Site {
  readonly serving: Serving
  readonly store: DirectoryStore
  readonly client: Client
  /** Publishes a sample guest as `app`; `manifest` is what its wasm-fpm.json says besides. */
  publish(module: string, manifest?: object, more?: Partial<PublishOptions>): Promise<Publication>
  /** Asks until the answer is one that `isWanted`; fails after a while. */
  until(path: string, isWanted: (body: string) => boolean, query?: string): Promise<string>
}

async function open({ tenant = '', top = '' } = {}): Promise<Site> {
  const folder = makeFolder()
  const config = configText(folder, { tenant, top: `store = "${folder}/store"\n${top}` })
  const serving = await serve({ folder, config })
  const store = await DirectoryStore.open(join(folder, 'store'), { clock: systemClock })
  const client = new Client(serving.socket)
  let sources = 0
  return {
    serving,
    store,
    client,
    publish: (module, manifest = {}, more = {}) => {
      sources += 1
      const source = join(folder, `source-${sources}`)
      mkdirSync(join(source, 'files'), { recursive: true })
      writeFileSync(join(source, 'files', 'note.txt'), `source ${sources}\n`)
      copyFileSync(join(GUESTS, module), join(source, 'module.wasm'))
      writeFileSync(join(source, 'wasm-fpm.json'), JSON.stringify({ name: 'app', ...manifest }))
      const units = { size: parseSize, duration: parseDuration }
      return publish(source, { store, tenant: 'site', units, clock: systemClock, ...more })
    },
    until: async (path, isWanted, query = '') => {
      const limitMs = systemClock.nowMs() + FRESH_MS
      for (;;) {
        const { body } = await client.get(path, query)
        if (isWanted(body)) return body
        if (systemClock.nowMs() > limitMs) throw new Error(`still ${body} after ${FRESH_MS} ms`)
        await new Promise(setImmediate)
      }
    },
  }
}

test('a release answers its routes; what it does not answer is left to the document root', async () => {
  const { client, publish, until } = await open()
  expect((await client.get('app/x')).status).toBe(404)
  await publish('c/echo.wasm', { routes: ['/app'], env: { MODE: 'live' }, files: 'files' })
  const seen = JSON.parse(await until('app/x/y', (body) => body.startsWith('{')))
  expect(seen.env).toMatchObject({
    SCRIPT_NAME: '/app',
    PATH_INFO: '/x/y',
    DOCUMENT_ROOT: '/',
    MODE: 'live',
  })
  expect((await client.get('apple')).status).toBe(404)
  expect(await client.get('hello.wasm')).toMatchObject({ status: 200 })
})

test('the next release, rolling back and withdrawing reach every worker as they run', async () => {
  const { serving, store, client, publish, until } = await open()
  const before = serving.workers()
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  await publish('c/echo.wasm', { routes: ['/app'] })
  await until('app', (body) => body.startsWith('{'))
  await store.rollBack('site')
  await until('app', (body) => body.includes('Hello from C'))
  await store.withdraw('site', 'app')
  await until('app', (body) => body.includes('404'))
  expect((await client.get('app')).status).toBe(404)
  expect(serving.workers()).toEqual(before)
})

test('a request that runs ends on the release it began with', async () => {
  const { serving, publish, until } = await open()
  await publish('as/slow.wasm', { routes: ['/app'], probe: { path: '/app?n=1&ms=1' } })
  const slow = new Client(serving.socket).get('app', 'n=4&ms=300')
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  expect(await slow).toEqual({
    status: 200,
    body: 'line 1 of 4\nline 2 of 4\nline 3 of 4\nline 4 of 4\n',
  })
})

test('a method the handler does not take is answered 405 with Allow', async () => {
  const { serving, publish } = await open()
  await publish('c/hello.wasm', { routes: [{ path: '/app', methods: ['PUT', 'POST'] }] })
  const { status } = await new Client(serving.socket).get('app')
  expect(status).toBe(405)
  await serving.logged(/GATEWAY_WRONG_METHOD.*POST, PUT/)
})

test("a limit in the manifest counts where it is below the tenant's", async () => {
  const { serving, client, publish, until } = await open()
  await publish('as/slow.wasm', {
    routes: ['/app'],
    limits: { wall: '200ms' },
    probe: { path: '/app?n=1&ms=1' },
  })
  await until('app', (body) => body.includes('line'), 'n=1&ms=1')
  await expect(client.get('app', 'n=10&ms=300')).rejects.toThrow('the connection ended')
  await serving.logged(/"code":"OUTCOME_WALL_EXCEEDED"/)
})

test('a release that is not what was published changes nothing and is told', async () => {
  const { serving, store, client, publish, until } = await open()
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  const { release } = await publish('c/echo.wasm', { routes: ['/other'], name: 'other' })
  await until('other', (body) => body.startsWith('{'))
  await store.withdraw('site', 'other')
  await until('other', (body) => body.includes('404'))
  // Nobody uses it now; when it comes back, it is another module.
  const path = store.layout.blob(release.hardened.digest)
  chmodSync(path, 0o644)
  writeFileSync(path, 'not what it was')
  const from = serving.log().length
  await serving.command('restart')
  const fresh = new Client(serving.socket)
  expect((await fresh.get('app')).body).toContain('Hello from C')
  await store.switchTo('site', (await store.releases('site'))[0]?.release ?? '')
  await until('other', (body) => body.includes('500'))
  await serving.logged(/STORE_DAMAGED/, from)
  expect((await client.get('app')).status).toBe(200)
})

test('200 switches and 10 publications under load lose no request', async () => {
  const { serving, store, publish, until } = await open()
  const one = await publish('c/hello.wasm', { routes: ['/hello.wasm'] })
  const two = await publish('as/hello.wasm', { routes: ['/hello.wasm'] })
  const load = startLoad(serving.socket, 4)
  for (let count = 0; count < 200; count += 1) {
    const { stored } = count % 2 === 0 ? one : two
    await store.switchTo('site', stored.release)
    if (count % 20 === 19) {
      const language = count % 40 === 19 ? 'as' : 'c'
      await publish(`${language}/hello.wasm`, { routes: ['/hello.wasm'], env: { N: `${count}` } })
      const greeting = language === 'c' ? 'Hello from C' : 'Hello from AssemblyScript'
      await until('hello.wasm', (body) => body.includes(greeting))
    }
  }
  await load.stop()
  expect(load.failures).toEqual([])
  expect(load.answered).toBeGreaterThan(200)
}, 60_000)

test('a canary takes its share of the requests, and a sticky one keeps its clients', async () => {
  const { store, client, publish, until } = await open()
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  const canary = await publish('as/hello.wasm', { routes: ['/app'] })
  await store.rollBack('site')
  await store.setCanary('site', canary.stored.release, { weight: 50, sticky: false })
  await until('app', (body) => body.includes('AssemblyScript'))
  const bodies = new Set<string>()
  for (let count = 0; count < 100; count += 1) bodies.add((await client.get('app')).body)
  expect(bodies.size).toBe(2)
  await store.promote('site', 'app')
  await until('app', (body) => body.includes('AssemblyScript'))
})

test('a release that fails too often goes back to the one before', async () => {
  const { serving, publish, until } = await open()
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  await publish('as/slow.wasm', {
    routes: ['/app'],
    limits: { wall: '100ms' },
    auto_rollback: { traps: 0.5, requests: 3, within: '1m' },
    probe: { path: '/app?n=1&ms=1' },
  })
  await until('app', (body) => body.includes('line'), 'n=1&ms=1')
  // Each worker counts what it answers itself.
  const tooSlow = Array.from({ length: 16 }, () =>
    new Client(serving.socket).get('app', 'n=9&ms=300').catch(String),
  )
  await Promise.all(tooSlow)
  // Until then it is asked for what it can do in time.
  await until('app', (body) => body.includes('Hello from C'), 'n=1&ms=1')
  await serving.logged(/release failed too often and is rolled back/)
})

test('static files of a release are answered without its guest', async () => {
  const { client, publish, until } = await open()
  await publish('c/hello.wasm', {
    routes: ['/app'],
    files: 'files',
    static: [{ path: '/app/assets' }],
  })
  await until('app', (body) => body.includes('Hello from C'))
  expect(await client.get('app/assets/note.txt')).toEqual({ status: 200, body: 'source 1\n' })
  expect((await client.get('app/assets/nothing.txt')).status).toBe(404)
  expect((await client.get('app/other')).body).toContain('Hello from C')
  // Kept connections stay usable behind a file.
  expect((await client.get('app/assets/note.txt')).status).toBe(200)
})

test('a tenant with signers runs what one of them has signed, and nothing else', async () => {
  const { key } = createSigningKey()
  const { serving, client, publish, until } = await open({
    tenant: `signers = ["${key.publicKey.text}"]`,
  })
  await publish('c/hello.wasm', { routes: ['/app'] }, { signingKey: key })
  await until('app', (body) => body.includes('Hello from C'))
  await publish('c/echo.wasm', { routes: ['/app'] })
  await serving.logged(/STORE_UNSIGNED/)
  expect((await client.get('app')).body).toContain('Hello from C')
  await publish('c/echo.wasm', { routes: ['/app'], env: { N: '1' } }, { signingKey: key })
  await until('app', (body) => body.startsWith('{'))
})
