/** A store that follows another one: in a folder, handed out by a web server, and in a registry. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import { join, normalize } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FolderExport } from '../../../src/follow/export-store.ts'
import { openSource } from '../../../src/follow/open-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import {
  clock,
  hostileListing,
  type SourcePlace,
  setUp,
  sourceCases,
  temporaryFolder,
} from '../../support/follow/source-cases.ts'
import { release } from '../store/drafts.ts'

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

interface FolderPlace extends SourcePlace {
  readonly folder: string
}

async function folderPlace(folder: string): Promise<FolderPlace> {
  return {
    ...{ folder, source: openSource(`dir:${folder}`, clock), sync: async () => undefined },
    spoil: async (path, contents) => {
      const file = join(folder, path)
      if (existsSync(file)) unlinkSync(file)
      if (contents !== undefined) writeFileSync(file, contents, { mode: 0o644 })
    },
    // A share that is not mounted is a folder, too.
    takeAway: async () => {
      renameSync(folder, `${folder}-away`)
      cpSync(join(`${folder}-away`, 'blobs'), join(folder, 'blobs'), { recursive: true })
    },
    bringBack: async () => {
      rmSync(folder, { recursive: true })
      renameSync(`${folder}-away`, folder)
    },
  }
}

async function webPlace(store: string): Promise<FolderPlace> {
  const copy = join(temporaryFolder(), 'copy')
  const sync = async (): Promise<void> =>
    void (await (await FolderExport.open(store, copy, clock)).run())
  await sync()
  const { url, asked } = await webServer(copy)
  const place = await folderPlace(copy)
  return { ...place, sync, source: openSource(url, clock), asked: () => asked.length }
}

sourceCases('dir', folderPlace)
hostileListing('dir', folderPlace)
sourceCases('web', webPlace)

test('an index that is none, and a tenant that is gone there', async () => {
  let from = ''
  const { publish, look, live } = await setUp(async (store) => {
    const place = await webPlace(store)
    from = place.folder
    return place
  })
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

test.for([-10, 10])(
  'the clock there is %i years off: what was switched last is live all the same',
  async (years) => {
    const offMs = years * 365 * 86_400_000
    const wrong = {
      ...clock,
      epochMs: () => clock.epochMs() + offMs,
      realtimeNs: () => clock.realtimeNs() + BigInt(offMs) * 1_000_000n,
    }
    const [there, here] = [join(temporaryFolder(), 'store'), join(temporaryFolder(), 'store')]
    const origin = await DirectoryStore.make(there, { clock: wrong })
    const source = openSource(`dir:${there}`, clock)
    const replica = await Replica.make(here, { clock })
    const local = await DirectoryStore.open(here, { clock })
    const bring = async (): Promise<void> =>
      void (await replica.follow(
        source,
        'acme',
        (await source.look())?.all.get('acme') ?? Buffer.of(),
      ))
    const live = async () => (await local.state('acme')).handlers['main']?.release
    const first = await release(origin, nodeFiles, { module: '1' })
    await bring()
    expect(await live()).toBe(first.release)
    const own = await release(local, nodeFiles, { module: '2' })
    expect((await local.releases('acme'))[0]?.release).toBe(own.release)
    expect(await live()).toBe(own.release)
    const third = await release(origin, nodeFiles, { module: '3' })
    await bring()
    expect(await live()).toBe(third.release)
    expect((await local.check()).problems).toEqual([])
  },
)

test.for([
  'dir:relative',
  'http://example.org/',
  'ftp://example.org/',
  'https://example.org/?a',
  'https://user:password@example.org/',
  `oci://example.org/store@sha256:${'a'.repeat(64)}`,
  '',
])('%s is no source', (address) => {
  expect(() => openSource(address, clock)).toThrow(
    expect.objectContaining({ code: 'FOLLOW_BAD_SOURCE' }),
  )
})

test.for([
  ['dir:/srv/store', { USERNAME: 'a', PASSWORD: 'secret-1' }],
  ['https://example.org/', { USERNAME: 'a', TOKEN: 'secret-1' }],
  ['https://example.org/', { PASSWORD: 'secret-1' }],
  ['oci://example.org/store', { USERNAME: 'a:b', PASSWORD: 'secret-1' }],
] as const)('%s is not shown %j', ([address, secrets]) => {
  let message = ''
  try {
    openSource(address, clock, { secrets })
  } catch (error) {
    message = `${Object(error).code} ${error}`
  }
  expect(message).toMatch(/^FOLLOW_BAD_SECRETS /)
  expect(message).not.toContain('secret-1')
})
