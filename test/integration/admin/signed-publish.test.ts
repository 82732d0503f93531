/** Publishing for a tenant that demands signatures: stored, signed by a client that keeps its key, switched to. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { publishRemote, type Remote, readRemote } from '../../../src/cli/remote.ts'
import { publishSignedRemote } from '../../../src/cli/remote-signing.ts'
import { encodeSignature, signRelease } from '../../../src/store/signature.ts'
import { createSigningKey, type SigningKey } from '../../../src/store/signing-key.ts'
import { type Reply, type RunningApi, startApi } from './api.ts'

const { key: KEY } = createSigningKey()
const { key: OTHER } = createSigningKey()
const SIGNERS = `signers = ["${KEY.publicKey.text}"]`

const local = (api: RunningApi): Remote => readRemote(`unix:${api.socketPath}`, {})

/** A folder whose release has everything that goes into a digest. */
function makeApp(api: RunningApi): string {
  const app = join(api.folder, 'shop')
  mkdirSync(join(app, 'public', 'css'), { recursive: true })
  writeFileSync(join(app, 'shop.wasm'), readFileSync('build/guests/c/hello.wasm'))
  writeFileSync(join(app, 'public', 'index.html'), '<h1>shop</h1>')
  writeFileSync(join(app, 'public', 'css', 'site.css'), 'body {}')
  const manifest = {
    routes: ['/shop', { path: '/basket', methods: ['PUT', 'GET'] }],
    files: 'public',
    env: { CURRENCY: 'EUR' },
    limits: { cpu: '500ms' },
    static: { path: '/shop/css', folder: 'css' },
    auto_rollback: true,
  }
  writeFileSync(join(app, 'wasm-fpm.json'), JSON.stringify(manifest))
  return app
}

/** Stores a module, and answers its digest. */
async function store(api: RunningApi, name: string, query = ''): Promise<string> {
  const reply = await api.send(
    'POST',
    `/v1/tenants/acme/releases?handler=app&route=/app&switch=false${query}`,
    { isLocal: true, type: 'application/wasm', body: readFileSync(`build/guests/c/${name}.wasm`) },
  )
  const { event, release } = reply.json as { readonly event: string; readonly release: string }
  expect([event, reply.code]).toEqual(['stored', undefined])
  return release
}

interface Put {
  readonly key?: SigningKey
  readonly keyId?: string
  readonly body?: string | Uint8Array
}

function sign(api: RunningApi, release: string, put: Put = {}): Promise<Reply> {
  const { key = KEY, keyId = key.publicKey.id } = put
  const { body = encodeSignature(signRelease(key, { tenant: 'acme', release })) } = put
  const path = `/v1/tenants/acme/releases/${release}/signatures/${keyId}`
  return api.send('PUT', path, { isLocal: true, type: 'application/json', body })
}

function switchTo(api: RunningApi, release: string, body: object = {}): Promise<Reply> {
  return api.send('POST', `/v1/tenants/acme/releases/${release}/switch`, { isLocal: true, body })
}

test('by hand: stored and not live, then signed, then live; nothing goes in another order', async () => {
  const api = await startApi({ acme: SIGNERS })
  const release = await store(api, 'hello')
  expect((await api.store.state('acme')).sequence).toBe(0)
  const early = await switchTo(api, release)
  expect([early.status, early.code]).toEqual([422, 'STORE_UNSIGNED'])
  const signed = await sign(api, release)
  expect([signed.status, signed.json]).toEqual([
    200,
    {
      ...{ tenant: 'acme', handler: 'app', release, number: 1 },
      ...{ key: KEY.publicKey.text, keyId: KEY.publicKey.id },
    },
  ])
  // Nothing is live by a signature alone.
  expect((await api.store.state('acme')).sequence).toBe(0)
  const switched = await switchTo(api, release)
  expect([switched.status, switched.json]).toMatchObject([200, { handler: 'app', release }])
  expect((await api.store.state('acme')).handlers['app']?.release).toBe(release)
  const second = await store(api, 'echo', '&weight=5&sticky=true')
  expect((await switchTo(api, second, { weight: 20 })).code).toBe('STORE_UNSIGNED')
  expect((await sign(api, second)).status).toBe(200)
  // By its number, too.
  expect((await switchTo(api, '2', { weight: 20, sticky: true })).json).toMatchObject({
    ...{ release, previous: release, canary: { release: second, weight: 20, sticky: true } },
  })
  const lines = api.audit().map(({ what, status, release: of, key, switched: isSwitched }) => {
    return [what, status, of, key, isSwitched]
  })
  const { id } = KEY.publicKey
  expect(lines).toEqual([
    ['publish', 201, release, undefined, false],
    ['switch', 422, release, undefined, undefined],
    ['putSignature', 200, release, id, undefined],
    ['switch', 200, release, undefined, undefined],
    ['publish', 201, second, undefined, false],
    ['switch', 422, second, undefined, undefined],
    ['putSignature', 200, second, id, undefined],
    ['switch', 200, second, undefined, undefined],
  ])
})

