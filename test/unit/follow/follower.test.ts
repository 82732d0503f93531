/** A store that follows another one: whatever the source does, the store here is whole at every moment and says how far it is behind. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { exportStore } from '../../../src/follow/export-store.ts'
import { Follower } from '../../../src/follow/follower.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { type DraftOptions, release } from '../store/drafts.ts'

const clock = systemClock
const logger = pino({ level: 'silent' })
const FILES = { 'index.html': 'a page', 'deep/it.txt': 'x'.repeat(20_000) }

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-follow-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Hands out a folder as nginx does; resolves with its address. */
async function webServer(root: string) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(request.url ?? ''))
    asked.push(path)
    const file = join(root, path)
    if (!existsSync(file)) {
      response.writeHead(404).end()
      return
    }
    const bytes = readFileSync(file)
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
    if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end()
    else response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return { url: `http://127.0.0.1:${port}`, asked, server }
}

interface SetUp {
  readonly origin: DirectoryStore
  /** What the follower reads. */
  readonly from: string
  readonly local: DirectoryStore
  readonly follower: Follower
  readonly asked: readonly string[]
  publish(options: DraftOptions & { readonly tenant?: string }): Promise<string>
  /** Looks once; what it says then. */
  look(): Promise<Follower['facts']>
  live(tenant?: string): Promise<string | undefined>
}

async function setUp(kind: 'dir' | 'web'): Promise<SetUp> {
  const [here, there] = [join(temporaryFolder(), 'store'), join(temporaryFolder(), 'store')]
  const origin = await DirectoryStore.make(there, { clock })
  const copy = join(temporaryFolder(), 'copy')
  if (kind === 'web') await exportStore(there, copy, clock)
  const web = kind === 'web' ? await webServer(copy) : undefined
  const source = openSource(web?.url ?? `dir:${there}`, clock)
  const replica = await Replica.make(here, { clock })
  const local = await DirectoryStore.open(here, { clock })
  const follower = new Follower({
    ...{ source, replica, clock, logger, intervalMs: 1000, onFacts: () => undefined },
  })
  return {
    ...{ origin, local, follower, from: kind === 'web' ? copy : there, asked: web?.asked ?? [] },
    publish: async (options) => {
      const { release: digest } = await release(origin, nodeFiles, options)
      if (kind === 'web') await exportStore(there, copy, clock)
      return digest
    },
    look: async () => {
      await follower.look()
      // Whatever has happened.
      expect((await local.check()).problems).toEqual([])
      return follower.facts
    },
    live: async (tenant = 'acme') => (await local.state(tenant)).handlers['main']?.release,
  }
}

for (const kind of ['dir', 'web'] as const) {
  test(`${kind}: what is live there becomes live here, and what was can be rolled back to`, async () => {
    const { publish, look, live, local, asked } = await setUp(kind)
    const first = await publish({ module: '1', files: FILES })
    const second = await publish({ module: '2', files: FILES })
    const other = await publish({ module: '1', tenant: 'blog' })
    expect(await look()).toMatchObject({ tenants: 2, behind: 0, switches: 2, error: null })
    expect(await live()).toBe(second)
    expect(await live('blog')).toBe(other)
    expect((await local.releases('acme')).map((one) => one.release)).toEqual([second, first])
    // Nothing is asked for twice.
    const before = asked.length
    expect(await look()).toMatchObject({ looks: 2, switches: 2 })
    expect(asked.slice(before)).toEqual(kind === 'web' ? ['/index.json'] : [])
    // Here it was decided otherwise: it stays so until there is something new there.
    expect((await local.rollBack('acme')).release).toBe(first)
    expect(await look()).toMatchObject({ behind: 0 })
    expect(await live()).toBe(first)
    const third = await publish({ module: '3', files: FILES })
    expect(await look()).toMatchObject({ behind: 0, switches: 3 })
    expect(await live()).toBe(third)
    expect((await local.rollBack('acme')).release).toBe(second)
  })

  test(`${kind}: damaged, cut, missing: that tenant waits, others go on, and it is told`, async () => {
    const { publish, look, live, from } = await setUp(kind)
    const old = await publish({ module: '1', files: FILES })
    await look()
    const next = await publish({ module: '2', files: FILES })
    const blob = createHash('sha256').update('hardened 2').digest('hex')
    const file = join(from, 'blobs', blob.slice(0, 2), blob)
    const good = readFileSync(file)
    const spoil = [
      () => writeFileSync(file, 'hardened 3'),
      () => truncateSync(file, 4),
      () => writeFileSync(file, 'x'.repeat(100_000)),
      () => unlinkSync(file),
    ]
    for (const [number, change] of spoil.entries()) {
      if (existsSync(file)) chmodSync(file, 0o644)
      change()
      const other = await publish({ module: `other ${number}`, tenant: 'blog' })
      const facts = await look()
      expect(facts).toMatchObject({ tenants: 2, behind: 1 })
      expect(facts.error?.code).toMatch(/^(STORE_DAMAGED|STORE_LIMIT_EXCEEDED|FOLLOW_)/)
      expect(await live()).toBe(old)
      expect(await live('blog')).toBe(other)
    }
    const record = join(from, 'releases', next.slice(0, 2), `${next}.json`)
    renameSync(record, `${record}.away`)
    expect(await look()).toMatchObject({ behind: 1, error: { code: 'STORE_DAMAGED' } })
    renameSync(`${record}.away`, record)
    writeFileSync(file, good)
    expect(await look()).toMatchObject({ behind: 0, error: null })
    expect(await live()).toBe(next)
  })

  test(`${kind}: a source that is gone, or empty, changes nothing, and is followed again`, async () => {
    const { publish, look, live, from, local } = await setUp(kind)
    const old = await publish({ module: '1' })
    await look()
    renameSync(from, `${from}-away`)
    expect(await look()).toMatchObject({ error: { code: 'FOLLOW_NO_SOURCE' }, tenants: 1 })
    cpSync(join(`${from}-away`, 'blobs'), join(from, 'blobs'), { recursive: true })
    expect(await look()).toMatchObject({ error: { code: 'FOLLOW_NO_SOURCE' } })
    expect(await live()).toBe(old)
    expect((await local.releases('acme')).length).toBe(1)
    rmSync(from, { recursive: true })
    renameSync(`${from}-away`, from)
    const next = await publish({ module: '2' })
    expect(await look()).toMatchObject({ error: null, behind: 0 })
    expect(await live()).toBe(next)
  })
}

