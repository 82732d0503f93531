/** Publishing and taking back over HTTP, with the server's own client and by hand. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import {
  listReleasesRemote,
  promoteRemote,
  publishRemote,
  type Remote,
  readRemote,
  rollBackRemote,
  withdrawRemote,
} from '../../../src/cli/remote.ts'
import { publishSignedRemote } from '../../../src/cli/remote-signing.ts'
import { parseDuration, parseSize } from '../../../src/config/units.ts'
import { publish } from '../../../src/store/publication.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import { type RunningApi, startApi } from './api.ts'

const local = (api: RunningApi): Remote => readRemote(`unix:${api.socketPath}`, {})

/** A folder to publish, and things beside it that are nobody's business. */
function makeApp(api: RunningApi): string {
  const app = join(api.folder, 'shop')
  mkdirSync(join(app, 'public', 'css'), { recursive: true })
  mkdirSync(join(app, 'node_modules'))
  writeFileSync(join(app, 'shop.wasm'), readFileSync('build/guests/c/hello.wasm'))
  writeFileSync(join(app, 'public', 'index.html'), '<h1>shop</h1>')
  writeFileSync(join(app, 'public', 'css', 'site.css'), 'body {}')
  writeFileSync(join(app, 'wasm-fpm.json'), JSON.stringify({ routes: ['/shop'], files: 'public' }))
  writeFileSync(join(app, '.env'), 'SECRET=1')
  symlinkSync('/etc/passwd', join(app, 'node_modules', 'link'))
  return app
}

test('a folder goes live, and back', async () => {
  const api = await startApi()
  const app = makeApp(api)
  const steps: string[] = []
  let bytes = 0
  const first = await publishRemote(app, local(api), {
    tenant: 'acme',
    onStep: ({ step }) => steps.push(step),
    onBytes: (count) => {
      bytes = count
    },
  })
  expect(steps).toEqual(['read', 'verify', 'harden', 'compile', 'probe', 'store', 'switch'])
  expect(bytes).toBeGreaterThan(500)
  expect(first).toMatchObject({ tenant: 'acme', handler: 'shop', number: 1 })
  expect((await api.store.state('acme')).handlers['shop']?.release).toBe(first.release)
  const { image, manifest } = await api.store.release(first.release)
  expect(image).toMatchObject({ files: 2 })
  expect(manifest.routes).toEqual([{ path: '/shop' }])

  writeFileSync(join(app, 'public', 'index.html'), '<h1>new shop</h1>')
  const second = await publishRemote(app, local(api), { tenant: 'acme' })
  expect(second).toMatchObject({ previous: first.release, number: 2 })
  expect(await listReleasesRemote(local(api), 'acme')).toMatchObject([
    { number: 2, isLive: true, files: 2 },
    { number: 1, isLive: false },
  ])
  expect(await rollBackRemote(local(api), { tenant: 'acme' })).toMatchObject({
    release: first.release,
    previous: second.release,
  })
  const forth = { tenant: 'acme', release: second.release.slice(0, 8) }
  expect(await rollBackRemote(local(api), forth)).toMatchObject({ release: second.release })
  expect(await rollBackRemote(local(api), { tenant: 'acme', release: '1' })).toMatchObject({
    release: first.release,
  })
  const options = { tenant: 'acme', handler: 'shop' }
  expect(await withdrawRemote(local(api), options)).toMatchObject({ release: first.release })
  expect((await api.store.state('acme')).handlers).toEqual({})
  expect(api.leftovers()).toEqual([])
  expect(
    api
      .audit()
      .map(({ who, what, status, release, previous }) => [who, what, status, release, previous]),
  ).toEqual([
    ['local', 'publish', 201, first.release, undefined],
    ['local', 'publish', 201, second.release, first.release],
    ['local', 'rollback', 200, first.release, second.release],
    ['local', 'rollback', 200, second.release, first.release],
    ['local', 'rollback', 200, first.release, second.release],
    ['local', 'withdraw', 200, undefined, first.release],
  ])
})

test('a canary, over TCP with a token', async () => {
  const api = await startApi()
  const token = await api.token('acme', ['publish'])
  const remote = readRemote(`http://127.0.0.1:${api.port}`, { WASM_FPM_TOKEN: token })
  const [hello, echo] = ['hello', 'echo'].map((name) => join(api.folder, 'modules', `${name}.wasm`))
  const options = { tenant: 'acme', handler: 'app', route: '/app' }
  const first = await publishRemote(hello ?? '', remote, options)
  const canary = { weight: 10, sticky: true }
  const second = await publishRemote(echo ?? '', remote, { ...options, canary })
  expect(second).toMatchObject({
    live: first.release,
    canary: { release: second.release, weight: 10, sticky: true },
  })
  expect(await promoteRemote(remote, { tenant: 'acme', weight: 30 })).toMatchObject({
    canary: { weight: 30 },
  })
  expect(await promoteRemote(remote, { tenant: 'acme' })).toMatchObject({ release: second.release })
  expect(api.audit()[0]).toMatchObject({
    who: token.slice(5, 17),
    from: '127.0.0.1',
    handler: 'app',
  })
})

