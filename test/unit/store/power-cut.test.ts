import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { signRelease } from '../../../src/store/signature.ts'
import { createSigningKey } from '../../../src/store/signing-key.ts'
import type { StoreFiles } from '../../../src/store/store-files.ts'
import { CrashFiles, PowerCut } from './crash-files.ts'
import { store as keep, release } from './drafts.ts'

/** Hundreds of stores a case. */
const LONG = { timeout: 120_000 }
const ROOT = '/store'
const KEY = createSigningKey().key
const OLD = { module: 'one', files: { 'index.html': 'old', 'css/a.css': 'same' } }
const NEW = { module: 'two', files: { 'index.html': 'new', 'css/a.css': 'same' } }

/** Numbers from 0 to 1, the same every time. */
function randomFrom(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) / 0x1000000
  }
}

/** What may happen to changes that were not synced: all lost, all kept, and mixtures. */
const WEATHERS: ReadonlyArray<(seed: number) => () => boolean> = [
  () => () => false,
  () => () => true,
  ...[1, 2, 3, 4].map((salt) => (seed: number) => {
    const random = randomFrom(seed * 10 + salt)
    return () => random() < 0.5
  }),
]

type Second = 'stored' | 'canary'

const CASES: ReadonlyArray<{
  readonly name: string
  /** What is live for `acme` before and after. */
  readonly work: (store: DirectoryStore, files: StoreFiles) => Promise<unknown>
  /** What there is besides what is live, before. */
  readonly second?: Second
}> = [
  { name: 'publish', work: (store, files) => release(store, files, NEW) },
  {
    name: 'publish for another tenant what one has',
    work: (store, files) => release(store, files, { ...OLD, tenant: 'other' }),
  },
  { name: 'publish again what is live', work: (store, files) => release(store, files, OLD) },
  { name: 'roll back', work: (store) => store.rollBack('acme') },
  {
    name: 'make an older release live by its digest',
    work: async (store) => {
      const oldest = (await store.releases('acme')).at(-1)
      await store.switchTo('acme', oldest?.release ?? '')
    },
  },
  {
    name: 'set a canary',
    work: async (store) => {
      const [two] = await store.releases('acme')
      await store.setCanary('acme', two?.release ?? '', { weight: 10, sticky: true })
    },
    second: 'stored',
  },
  { name: 'promote a canary', work: (store) => store.promote('acme'), second: 'canary' },
  { name: 'give up a canary', work: (store) => store.rollBack('acme'), second: 'canary' },
  {
    name: 'sign',
    work: async (store) => {
      const { handlers } = await store.state('acme')
      const signed = { tenant: 'acme', release: handlers['main']?.release ?? '' }
      await store.putSignature('acme', signed.release, signRelease(KEY, signed))
    },
  },
  { name: 'withdraw', work: (store) => store.withdraw('acme', 'main') },
  { name: 'collect', work: (store) => store.collect({ keep: 0 }) },
]

test.for(CASES)(
  '$name: a power cut at any point leaves the old or the new state',
  LONG,
  async ({ work, second }) => {
    const whole = await prepared(second)
    const before = await liveModule(whole)
    const startAt = whole.operations
    await work(await open(whole), whole)
    const after = await liveModule(whole)
    const count = whole.operations - startAt
    expect(count).toBeGreaterThan(5)
    const seen = new Set<string>()
    for (let point = 1; point <= count + 1; point += 1) {
      for (const weather of WEATHERS) {
        const start = (await prepared(second)).reboot(() => true, point)
        const failure = await work(await open(start), start).then(
          () => undefined,
          (error: unknown) => error,
        )
        // One that is through is through: nothing of it may be lost.
        if (failure === undefined)
          expect(await liveModule(start.reboot(weather(point)))).toBe(after)
        else expect(failure).toBeInstanceOf(PowerCut)
        const found = start.reboot(weather(point))
        const live = await liveModule(found)
        expect([before, after]).toContain(live)
        seen.add(live)
        await expectSound(found)
      }
    }
    expect([...seen].sort()).toEqual([...new Set([before, after])].sort())
  },
)

/** Nothing is damaged, and what comes next works. */
async function expectSound(files: CrashFiles): Promise<void> {
  const store = await open(files)
  expect((await store.check()).problems).toEqual([])
  await store.collect()
  expect(await store.check()).toMatchObject({ problems: [], leftovers: 0 })
  const third = await release(store, files, { ...NEW, module: 'three' })
  expect((await store.state('acme')).handlers['main']?.release).toBe(third.release)
  expect((await store.check()).problems).toEqual([])
}

test(
  'a power cut while a store is made leaves none, or a whole one; both can be gone on with',
  LONG,
  async () => {
    const whole = new CrashFiles()
    await DirectoryStore.make(ROOT, { clock: systemClock, files: whole })
    for (let point = 1; point <= whole.operations; point += 1) {
      for (const weather of WEATHERS) {
        const files = new CrashFiles(point)
        const made = DirectoryStore.make(ROOT, { clock: systemClock, files })
        await expect(made).rejects.toThrow(PowerCut)
        const found = files.reboot(weather(point))
        const store = await DirectoryStore.make(ROOT, { clock: systemClock, files: found })
        await release(store, found, OLD)
        expect((await store.check()).problems).toEqual([])
      }
    }
  },
)

/** A store in which `acme` has published twice; everything in it lasts. */
async function prepared(second?: Second): Promise<CrashFiles> {
  const files = new CrashFiles()
  const store = await DirectoryStore.make(ROOT, { clock: systemClock, files })
  await release(store, files, { module: 'zero' })
  await release(store, files, { module: 'zero and a half' })
  await release(store, files, OLD)
  if (second !== undefined) {
    const { release: digest } = await keep(store, files, { module: 'two' })
    if (second === 'canary') await store.setCanary('acme', digest, { weight: 10, sticky: false })
  }
  return files
}

function open(files: CrashFiles): Promise<DirectoryStore> {
  return DirectoryStore.open(ROOT, { clock: systemClock, files })
}

/** Reads what is live, and its canary, down to the bytes; and whether it is signed. */
async function liveModule(files: CrashFiles): Promise<string> {
  const store = await open(files)
  const pointer = (await store.state('acme')).handlers['main']
  if (pointer === undefined) return 'nothing'
  const signature = store.layout.signature('acme', pointer.release, KEY.publicKey.id)
  const parts = [
    await contentsOf(store, files, pointer.release),
    pointer.canary === undefined
      ? 'alone'
      : `${pointer.canary.weight} % ${await contentsOf(store, files, pointer.canary.release)}`,
    (await files.status(signature)) === undefined ? 'unsigned' : 'signed',
  ]
  return parts.join(', ')
}

async function contentsOf(
  store: DirectoryStore,
  files: CrashFiles,
  digest: string,
): Promise<string> {
  const { hardened, image } = await store.release(digest)
  const bytes = await files.read(store.layout.blob(hardened?.digest ?? ''), 1000)
  const index =
    image === undefined
      ? undefined
      : await files.read(`${store.layout.image(image.digest)}/index.html`, 1000)
  return `${Buffer.from(bytes ?? []).toString()} ${Buffer.from(index ?? []).toString()}`
}
