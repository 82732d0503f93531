/** Published handlers under a server that runs: they go live, change and go back. */
import { chmodSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { Client } from '../master/serve.ts'
import { openSite } from './site.ts'

test('a release answers its routes; what it does not answer is left to the document root', async () => {
  const { client, publish, until } = await openSite()
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

test('a component is released as a module is, and each of its requests is the first', async () => {
  const { client, serving, publish } = await openSite()
  client.close()
  await publish('js/fetch.wasm', { routes: ['/app'] })
  // A connection that had waited for all of that would have been broken off.
  const late = new Client(serving.socket)
  for (const path of ['app/a', 'app/b', 'app/c']) {
    const { body } = await late.get(path)
    expect(JSON.parse(body)).toMatchObject({ method: 'GET', pathname: `/${path}`, requests: 1 })
  }
  late.close()
})

test('the next release, rolling back and withdrawing reach every worker as they run', async () => {
  const { serving, store, client, publish, until } = await openSite()
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
  const { serving, publish, until } = await openSite()
  await publish('as/slow.wasm', { routes: ['/app'], probe: { path: '/app?n=1&ms=1' } })
  const slow = new Client(serving.socket).get('app', 'n=4&ms=300')
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  expect(await slow).toEqual({
    status: 200,
    body: 'line 1 of 4\nline 2 of 4\nline 3 of 4\nline 4 of 4\n',
  })
})

test('what a request still runs on is not collected, however many releases come after it', async () => {
  const { serving, store, publish, until } = await openSite()
  const first = await publish('as/slow.wasm', {
    routes: ['/app'],
    files: 'files',
    probe: { path: '/app?n=1&ms=1' },
  })
  const slow = new Client(serving.socket).get('app', 'n=12&ms=500')
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  // Else it would be kept for rolling back.
  await publish('as/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('AssemblyScript'))
  await store.collect({ keep: 0 })
  expect((await store.releases('site')).map(({ release }) => release)).toContain(
    first.stored.release,
  )
  expect((await slow).body).toContain('line 12 of 12')
  expect((await store.check()).problems).toEqual([])
})

test('a method the handler does not take is answered 405 with Allow', async () => {
  const { serving, publish } = await openSite()
  await publish('c/hello.wasm', { routes: [{ path: '/app', methods: ['PUT', 'POST'] }] })
  const { status } = await new Client(serving.socket).get('app')
  expect(status).toBe(405)
  await serving.logged(/GATEWAY_WRONG_METHOD.*POST, PUT/)
})

test("a limit in the manifest counts where it is below the tenant's", async () => {
  const { serving, client, publish, until } = await openSite()
  await publish('as/slow.wasm', {
    routes: ['/app'],
    limits: { wall: '200ms' },
    probe: { path: '/app?n=1&ms=1' },
  })
  await until('app', (body) => body.includes('line'), 'n=1&ms=1')
  await expect(client.get('app', 'n=10&ms=300')).rejects.toThrow('the connection ended')
  await serving.logged(/"code":"OUTCOME_WALL_EXCEEDED"/)
})

test('a published handler has what the operator gives it by its name', async () => {
  const tenant =
    '[[tenant.handlers]]\nname = "app"\nlimits = { wall = "200ms" }\nenv = { MODE = "own" }'
  const { serving, client, publish, until } = await openSite({ tenant })
  await publish('c/echo.wasm', { routes: ['/app'] })
  expect(await until('app', (body) => body.startsWith('{'))).toContain('"MODE":"own"')
  const probe = { path: '/app?n=1&ms=1' }
  await publish('as/slow.wasm', { routes: ['/app'], probe })
  await until('app', (body) => body.includes('line'), 'n=1&ms=1')
  await expect(client.get('app', 'n=10&ms=300')).rejects.toThrow('the connection ended')
  await serving.logged(/"code":"OUTCOME_WALL_EXCEEDED"/)
  await expect(
    publish('as/slow.wasm', { routes: ['/app'], probe, limits: { wall: '1s' } }),
  ).resolves.toBeDefined() // this caller knows no configuration; the worker keeps to it all the same
  await expect(client.get('app', 'n=10&ms=300')).rejects.toThrow('the connection ended')
})

test('a release that is not what was published changes nothing and is told', async () => {
  const { serving, store, client, publish, until } = await openSite()
  await publish('c/hello.wasm', { routes: ['/app'] })
  await until('app', (body) => body.includes('Hello from C'))
  const { release } = await publish('c/echo.wasm', { routes: ['/other'], name: 'other' })
  await until('other', (body) => body.startsWith('{'))
  await store.withdraw('site', 'other')
  await until('other', (body) => body.includes('404'))
  // Nobody uses it now; when it comes back, it is another module.
  const path = store.layout.blob(release.hardened?.digest ?? '')
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

test('a release that fails too often goes back to the one before', async () => {
  const { serving, publish, until } = await openSite()
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
  const { client, publish, until } = await openSite()
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
  const { serving, client, publish, until } = await openSite({
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