test('the tenant’s limits hold, and its name is not in the upload to choose', async () => {
  const api = await startApi({ acme: '[tenant.limits]\nmemory = "2MiB"' })
  const module = join(api.folder, 'modules', 'hello.wasm')
  const { release } = await publishRemote(module, local(api), { tenant: 'acme' })
  expect((await api.store.release(release)).hardened?.memoryMaxBytes).toBe(2_097_152)
  const app = makeApp(api)
  writeFileSync(join(app, 'wasm-fpm.json'), JSON.stringify({ limits: { memory: '3MiB' } }))
  await expect(publishRemote(app, local(api), { tenant: 'acme' })).rejects.toMatchObject({
    code: 'STORE_OVER_TENANT_LIMIT',
  })
  expect(await api.store.tenants()).toEqual(['acme'])
})

test('a tenant with signers: unsigned releases neither come in nor come back', async () => {
  const { key: signingKey } = createSigningKey()
  const api = await startApi({ acme: `signers = ["${signingKey.publicKey.text}"]` })
  const publishHere = (name: string, changes: object) =>
    publish(join(api.folder, 'modules', `${name}.wasm`), {
      store: api.store,
      tenant: 'acme',
      handler: 'app',
      units: { size: parseSize, duration: parseDuration },
      clock: systemClock,
      ...changes,
    })
  await publishHere('hello', {})
  const { stored } = await publishHere('echo', { signingKey })
  const module = join(api.folder, 'modules', 'hello.wasm')
  const unsigned = { code: 'STORE_UNSIGNED' }
  await expect(publishRemote(module, local(api), { tenant: 'acme' })).rejects.toMatchObject(
    unsigned,
  )
  for (const release of [undefined, '1']) {
    const attempt = rollBackRemote(local(api), { tenant: 'acme', release })
    await expect(attempt).rejects.toMatchObject(unsigned)
  }
  expect((await api.store.state('acme')).handlers['app']?.release).toBe(stored.release)
  expect(await listReleasesRemote(local(api), 'acme')).toMatchObject([
    { number: 2, isLive: true, signedBy: [signingKey.publicKey.id] },
    { number: 1, isLive: false, signedBy: [] },
  ])
  expect(api.audit().map(({ status }) => status)).toEqual([422, 422, 422])
})

test('what the client says when it goes wrong', async () => {
  const api = await startApi()
  const module = join(api.folder, 'modules', 'hello.wasm')
  const nobody = readRemote(`http://127.0.0.1:${api.port}`, {})
  const failures = [
    [() => publishRemote(module, nobody, { tenant: 'acme' }), 'ADMIN_NO_TOKEN'],
    [() => publishRemote(module, local(api), { tenant: 'nobody' }), 'ADMIN_UNKNOWN_TENANT'],
    [
      () => publishRemote(join(api.folder, 'none'), local(api), { tenant: 'acme' }),
      'CLI_UNREADABLE',
    ],
    [
      () => publishRemote(join(api.folder, 'store'), local(api), { tenant: 'acme' }),
      'CLI_UNREADABLE',
    ],
    [() => rollBackRemote(local(api), { tenant: 'acme' }), 'STORE_UNKNOWN_HANDLER'],
    [() => rollBackRemote(local(api), { tenant: 'acme', release: '9' }), 'STORE_UNKNOWN_RELEASE'],
    [() => promoteRemote(local(api), { tenant: 'acme' }), 'STORE_UNKNOWN_HANDLER'],
    [() => listReleasesRemote(readRemote('unix:/nowhere/x.sock', {}), 'acme'), 'ADMIN_UNREACHABLE'],
  ] as const
  for (const [attempt, code] of failures) await expect(attempt()).rejects.toMatchObject({ code })
})

test.for(['ftp://x', 'host:80', 'unix:', '', 'https://user@host/', 'http://host/?x=1'])(
  '%j is no server',
  (server) => {
    expect(() => readRemote(server, {})).toThrow(
      expect.objectContaining({ code: 'CLI_BAD_ADDRESS' }),
    )
  },
)

test('a folder of scripts goes live, with what it has but what keeps its versions; signed as well', async () => {
  const api = await startApi({
    acme: 'runtimes = ["php"]\n[[runtime]]\nname = "php"\nextensions = [".php"]\nindex = "index.php"',
  })
  const app = join(api.folder, 'wiki')
  mkdirSync(join(app, '.git'), { recursive: true })
  for (const name of ['index.php', '.htaccess', '.git/config']) writeFileSync(join(app, name), '')
  const wish = { tenant: 'acme', runtime: 'php' }
  const { release } = await publishRemote(app, local(api), wish)
  const { image, manifest } = await api.store.release(release)
  expect(manifest.runtime).toBe('php')
  expect(image?.files).toBe(2)
  expect(await listReleasesRemote(local(api), 'acme')).toMatchObject([
    { runtime: 'php', moduleBytes: 0, files: 2 },
  ])
  const { key: signingKey } = createSigningKey()
  const signed = await publishSignedRemote(app, local(api), { ...wish, signingKey })
  expect(signed.stored.release).toBe(release)
  const other = publishRemote(app, local(api), { ...wish, runtime: 'ruby' })
  await expect(other).rejects.toMatchObject({ code: 'STORE_NO_RUNTIME' })
})
