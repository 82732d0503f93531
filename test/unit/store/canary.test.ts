import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { decodeState, encodeState } from '../../../src/store/tenant-state.ts'
import { type DraftOptions, store as keep, release } from './drafts.ts'

let root = ''
let store: DirectoryStore
let reader: ReleaseReader
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-canary-'))
  store = await DirectoryStore.make(root, { clock: systemClock })
  reader = await ReleaseReader.open(root, { clock: systemClock })
})
afterEach(async () => {
  await reader.close()
  rmSync(root, { recursive: true })
})

const TENTH = { weight: 10, sticky: false }

/** Makes it live; answers its digest. */
async function live(module: string, options: Partial<DraftOptions> = {}): Promise<string> {
  return (await release(store, nodeFiles, { module, ...options })).release
}

/** Stores it; answers its digest. */
async function stored(module: string, options: Partial<DraftOptions> = {}): Promise<string> {
  return (await keep(store, nodeFiles, { module, ...options })).release
}

async function pointer() {
  return (await store.state('acme')).handlers['main']
}

test('a canary stands beside what is live, grows, and is promoted', async () => {
  const one = await live('1')
  const two = await stored('2')
  expect(await store.setCanary('acme', two, { weight: 10, sticky: true })).toMatchObject({
    release: one,
    previous: one,
    sequence: 2,
    canary: { release: two, weight: 10, sticky: true },
    droppedCanary: undefined,
  })
  const since = (await pointer())?.canary?.since
  await store.setCanary('acme', two, { weight: 50, sticky: true })
  expect((await pointer())?.canary).toEqual({ release: two, weight: 50, sticky: true, since })
  expect(await store.releases('acme')).toMatchObject([
    { release: two, isLive: false, canary: { weight: 50 } },
    { release: one, isLive: true, canary: undefined },
  ])
  expect(await store.promote('acme')).toMatchObject({
    release: two,
    previous: one,
    canary: undefined,
    droppedCanary: undefined,
  })
  expect(await store.rollBack('acme')).toMatchObject({ release: one, previous: two })
})

test('the reader has both, and keeps both from being collected', async () => {
  await live('1', { files: { a: '1' } })
  const two = await stored('2', { files: { a: '2' } })
  await store.setCanary('acme', two, { weight: 25, sticky: true })
  const [handler] = (await reader.take('acme', { holder: reader })).handlers
  expect(handler?.canary).toMatchObject({ weight: 25, sticky: true, handler: { digest: two } })
  expect(handler?.canary?.handler.canary).toBeUndefined()
  expect(handler?.canary?.handler.imageRoot).not.toBe(handler?.imageRoot)
  expect(Math.abs((handler?.canary?.handler.sinceMs ?? 0) - Date.now())).toBeLessThan(60_000)
  rmSync(store.layout.published('acme', two))
  await store.dropCanary('acme')
  expect(await store.collect()).toMatchObject({ releases: 0 })
  await reader.take('acme', { holder: reader })
  expect(await store.collect()).toMatchObject({ releases: 1, images: 1 })
})

test('rolling back gives up the canary first, then what is live', async () => {
  const one = await live('1')
  const two = await live('2')
  const three = await stored('3')
  await store.setCanary('acme', three, TENTH)
  expect(await store.rollBack('acme')).toMatchObject({
    release: two,
    previous: two,
    droppedCanary: three,
    canary: undefined,
  })
  expect(await store.rollBack('acme')).toMatchObject({ release: one, droppedCanary: undefined })
})

test('a release that goes live, and another canary, take the place of a canary', async () => {
  await live('1')
  const two = await stored('2')
  const three = await stored('3')
  await store.setCanary('acme', two, TENTH)
  expect(await store.setCanary('acme', three, TENTH)).toMatchObject({ droppedCanary: two })
  expect(await store.switchTo('acme', two)).toMatchObject({ droppedCanary: three })
  await expect(store.promote('acme')).rejects.toMatchObject({ code: 'STORE_NO_CANARY' })
  await expect(store.dropCanary('acme')).rejects.toMatchObject({ code: 'STORE_NO_CANARY' })
})

test('rolling back never goes to a canary that was given up, or to what was rolled back from', async () => {
  const one = await live('1')
  await store.setCanary('acme', await stored('bad canary'), TENTH)
  await store.rollBack('acme')
  await live('bad')
  await store.rollBack('acme')
  await live('4')
  expect(await store.rollBack('acme')).toMatchObject({ release: one })
  await expect(store.rollBack('acme')).rejects.toMatchObject({ code: 'STORE_NO_OLDER_RELEASE' })
})