test('signatures that are not kept', async () => {
  const api = await startApi({ acme: SIGNERS })
  const release = await store(api, 'hello')
  const another = await store(api, 'echo')
  const good = encodeSignature(signRelease(KEY, { tenant: 'acme', release }))
  const foreign = encodeSignature(signRelease(KEY, { tenant: 'other', release }))
  const table: { readonly format: number } = JSON.parse(Buffer.from(good).toString())
  const { id } = KEY.publicKey
  const cases: ReadonlyArray<readonly [string, Promise<Reply>, number, string]> = [
    ['a stranger', sign(api, release, { key: OTHER }), 422, 'STORE_BAD_SIGNATURE'],
    ['another release', sign(api, another, { body: good }), 422, 'STORE_BAD_SIGNATURE'],
    ['another tenant', sign(api, release, { body: foreign }), 422, 'STORE_BAD_SIGNATURE'],
    [
      'another key id',
      sign(api, release, { keyId: OTHER.publicKey.id, body: good }),
      400,
      'ADMIN_BAD_REQUEST',
    ],
    [
      'under a signer’s id',
      sign(api, release, { key: OTHER, keyId: id }),
      400,
      'ADMIN_BAD_REQUEST',
    ],
    ['no body', sign(api, release, { body: '' }), 400, 'ADMIN_BAD_REQUEST'],
    ['no JSON', sign(api, release, { body: '{' }), 400, 'ADMIN_BAD_REQUEST'],
    [
      'a format to come',
      sign(api, release, { body: JSON.stringify({ ...table, format: 2 }) }),
      400,
      'ADMIN_BAD_REQUEST',
    ],
    [
      'more than is known',
      sign(api, release, { body: JSON.stringify({ ...table, more: 1 }) }),
      400,
      'ADMIN_BAD_REQUEST',
    ],
    [
      'no key',
      sign(api, release, { body: JSON.stringify({ ...table, key: 'ed25519:AAAA' }) }),
      422,
      'STORE_BAD_SIGNATURE',
    ],
    [
      'half a signature',
      sign(api, release, { body: JSON.stringify({ ...table, signature: 'AAAA' }) }),
      422,
      'STORE_BAD_SIGNATURE',
    ],
    [
      'large',
      sign(api, release, { body: JSON.stringify({ ...table, signature: 'A'.repeat(1024) }) }),
      413,
      'ADMIN_BODY_TOO_LARGE',
    ],
    ['no such release', sign(api, 'f'.repeat(64)), 404, 'STORE_UNKNOWN_RELEASE'],
  ]
  for (const [name, reply, status, code] of cases) {
    const { status: actual, code: actualCode } = await reply
    expect([name, actual, actualCode]).toEqual([name, status, code])
  }
  expect(await api.store.signatures('acme')).toEqual([])
  for (const body of [{ weight: 0 }, { weight: 100 }, { sticky: true }, { live: true }]) {
    expect((await switchTo(api, release, body)).code).toBe('ADMIN_BAD_REQUEST')
  }
  expect((await switchTo(api, release, { weight: 5 })).code).toBe('STORE_BAD_CANARY')
  expect((await api.store.state('acme')).sequence).toBe(0)
})

