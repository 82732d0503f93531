/** What holds for every source, whatever it does: the store here is whole at every moment and says how far it is behind. */
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { Follower } from '../../../src/follow/follower.ts'
import type { ReleaseSource } from '../../../src/follow/release-source.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { type DraftOptions, release } from '../../unit/store/drafts.ts'

export const clock = systemClock
const FILES = { 'index.html': 'a page', 'deep/it.txt': 'x'.repeat(20_000) }

/** Where a store is followed from. */
export interface SourcePlace {
  readonly source: ReleaseSource
  /** Brings it up to date. */
  sync(): Promise<void>
  /** Makes a file of the store another one there, or none. */
  spoil(path: string, contents: Uint8Array | undefined): Promise<void>
  /** From here on nothing is there. */
  takeAway(): Promise<void>
  /** And here it is again. */
  bringBack(): Promise<void>
  /** How often it has been asked for something, if it counts. */
  asked?(): number
}

export type MakePlace = (store: string) => Promise<SourcePlace>

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-follow-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface FollowSetUp {
  readonly place: SourcePlace
  /** The folder of the store that is followed. */
  readonly there: string
  readonly local: DirectoryStore
  readonly follower: Follower
  publish(options: DraftOptions & { readonly tenant?: string }): Promise<string>
  /** Looks once; what it says then. */
  look(): Promise<Follower['facts']>
  live(tenant?: string): Promise<string | undefined>
}

export async function setUp(make: MakePlace): Promise<FollowSetUp> {
  const [here, there] = [join(temporaryFolder(), 'store'), join(temporaryFolder(), 'store')]
  const origin = await DirectoryStore.make(there, { clock })
  const place = await make(there)
  const replica = await Replica.make(here, { clock })
  const local = await DirectoryStore.open(here, { clock })
  const follower = new Follower({
    ...{ source: place.source, replica, clock, intervalMs: 1000, onFacts: () => undefined },
    logger: pino({ level: 'silent' }),
  })
  return {
    ...{ place, there, local, follower },
    publish: async (options) => {
      const { release: digest } = await release(origin, nodeFiles, options)
      await place.sync()
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

export function sourceCases(kind: string, make: MakePlace): void {
  test(`${kind}: what is live there becomes live here, and what was can be rolled back to`, async () => {
    const { publish, look, live, local, place } = await setUp(make)
    const first = await publish({ module: '1', files: FILES })
    const second = await publish({ module: '2', files: FILES })
    const other = await publish({ module: '1', tenant: 'blog.example' })
    expect(await look()).toMatchObject({ tenants: 2, behind: 0, switches: 2, error: null })
    expect(await live()).toBe(second)
    expect(await live('blog.example')).toBe(other)
    expect((await local.releases('acme')).map((one) => one.release)).toEqual([second, first])
    // Nothing is asked for twice.
    const before = place.asked?.() ?? 0
    expect(await look()).toMatchObject({ looks: 2, switches: 2 })
    expect((place.asked?.() ?? 0) - before).toBeLessThan(2)
    // Here it was decided otherwise: it stays so until there is something new there.
    expect((await local.rollBack('acme')).release).toBe(first)
    expect(await look()).toMatchObject({ behind: 0 })
    expect(await live()).toBe(first)
    const third = await publish({ module: '3', files: FILES })
    expect(await look()).toMatchObject({ behind: 0, switches: 3 })
    expect(await live()).toBe(third)
    expect((await local.rollBack('acme')).release).toBe(second)
  })

  test(`${kind}: damaged, cut, too long, missing: that tenant waits, others go on, and it is told`, async () => {
    const { publish, look, live, place, there } = await setUp(make)
    const old = await publish({ module: '1', files: FILES })
    await look()
    const next = await publish({ module: '2', files: FILES })
    const blob = createHash('sha256').update('hardened 2').digest('hex')
    const path = join('blobs', blob.slice(0, 2), blob)
    const good = readFileSync(join(there, path))
    const bad = [Buffer.from('hardened 3'), good.subarray(0, 4), Buffer.alloc(300_000, 'x')]
    for (const [number, contents] of [...bad, Buffer.alloc(0), undefined].entries()) {
      await place.spoil(path, contents)
      const other = await publish({ module: `other ${number}`, tenant: 'blog' })
      const facts = await look()
      expect(facts).toMatchObject({ tenants: 2, behind: 1 })
      expect(facts.error?.code).toMatch(/^(STORE_DAMAGED|STORE_LIMIT_EXCEEDED|FOLLOW_)/)
      expect(await live()).toBe(old)
      expect(await live('blog')).toBe(other)
    }
    await place.spoil(path, good)
    const record = join('releases', next.slice(0, 2), `${next}.json`)
    const text = readFileSync(join(there, record))
    await place.spoil(record, undefined)
    expect(await look()).toMatchObject({ behind: 1, error: { code: 'STORE_DAMAGED' } })
    await place.spoil(record, text)
    expect(await look()).toMatchObject({ behind: 0, error: null })
    expect(await live()).toBe(next)
  })

  test(`${kind}: a source that is gone changes nothing, and is followed again`, async () => {
    const { publish, look, live, place, local } = await setUp(make)
    const old = await publish({ module: '1' })
    await look()
    await place.takeAway()
    expect(await look()).toMatchObject({ error: { code: 'FOLLOW_NO_SOURCE' }, tenants: 1 })
    expect(await live()).toBe(old)
    expect((await local.releases('acme')).length).toBe(1)
    await place.bringBack()
    const next = await publish({ module: '2' })
    // A connection to a server that was away may still have to find out that it is back.
    await expect.poll(look).toMatchObject({ error: null, behind: 0 })
    expect(await live()).toBe(next)
  })
}

/** For sources that do not look at what they hold: a listing that leads out of the folder. */
export function hostileListing(kind: string, make: MakePlace): void {
  test(`${kind}: a listing that leads elsewhere is refused, and nothing is written there`, async () => {
    const { publish, look, place, there: from, local } = await setUp(make)
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
    const path = join(from, 'blobs', image.digest.slice(0, 2), image.digest)
    const evil = put('blobs', readFileSync(path, 'utf8').replace('"a/b"', '"../../../escaped"'))
    const text = readFileSync(record, 'utf8').replaceAll(image.digest, evil)
    const next = put('releases', text)
    for (const file of [`tenants/acme/${digest}.json`, 'live/acme.json']) {
      const changed = readFileSync(join(from, file), 'utf8')
        .replaceAll(digest, next)
        .replace('"sequence":1', '"sequence":2')
      writeFileSync(join(from, file.replace(digest, next)), changed, { flag: 'w' })
    }
    await place.sync()
    expect(await look()).toMatchObject({ behind: 1, error: { code: 'STORE_DAMAGED' } })
    expect(existsSync(join(local.layout.root, '..', 'escaped'))).toBe(false)
    expect(readdirSync(local.layout.tmp)).toEqual([])
  })
}
