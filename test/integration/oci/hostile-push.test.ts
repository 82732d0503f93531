/** Registries that make pushing hard. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { type PushOptions, pushArtifact } from '../../../src/oci/push-artifact.ts'
import { type Asked, type Behaviour, digest, type FakeRegistry } from './fake-registry.ts'
import { LIMITS, MODULE, usePullPlace } from './pull-place.ts'

const place = usePullPlace()
const { start } = place

beforeEach(() => vi.stubEnv('TMPDIR', place.root))
afterEach(() => {
  vi.unstubAllEnvs()
  expect(readdirSync(place.root).filter((name) => name.startsWith('wasm-fpm-'))).toEqual([])
})

function push({ host }: FakeRegistry, options: Partial<PushOptions> = {}, version = ':v1') {
  const source = join(place.root, 'hello.wasm')
  writeFileSync(source, MODULE)
  return pushArtifact(source, `oci://${host}/acme/hello${version}`, {
    ...{ clock: systemClock, limits: LIMITS },
    ...options,
  })
}

/** Answers one kind of request. */
const on =
  (
    method: string,
    part: string,
    act: (response: Parameters<Behaviour>[1], asked: Asked) => unknown,
  ): Behaviour =>
  (asked, response) => {
    if (asked.method !== method || !asked.path.includes(part)) return false
    act(response, asked)
    return true
  }

const UPLOADS = on('POST', '/blobs/uploads/', (response) =>
  response.writeHead(202, { location: '/upload/1?state=a%2Fb' }).end(),
)
const BLOBS = on('PUT', '/upload/', (response) => response.writeHead(201).end())
const MANIFESTS = on('PUT', '/manifests/', (response) => response.writeHead(201).end())

test('what is asked, and in which order', async () => {
  const registry = await start(UPLOADS, BLOBS, MANIFESTS)
  const pushed = await push(registry)
  const module = digest(MODULE)
  const { asked } = registry
  const config = digest(asked[5]?.body ?? MODULE)
  expect(asked.map(({ method, path }) => `${method} ${decodeURIComponent(path)}`)).toEqual([
    `HEAD /v2/acme/hello/blobs/${module}`,
    'POST /v2/acme/hello/blobs/uploads/',
    `PUT /upload/1?state=a/b&digest=${module}`,
    `HEAD /v2/acme/hello/blobs/${config}`,
    'POST /v2/acme/hello/blobs/uploads/',
    `PUT /upload/1?state=a/b&digest=${config}`,
    'PUT /v2/acme/hello/manifests/v1',
  ])
  // The query is the registry's: it comes back as it was.
  expect(asked[2]?.path).toContain('?state=a%2Fb&')
  expect(asked[1]?.headers['content-length']).toBe('0')
  expect(asked[2]?.headers['content-length']).toBe('8')
  expect(asked[2]?.headers['content-type']).toBe('application/octet-stream')
  expect(asked[2]?.body).toEqual(MODULE)
  expect(asked[6]?.headers['content-type']).toBe('application/vnd.oci.image.manifest.v1+json')
  expect(pushed.digest).toBe(digest(asked[6]?.body ?? MODULE))
  expect(pushed.sharedBytes).toBe(0)
})

test('uploads go to another host without credentials', async () => {
  const storage = await start(BLOBS)
  const basic: Behaviour = ({ headers }, response) => {
    if (headers.authorization === 'Basic dTpw') return false
    response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    return true
  }
  const elsewhere = on('POST', '/blobs/uploads/', (response) =>
    response.writeHead(202, { location: `http://localhost:${storage.port}/upload/2` }).end(),
  )
  const registry = await start(basic, elsewhere, MANIFESTS)
  await push(registry, { credentials: { username: 'u', password: 'p' } })
  expect(storage.asked).toHaveLength(2)
  expect(storage.asked[0]?.path).toBe(`/upload/2?digest=${encodeURIComponent(digest(MODULE))}`)
  expect(storage.asked.every(({ headers }) => headers.authorization === undefined)).toBe(true)
})

test('an upload that breaks is begun anew', async () => {
  let tries = 0
  const breaking = on('PUT', '/upload/', (response) => {
    tries += 1
    if (tries === 1) response.destroy()
    else response.writeHead(tries === 2 ? 503 : 201).end()
  })
  const registry = await start(UPLOADS, breaking, MANIFESTS)
  const seen: number[] = []
  await push(registry, { onProgress: ({ doneBytes }) => seen.push(doneBytes) })
  expect(registry.asked.filter(({ method }) => method === 'POST')).toHaveLength(4)
  expect(seen.every((bytes) => bytes >= 0)).toBe(true)
})