test('before signers are set anybody of the tenant signs, but no more than a few', async () => {
  const api = await startApi({ limits: { signatures: 1 } })
  const release = await store(api, 'hello')
  for (const status of [200, 200]) expect((await sign(api, release)).status).toBe(status)
  const more = await sign(api, release, { key: OTHER })
  expect([more.status, more.code]).toEqual([413, 'STORE_LIMIT_EXCEEDED'])
  // Of what is live a signature counts as a switch: workers that have refused it look again.
  expect((await switchTo(api, release)).status).toBe(200)
  expect((await sign(api, release)).status).toBe(200)
  expect((await api.store.state('acme')).sequence).toBe(2)
})

test('what waits for its signature is not collected', async () => {
  const api = await startApi({ acme: SIGNERS })
  for (const name of ['hello', 'echo']) {
    const release = await store(api, name)
    await api.store.collect({ keep: 1 })
    expect((await sign(api, release)).status).toBe(200)
    await api.store.collect({ keep: 1 })
    expect((await switchTo(api, release)).status).toBe(200)
  }
  expect(await api.store.releases('acme')).toHaveLength(2)
})

test('the client signs what it has sent, and the switch follows', async () => {
  const api = await startApi({ acme: `${SIGNERS}\n[tenant.limits]\nmemory = "2MiB"` })
  const app = makeApp(api)
  const token = await api.token('acme', ['publish'])
  const remote = readRemote(`http://127.0.0.1:${api.port}`, { WASM_FPM_TOKEN: token })
  const steps: string[] = []
  const options = {
    tenant: 'acme',
    signingKey: KEY,
    onStep: ({ step }: { readonly step: string }) => steps.push(step),
  }
  const first = await publishSignedRemote(app, remote, options)
  expect(steps).toEqual(['read', 'verify', 'harden', 'compile', 'probe', 'store', 'sign', 'switch'])
  const { release } = first.stored
  expect((await api.store.state('acme')).handlers['shop']?.release).toBe(release)
  expect(await api.store.signatures('acme')).toEqual([{ release, keyId: KEY.publicKey.id }])

  // With a limit of its own, a name and a route from the command line, and a share of the requests.
  const others = { ...options, handler: 'app', route: '/app' }
  writeFileSync(
    join(app, 'wasm-fpm.json'),
    JSON.stringify({ limits: { memory: '1536KiB' }, lifetime: 'fresh' }),
  )
  const live = await publishSignedRemote(app, remote, others)
  const module = join(api.folder, 'modules', 'echo.wasm')
  const canary = { weight: 10, sticky: false }
  const beside = await publishSignedRemote(module, remote, { ...others, canary })
  expect(beside.switched).toMatchObject({
    ...{ release: live.stored.release, canary: { release: beside.stored.release, weight: 10 } },
  })
  const stranger = publishSignedRemote(module, remote, { ...others, signingKey: OTHER })
  await expect(stranger).rejects.toMatchObject({ code: 'STORE_BAD_SIGNATURE' })
  await expect(publishRemote(module, local(api), others)).rejects.toMatchObject({
    code: 'STORE_UNSIGNED',
  })
  expect(api.leftovers()).toEqual([])
})

test('a server that has stored something else gets no signature', async () => {
  const api = await startApi({ acme: SIGNERS })
  const evil = await store(api, 'echo')
  const asked: string[] = []
  const liar = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    request.resume().on('end', () => {
      response.setHeader('content-type', 'application/x-ndjson')
      const stored = { event: 'stored', tenant: 'acme', handler: 'app', release: evil, number: 1 }
      const rest = { memoryMaxBytes: 67_108_864, blobs: 1, sharedBlobs: 0, newBytes: 1 }
      response.end(`${JSON.stringify({ ...stored, ...rest })}\n`)
    })
  })
  await new Promise<void>((resolve) => liar.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void liar.close())
  const { port } = liar.address() as AddressInfo
  const attempt = publishSignedRemote(
    join(api.folder, 'modules', 'hello.wasm'),
    readRemote(`http://127.0.0.1:${port}`, {}),
    { tenant: 'acme', handler: 'app', route: '/app', signingKey: KEY },
  )
  await expect(attempt).rejects.toMatchObject({ code: 'ADMIN_OTHER_RELEASE' })
  expect(asked).toEqual([
    'POST /v1/tenants/acme/releases?name=hello&switch=false&handler=app&route=%2Fapp',
  ])
})