test('what rolling back goes to is not collected', async () => {
  const one = await live('1')
  for (const bad of ['2', '3', '4']) {
    await live(bad)
    await store.rollBack('acme')
  }
  await live('5')
  await store.collect({ keep: 1 })
  expect(await store.rollBack('acme')).toMatchObject({ release: one })
})

const REFUSED = [
  { name: 'nothing live beside it', module: '2', handler: 'other', says: 'nothing is live' },
  { name: 'the live release', module: '1', says: 'is live' },
  { name: 'other routes', module: '2', route: '/x', says: 'its routes are others' },
  {
    name: 'static files of its own',
    module: '2',
    files: { a: 'a' },
    manifest: { files: 'x', static: { path: '/x' } },
    says: 'its routes are others',
  },
  { name: 'other methods', module: '2', manifest: { methods: ['GET'] }, says: 'its routes are' },
  { name: 'no weight', module: '2', weight: 0, says: 'its weight is 0' },
  { name: 'all of it', module: '2', weight: 100, says: 'its weight is 100' },
  { name: 'half a percent', module: '2', weight: 0.5, says: 'its weight is 0.5' },
]

test.for(REFUSED)('a canary with $name is refused', async ({ weight = 10, says, ...draft }) => {
  await live('1')
  const { release: digest } = await keep(store, nodeFiles, draft)
  await expect(store.setCanary('acme', digest, { weight, sticky: false })).rejects.toMatchObject({
    code: 'STORE_BAD_CANARY',
    message: expect.stringContaining(says),
  })
  expect((await store.state('acme')).sequence).toBe(1)
})

test('going back from a release happens once, whoever asks how often', async () => {
  const one = await live('1')
  const two = await live('2')
  const three = await stored('3')
  await store.setCanary('acme', three, TENTH)
  const others = await Promise.all(
    [1, 2, 3].map(() => DirectoryStore.open(root, { clock: systemClock })),
  )
  const fromAll = (digest: string) =>
    Promise.all(others.map((other) => other.rollBackFrom('acme', 'main', digest)))
  const dropped = (await fromAll(three)).filter((one) => one !== undefined)
  expect(dropped).toMatchObject([{ release: two, droppedCanary: three }])
  const back = (await fromAll(two)).filter((one) => one !== undefined)
  expect(back).toMatchObject([{ release: one, previous: two }])
  expect((await store.state('acme')).sequence).toBe(5)
  expect(await store.rollBackFrom('acme', 'other', two)).toBeUndefined()
  await expect(store.rollBackFrom('acme', 'main', one)).rejects.toMatchObject({
    code: 'STORE_NO_OLDER_RELEASE',
  })
})

test('a canary that is not listed or not there is damage', async () => {
  await live('1')
  const two = await stored('2')
  await store.setCanary('acme', two, TENTH)
  rmSync(store.layout.published('acme', two))
  expect((await store.check()).problems).toMatchObject([
    { kind: 'missing', message: `canary ${two} is not listed` },
  ])
  rmSync(store.layout.release(two))
  expect((await store.check()).problems).toHaveLength(2)
})

test('pointers of before are read, and rolled back by the order of publication', async () => {
  const release = 'a'.repeat(64)
  const old = `{"format":1,"handlers":{"main":{"release":"${release}","switchedAt":"x"}},"sequence":7}\n`
  expect(decodeState(Buffer.from(old), 'it')).toEqual({
    sequence: 7,
    handlers: { main: { release, switchedAt: 'x', past: undefined, canary: undefined } },
  })
  expect(Buffer.from(encodeState(decodeState(Buffer.from(old), 'it'))).toString()).toBe(old)
  const one = await live('1')
  const two = await live('2')
  const path = store.layout.pointer('acme')
  rmSync(path)
  await nodeFiles.create(path, Buffer.from(old.replace(release, two)))
  expect(await store.rollBack('acme')).toMatchObject({ release: one, sequence: 8 })
})

const NO_CANARIES = [
  '{"release":"x","weight":1,"sticky":true,"since":""}',
  `{"release":"${'a'.repeat(64)}","weight":100,"sticky":true,"since":""}`,
  `{"release":"${'a'.repeat(64)}","weight":1,"since":""}`,
  'null',
  '[]',
]

test.for(NO_CANARIES)('%s is no canary', (canary) => {
  const text = `{"format":1,"sequence":1,"handlers":{"x":{"release":"${'b'.repeat(64)}","canary":${canary}}}}`
  expect(() => decodeState(Buffer.from(text), 'it')).toThrow('Cannot read it')
})
