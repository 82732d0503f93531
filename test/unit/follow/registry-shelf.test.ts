/** A registry that is followed, and that need not mean well: what it says is believed only where it cannot lie. */
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { MAX_INDEX_BYTES } from '../../../src/follow/export-index.ts'
import { type Behaviour, digest as digestOf } from '../../integration/oci/fake-registry.ts'
import { type RegistryPlace, registryPlace } from '../../support/follow/registry-place.ts'
import { hostileListing, setUp, sourceCases } from '../../support/follow/source-cases.ts'

const place = (store: string): Promise<RegistryPlace> => registryPlace(store, () => false)

sourceCases('registry', place)
hostileListing('registry', place)

test('what did not change is neither sent nor fetched again', async () => {
  let registry: RegistryPlace | undefined
  const { publish, look } = await setUp(async (store) => {
    registry = await place(store)
    return registry
  })
  const pushed = (): readonly string[] =>
    (registry?.registry.asked ?? [])
      .filter(({ method }) => method === 'PUT')
      .map(({ path }) => path)
  await publish({ module: '1', files: { 'a.html': 'x'.repeat(1000) } })
  await look()
  const before = pushed().length
  // A module, hardened, with the record and the listing of the release: in four folders at most, beside the list and the tag.
  await publish({ module: '2', files: { 'a.html': 'x'.repeat(1000) } })
  const then = pushed().slice(before)
  expect(then.filter((path) => path.includes('/blobs/')).length).toBe(4)
  const gets = (): number =>
    (registry?.registry.asked ?? []).filter(
      ({ method, path }) => method === 'GET' && path.includes('/blobs/'),
    ).length
  const fetched = gets()
  expect(await look()).toMatchObject({ behind: 0, error: null })
  // And the list of tenants.
  expect(gets() - fetched).toBe(5)
})

/** An endless answer, as fast as it is taken. */
function endless(response: ServerResponse): void {
  const piece = Buffer.alloc(64 * 1024, ' ')
  const more = (): void => {
    while (!response.destroyed && response.write(piece)) {}
  }
  response.on('drain', more)
  more()
}

const MANIFEST = 'application/vnd.oci.image.index.v1+json'
const blob = (contents: string, size: number = Buffer.byteLength(contents)) => ({
  digest: digestOf(Buffer.from(contents)),
  size,
})

/** The list of tenants is another one: `said` of its size. */
function withRecords(text: string, size?: number): Behaviour {
  const manifest = JSON.stringify({ config: blob(text, size), layers: [] })
  const index = JSON.stringify({
    manifests: [
      { ...blob(manifest), annotations: { 'org.opencontainers.image.title': 'records' } },
    ],
  })
  return ({ method, path }, response) => {
    if (method !== 'GET' && method !== 'HEAD') return false
    const body = path.endsWith(`/manifests/live`)
      ? index
      : path.includes('/manifests/')
        ? manifest
        : text
    const known = { 'docker-content-digest': digestOf(Buffer.from(body)), 'content-type': MANIFEST }
    response.writeHead(200, known).end(method === 'HEAD' ? undefined : body)
    return true
  }
}

const answer =
  (part: string, work: (response: ServerResponse) => void): Behaviour =>
  ({ method, path }, response) => {
    if (method !== 'GET' || !path.includes(part)) return false
    work(response)
    return true
  }

const STRANGE = 'FOLLOW_STRANGE_ANSWER'
const record = (published: object, signatures: object = {}) =>
  JSON.stringify({ format: 1, tenants: { acme: { live: '{}', published, signatures } } })

const LIES: ReadonlyArray<readonly [name: string, behaviour: Behaviour, code: string]> = [
  ['a tag that is no JSON', answer('/manifests/live', (to) => to.end('{')), STRANGE],
  ['a tag for something else', answer('/manifests/live', (to) => to.end('{"layers":[]}')), STRANGE],
  ['a tag without records', answer('/manifests/live', (to) => to.end('{"manifests":[]}')), STRANGE],
  ['a tag without an end', answer('/manifests/live', endless), STRANGE],
  ['a manifest of another digest', answer('/manifests/sha256', (to) => to.end('{}')), STRANGE],
  ['records of another digest', answer('/blobs/', (to) => to.end('{}')), STRANGE],
  ['records without an end', answer('/blobs/', endless), STRANGE],
  ['records that never come', answer('/blobs/', (to) => to.flushHeaders()), 'FOLLOW_NO_SOURCE'],
  ['records that are no JSON', withRecords('{'), STRANGE],
  ['records of another format', withRecords('{"format":2,"tenants":{}}'), STRANGE],
  ['enormous records', withRecords('{}', MAX_INDEX_BYTES + 1), STRANGE],
  ['records without a size', withRecords('{}', -1), STRANGE],
  ['a tenant that is none', withRecords('{"format":1,"tenants":{"../x":{}}}'), STRANGE],
  ['an entry that is none', withRecords(record({ '../../x': '' })), STRANGE],
  ['a signature that is none', withRecords(record({}, { '../../x': '' })), STRANGE],
  ['a pointer that is none', withRecords(record({})), 'STORE_DAMAGED'],
  [
    'redirects without an end',
    answer('/manifests/live', (to) =>
      to.writeHead(307, { location: '/v2/fleet/store/manifests/live' }).end(),
    ),
    STRANGE,
  ],
]

test('whatever it says, what is live here stays', async () => {
  let lie: Behaviour = () => false
  const { publish, look, live } = await setUp((store) =>
    registryPlace(store, (...asked) => lie(...asked)),
  )
  const old = await publish({ module: '1' })
  await look()
  const next = await publish({ module: '2' })
  for (const [name, behaviour, code] of LIES) {
    lie = behaviour
    expect([name, (await look()).error?.code]).toEqual([name, code])
    expect(await live()).toBe(old)
  }
  lie = () => false
  expect(await look()).toMatchObject({ error: null, behind: 0 })
  expect(await live()).toBe(next)
})

test('bytes without an end, or too slow, or of another length than the release says', async () => {
  let lie: Behaviour = () => false
  const { publish, look, live } = await setUp((store) =>
    registryPlace(store, (...asked) => lie(...asked)),
  )
  const old = await publish({ module: '1' })
  await look()
  await publish({ module: '2' })
  const module = createHash('sha256').update('hardened 2').digest('hex')
  for (const work of [endless, (to: ServerResponse) => to.flushHeaders()]) {
    lie = answer(module, work)
    expect(await look()).toMatchObject({ behind: 1, tenants: 1 })
    expect(await live()).toBe(old)
  }
  lie = () => false
  expect(await look()).toMatchObject({ behind: 0, error: null })
})