test('an index that is none, and a tenant that is gone there', async () => {
  const { publish, look, live, from } = await setUp('web')
  const old = await publish({ module: '1' })
  await look()
  const index = join(from, 'index.json')
  const change = (text: string): void => {
    chmodSync(index, 0o644)
    writeFileSync(index, text)
  }
  for (const text of [
    '{',
    '[]',
    '{"format":2,"tenants":{}}',
    '{"format":1,"tenants":{"../x":{"live":"","published":[],"signatures":[]}}}',
    '{"format":1,"tenants":{"acme":{"live":"","published":["../../x"],"signatures":[]}}}',
  ]) {
    change(text)
    expect(await look()).toMatchObject({ error: { code: 'FOLLOW_STRANGE_ANSWER' } })
  }
  change('{"format":1,"tenants":{}}')
  expect(await look()).toMatchObject({ error: null, tenants: 0, behind: 0 })
  expect(await live()).toBe(old)
})

test('a listing that leads elsewhere is refused, and nothing is written there', async () => {
  const { publish, look, from, local } = await setUp('dir')
  const digest = await publish({ module: '1', files: { 'a/b': 'text' } })
  const record = join(from, 'releases', digest.slice(0, 2), `${digest}.json`)
  const { image } = JSON.parse(readFileSync(record, 'utf8'))
  const put = (kind: 'blobs' | 'releases', text: string): string => {
    const name = createHash('sha256').update(text).digest('hex')
    const folder = join(from, kind, name.slice(0, 2))
    cpSync(join(from, 'blobs', image.digest.slice(0, 2)), folder, { recursive: true })
    writeFileSync(join(folder, kind === 'blobs' ? name : `${name}.json`), text)
    return name
  }
  const listing = readFileSync(join(from, 'blobs', image.digest.slice(0, 2), image.digest), 'utf8')
  const evil = put('blobs', listing.replace('"a/b"', '"../../../escaped"'))
  const text = readFileSync(record, 'utf8').replaceAll(image.digest, evil)
  const next = put('releases', text)
  for (const path of [`tenants/acme/${digest}.json`, 'live/acme.json']) {
    const changed = readFileSync(join(from, path), 'utf8').replaceAll(digest, next)
    writeFileSync(join(from, path.replace(digest, next)), changed, { flag: 'w' })
  }
  expect(await look()).toMatchObject({ behind: 1, error: { code: 'STORE_DAMAGED' } })
  expect(existsSync(join(local.layout.root, '..', 'escaped'))).toBe(false)
  expect(readdirSync(local.layout.tmp)).toEqual([])
})

test.for([
  'dir:relative',
  'http://example.org/',
  'ftp://example.org/',
  'https://example.org/?a',
  '',
])('%s is no source', (address) => {
  expect(() => openSource(address, clock)).toThrow(
    expect.objectContaining({ code: 'FOLLOW_BAD_SOURCE' }),
  )
})
