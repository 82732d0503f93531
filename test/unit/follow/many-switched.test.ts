/** The power fails while many tenants are switched together: each has its old or its new release, all of it, and the next look brings the rest. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock as clock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { Replica } from '../../../src/store/replica.ts'
import type { ReplicaSource } from '../../../src/store/replica-source.ts'
import { CrashFiles } from '../store/crash-files.ts'
import { release } from '../store/drafts.ts'

const ROOT = '/store'
/** Two have the same release, one has another. */
const TENANTS = ['acme', 'beta', 'gamma']

type Pointers = ReadonlyMap<string, Uint8Array>

/** What may happen to changes that were not synced: all lost, all kept, every third lost. */
const WEATHERS: ReadonlyArray<() => () => boolean> = [
  () => () => false,
  () => () => true,
  () => {
    let count = 0
    return () => {
      count += 1
      return count % 3 !== 0
    }
  },
]

test('a power cut at any point of a switch of many', { timeout: 120_000 }, async () => {
  const there = new CrashFiles()
  const origin = await DirectoryStore.make(ROOT, { clock, files: there })
  const source = sourceOf(there)
  const publishAll = async (module: string): Promise<Pointers> => {
    const pointers = new Map<string, Uint8Array>()
    for (const tenant of TENANTS) {
      const own = tenant === 'gamma' ? `${module} of its own` : module
      await release(origin, there, { tenant, module: own, files: { 'a/b.html': own } })
      const pointer = await source.read(`live/${tenant}.json`, 100_000)
      pointers.set(tenant, pointer ?? new Uint8Array(0))
    }
    return pointers
  }
  const prepared = new CrashFiles()
  const old = await publishAll('one')
  expect(await follow(prepared, source, old)).toEqual([])
  const before = await liveIn(prepared)
  const next = await publishAll('two')
  const whole = prepared.reboot(() => true)
  expect(await follow(whole, source, next)).toEqual([])
  const after = await liveIn(whole)
  expect(whole.operations).toBeGreaterThan(50)
  const mixed = new Set<number>()
  for (let point = 1; point <= whole.operations + 1; point += 1) {
    for (const weather of WEATHERS) {
      const files = prepared.reboot(() => true, point)
      const failed = await follow(files, source, next)
      const found = files.reboot(weather())
      const live = await liveIn(found)
      let changed = 0
      for (const [number, tenant] of TENANTS.entries()) {
        expect([before[number], after[number]]).toContain(live[number])
        // What was said to be done is done.
        if (!failed.includes(tenant)) expect(live[number]).toBe(after[number])
        if (live[number] === after[number]) changed += 1
      }
      mixed.add(changed)
      expect(await follow(found, source, next)).toEqual([])
      expect(await liveIn(found)).toEqual(after)
    }
  }
  // The cut did come between two of them.
  expect([...mixed].sort()).toEqual([0, 1, 2, 3])
})

/** As a look does it: those that are not in step, all at once. Answers the tenants that could not be brought. */
async function follow(
  files: CrashFiles,
  source: ReplicaSource,
  pointers: Pointers,
): Promise<readonly string[]> {
  const failed: string[] = []
  const replica = await Replica.make(ROOT, { clock, files }).catch(() => undefined)
  if (replica === undefined) return TENANTS
  await Promise.all(
    [...pointers].map(async ([tenant, live]) => {
      try {
        if (!(await replica.isInStep(tenant, live))) await replica.follow(source, tenant, live)
      } catch {
        failed.push(tenant)
      }
    }),
  )
  return failed
}

/** What each tenant's guest would be and see; the store is whole. */
async function liveIn(files: CrashFiles): Promise<readonly string[]> {
  const store = await DirectoryStore.open(ROOT, { clock, files })
  expect((await store.check()).problems).toEqual([])
  const read = async (path: string): Promise<string> =>
    Buffer.from((await files.read(path, 1000)) ?? []).toString()
  return Promise.all(
    TENANTS.map(async (tenant) => {
      const digest = (await store.state(tenant)).handlers['main']?.release ?? ''
      const { hardened, image } = await store.release(digest)
      const page = join(store.layout.image(image?.digest ?? ''), 'a/b.html')
      return `${await read(store.layout.blob(hardened?.digest ?? ''))}, ${await read(page)}`
    }),
  )
}

function sourceOf(files: CrashFiles): ReplicaSource {
  return {
    name: 'there',
    list: async (folder) => (await files.list(join(ROOT, folder))).map(({ name }) => name),
    read: (path, maxBytes) => files.read(join(ROOT, path), maxBytes),
    stream: async (path, maxBytes) => {
      const bytes = await files.read(join(ROOT, path), maxBytes)
      return (
        bytes &&
        (async function* () {
          yield bytes
        })()
      )
    },
  }
}