const location = (value: string | undefined): Behaviour =>
  on('POST', '/blobs/uploads/', (response) =>
    response.writeHead(202, value === undefined ? {} : { location: value }).end(),
  )
const words = (status: number, code: string): string =>
  JSON.stringify({ errors: [{ code, message: `because ${status}` }] })
const OTHER = { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }

const CASES: readonly (readonly [
  name: string,
  behaviours: readonly Behaviour[],
  wanted: object,
])[] = [
  ['nothing at all', [], { code: 'OCI_NOT_FOUND' }],
  ['an upload that is nowhere', [location(undefined)], { code: 'OCI_BAD_ANSWER' }],
  ['an upload to a file', [location('file:///etc/passwd')], { code: 'OCI_BAD_ANSWER' }],
  ['an upload in the clear', [location('http://storage.example/')], { code: 'OCI_PLAIN_HTTP' }],
  [
    'another length under that digest',
    [on('HEAD', '/blobs/', (response) => response.writeHead(200, { 'content-length': 9 }).end())],
    { code: 'OCI_DIGEST_MISMATCH' },
  ],
  [
    'another digest for the blob',
    [UPLOADS, on('PUT', '/upload/', (response) => response.writeHead(201, OTHER).end())],
    { code: 'OCI_DIGEST_MISMATCH' },
  ],
  [
    'another digest for the manifest',
    [UPLOADS, BLOBS, on('PUT', '/manifests/', (response) => response.writeHead(201, OTHER).end())],
    { code: 'OCI_DIGEST_MISMATCH' },
  ],
  [
    'a full disk',
    [
      UPLOADS,
      on('PUT', '/upload/', (response) => response.writeHead(413).end(words(413, 'TOO_LARGE'))),
    ],
    { code: 'OCI_REFUSED', message: expect.stringContaining('413 (TOO_LARGE: because 413)') },
  ],
  [
    'another status than there should be',
    [UPLOADS, on('PUT', '/upload/', (response) => response.writeHead(200).end())],
    { code: 'OCI_REFUSED', details: { status: 200 } },
  ],
  [
    'a manifest it does not like',
    [
      UPLOADS,
      BLOBS,
      on('PUT', '/manifests/', (response) =>
        response.writeHead(400).end(words(400, 'MANIFEST_INVALID')),
      ),
    ],
    { code: 'OCI_REFUSED', message: expect.stringContaining('MANIFEST_INVALID') },
  ],
  [
    'no right to write',
    [
      on('POST', '/blobs/uploads/', (response) =>
        response.writeHead(403).end(words(403, 'DENIED')),
      ),
    ],
    { code: 'OCI_DENIED' },
  ],
]

test.each(CASES)('%s', async (_name, behaviours, wanted) => {
  await expect(push(await start(...behaviours))).rejects.toMatchObject(wanted)
})

test('a digest cannot be pushed to', async () => {
  const registry = await start()
  const version = `:v1@sha256:${'0'.repeat(64)}`
  await expect(push(registry, {}, version)).rejects.toMatchObject({ code: 'OCI_BAD_REFERENCE' })
  expect(registry.asked).toEqual([])
})

test('a module that changes while it is pushed', async () => {
  const change = on('HEAD', '/blobs/', (response) => {
    writeFileSync(join(place.root, 'hello.wasm'), Buffer.concat([MODULE, MODULE]))
    response.writeHead(404).end()
  })
  const registry = await start(change, UPLOADS, BLOBS, MANIFESTS)
  await expect(push(registry)).rejects.toMatchObject({ code: 'OCI_BAD_SOURCE' })
})

test('an archive larger than its limit', async () => {
  mkdirSync(join(place.root, 'site/public'), { recursive: true })
  writeFileSync(join(place.root, 'site/a.wasm'), MODULE)
  writeFileSync(join(place.root, 'site/wasm-fpm.json'), '{"files":"public"}')
  const registry = await start()
  const pushing = pushArtifact(join(place.root, 'site'), `oci://${registry.host}/a:v1`, {
    clock: systemClock,
    limits: { ...LIMITS, archiveBytes: 50 },
  })
  await expect(pushing).rejects.toMatchObject({ details: { limit: 'archiveBytes' } })
})
