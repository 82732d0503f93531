import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { storeFileError } from '../../../src/store/errors.ts'
import { DEFAULT_STORE_LIMITS } from '../../../src/store/limits.ts'
import { checkStorePlace } from '../../../src/store/open-store.ts'
import { ownerText, thisOwner } from '../../../src/store/owner.ts'
import { nodeFiles, type StoreFiles } from '../../../src/store/store-files.ts'
import { type DraftOptions, release } from './drafts.ts'

let root = ''
let store: DirectoryStore
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-store-'))
  store = await DirectoryStore.make(root, { clock: systemClock })
})
afterEach(() => rmSync(root, { recursive: true }))

function put(options: DraftOptions & { readonly tenant?: string }) {
  return release(store, nodeFiles, options)
}

function filesIn(kind: string): string[] {
  return readdirSync(join(root, kind), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

async function liveOf(tenant = 'acme'): Promise<Record<string, string>> {
  const { handlers } = await store.state(tenant)
  return Object.fromEntries(Object.entries(handlers).map(([name, one]) => [name, one.release]))
}

const PAGES = { 'index.html': 'hello', 'copy.html': 'hello', 'a/b.css': 'style' }

test('what tenants have in common is stored once: modules, files, and the files on disk themselves', async () => {
  const first = await put({ module: 'x', files: PAGES })
  // Original, hardened, listing, three files of two contents.
  expect(first).toMatchObject({ number: 1, blobs: 6, sharedBlobs: 1 })
  expect(filesIn('blobs')).toHaveLength(5)
  const second = await put({ module: 'x', files: PAGES, tenant: 'other' })
  expect(second).toMatchObject({ number: 1, blobs: 6, sharedBlobs: 6, newBytes: 0 })
  expect(second.release).toBe(first.release)
  const third = await put({ module: 'y', files: { ...PAGES, 'new.html': 'new' } })
  expect(third).toMatchObject({ number: 2, blobs: 7, sharedBlobs: 3 })
  const image = (await store.release(third.release)).image?.digest ?? ''
  const { ino, nlink } = statSync(join(store.layout.image(image), 'copy.html'))
  expect(ino).toBe(statSync(join(store.layout.image(image), 'index.html')).ino)
  expect(nlink).toBe(5) // a blob, two names in each of two images
  expect(readdirSync(store.layout.tmp)).toEqual([])
})

test('handlers of one tenant live side by side, and two never at one route', async () => {
  const site = await put({ module: 'site', handler: 'site' })
  const api = await put({ module: 'api', handler: 'api', route: '/api' })
  expect(await liveOf()).toEqual({ site: site.release, api: api.release })
  await expect(put({ module: 'blog', handler: 'blog', route: '/api' })).rejects.toMatchObject({
    code: 'STORE_ROUTE_TAKEN',
    details: { route: '/api', handler: 'api', other: 'blog' },
  })
  expect(await liveOf()).toEqual({ site: site.release, api: api.release })
  await store.withdraw('acme', 'api')
  const blog = (await store.releases('acme')).find(({ handler }) => handler === 'blog')
  await store.switchTo('acme', blog?.release ?? '')
  expect(await liveOf()).toEqual({ site: site.release, blog: blog?.release })
  await expect(store.switchTo('acme', api.release)).rejects.toMatchObject({
    code: 'STORE_ROUTE_TAKEN',
  })
})

test('rolling back goes back step by step, forward by name, and says when there is nothing', async () => {
  const [one, two, three] = [
    await put({ module: '1' }),
    await put({ module: '2' }),
    await put({ module: '3' }),
  ]
  expect(await store.rollBack('acme')).toMatchObject({
    release: two.release,
    previous: three.release,
    sequence: 4,
  })
  expect(await store.rollBack('acme')).toMatchObject({ release: one.release })
  await expect(store.rollBack('acme')).rejects.toMatchObject({ code: 'STORE_NO_OLDER_RELEASE' })
  await store.switchTo('acme', three.release)
  expect((await store.releases('acme')).map(({ number, isLive }) => [number, isLive])).toEqual([
    [3, true],
    [2, false],
    [1, false],
  ])
})

const UNKNOWN = [
  { name: 'a tenant that has published nothing', work: () => store.rollBack('nobody') },
  { name: 'a handler there is none of', work: () => store.rollBack('acme', 'x') },
  { name: 'a handler of several', work: () => store.rollBack('acme') },
]

test.for(UNKNOWN)('rolling back $name is refused', async ({ work }) => {
  await put({ module: '1', handler: 'a', route: '/a' })
  await put({ module: '2', handler: 'b', route: '/b' })
  await expect(work()).rejects.toMatchObject({ code: 'STORE_UNKNOWN_HANDLER' })
})

const BAD_NAMES = ['', '.', '..', '../x', 'a/b', 'a\0b', '-x', 'x'.repeat(64), '%2e', 'a b']

test.for(BAD_NAMES)('%j is no tenant', async (tenant) => {
  await expect(async () => put({ module: '1', tenant })).rejects.toMatchObject({
    code: 'STORE_BAD_NAME',
  })
  await expect(async () => store.state(tenant)).rejects.toMatchObject({ code: 'STORE_BAD_NAME' })
})

test('a release of another tenant is none of mine', async () => {
  const { release: theirs } = await put({ module: '1', tenant: 'other' })
  await expect(store.switchTo('acme', theirs)).rejects.toMatchObject({
    code: 'STORE_UNKNOWN_RELEASE',
  })
})

test('publishers at the same time take turns, and all of them get through', async () => {
  const others = await Promise.all(
    Array.from({ length: 4 }, () => DirectoryStore.open(root, { clock: systemClock })),
  )
  const all = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      release(others[n % 4] ?? store, nodeFiles, { module: `${n}`, files: PAGES }),
    ),
  )
  expect(all.map(({ number }) => number).sort((a, b) => a - b)).toEqual(
    Array.from({ length: 12 }, (_, n) => n + 1),
  )
  expect((await store.state('acme')).sequence).toBe(12)
  expect(await store.check()).toMatchObject({ problems: [], releases: 12, leftovers: 0 })
})

test('a tenant keeps so many releases', async () => {
  const small = await DirectoryStore.open(root, {
    clock: systemClock,
    limits: { ...DEFAULT_STORE_LIMITS, releases: 2, handlers: 1 },
  })
  await release(small, nodeFiles, { module: '1' })
  await release(small, nodeFiles, { module: '2' })
  await release(small, nodeFiles, { module: '2' })
  await expect(release(small, nodeFiles, { module: '3' })).rejects.toMatchObject({
    code: 'STORE_LIMIT_EXCEEDED',
    details: { limit: 'releases', actual: 3, wanted: 2 },
  })
  await small.collect({ keep: 1 })
  await small.collect({ keep: 1 })
  await rmEntry(small)
  await expect(
    release(small, nodeFiles, { module: '4', handler: 'more', route: '/more' }),
  ).rejects.toMatchObject({ details: { limit: 'handlers' } })
})

/** Gives up the releases that are not live. */
async function rmEntry(of: DirectoryStore): Promise<void> {
  for (const { release: digest, isLive } of await of.releases('acme')) {
    if (!isLive) rmSync(of.layout.published('acme', digest))
  }
}

test('collecting removes what nobody names, and nothing else', async () => {
  const zero = await put({ module: '0', files: PAGES })
  const [one, two, three] = [
    await put({ module: '1', files: { a: '1' } }),
    await put({ module: '2', files: { a: '2' } }),
    await put({ module: '3', files: { a: '3' } }),
  ]
  await put({ module: '0', files: PAGES, tenant: 'other' })
  expect(await store.collect()).toMatchObject({ releases: 0, images: 0, blobs: 0, bytes: 0 })
  await store.rollBack('acme')
  // Live is 2, before it was 1; of the others the newest is kept: 3. Of 0, `other` has what is left.
  expect(await store.collect({ keep: 1 })).toMatchObject({ entries: 1, releases: 0, blobs: 0 })
  await store.switchTo('acme', three.release)
  await store.withdraw('other', 'main')
  rmSync(store.layout.published('other', zero.release))
  expect(await store.collect({ keep: 1 })).toMatchObject({ releases: 1, images: 1, blobs: 5 })
  expect((await store.releases('acme')).map(({ release: digest }) => digest)).toEqual([
    three.release,
    two.release,
    one.release,
  ])
  expect(await store.check()).toMatchObject({ problems: [], releases: 3, leftovers: 0 })
})

test('collecting removes what dead publishers left, and leaves the living alone', async () => {
  const self = thisOwner()
  const dead = ownerText({ ...self, started: '1' })
  for (const name of [`tmp/${dead}-1-ab`, `lock/${dead}-ab`, `leases/${dead}-ab.json`]) {
    writeFileSync(join(root, name), '{"format":1,"releases":[]}')
  }
  const foreign = ownerText({ ...self, machine: '0123456789ab' })
  writeFileSync(join(root, `tmp/${foreign}-1`), '')
  const mine = await store.makeWorkspace()
  expect(await store.collect()).toMatchObject({ leases: 1, leftovers: 2 })
  expect(existsSync(mine.folder)).toBe(true)
  expect(readdirSync(store.layout.tmp).sort()).toEqual(
    [`${foreign}-1`, mine.folder.slice(store.layout.tmp.length + 1)].sort(),
  )
})

test('collecting removes nothing when it cannot tell what is named', async () => {
  await put({ module: '1' })
  const { release: lost } = await put({ module: '2' })
  writeFileSync(join(store.layout.live, 'acme.json'), 'rubbish')
  const before = filesIn('.').sort()
  await expect(store.collect({ keep: 1 })).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
  expect(existsSync(store.layout.release(lost))).toBe(true)
  expect(filesIn('blobs')).toHaveLength(4)
  expect(before).toContain('acme.json')
})

const DAMAGES: ReadonlyArray<{
  readonly name: string
  readonly damage: (digest: string, hardened: string, image: string) => void
  readonly says: RegExp
}> = [
  {
    name: 'a changed blob',
    damage: (_, hardened) => overwrite(store.layout.blob(hardened)),
    says: /blob [0-9a-f]{64} has changed|Cannot read/,
  },
  {
    name: 'a missing blob',
    damage: (_, hardened) => rmSync(store.layout.blob(hardened)),
    says: /blob [0-9a-f]{64} is missing/,
  },
  {
    name: 'a changed record',
    damage: (digest) => overwrite(store.layout.release(digest)),
    says: /its record has digest/,
  },
  {
    name: 'a missing record',
    damage: (digest) => rmSync(store.layout.release(digest)),
    says: /there is no record of it/,
  },
  {
    name: 'a missing file of an image',
    damage: (_, __, image) => rmSync(join(store.layout.image(image), 'a/b.css')),
    says: /its files: a\/b.css is missing/,
  },
  {
    name: 'a file too many in an image',
    damage: (_, __, image) => writeFileSync(join(store.layout.image(image), 'a/c.css'), ''),
    says: /its files: a\/c.css should not be there/,
  },
  {
    name: 'a pointer that is none',
    damage: () => overwrite(store.layout.pointer('acme')),
    says: /Cannot read .*acme\.json/,
  },
  {
    name: 'a live release that was never published',
    damage: (digest) => rmSync(store.layout.published('acme', digest)),
    says: /live release [0-9a-f]{64} is not listed/,
  },
]

function overwrite(path: string): void {
  chmodSync(path, 0o644)
  writeFileSync(path, 'rubbish')
}

test.for(DAMAGES)(
  '$name is found, and publishing the same again mends what can be mended',
  async ({ damage, says }) => {
    const options = { module: '1', files: PAGES }
    const { release: digest } = await put(options)
    const { hardened, image } = await store.release(digest)
    damage(digest, hardened?.digest ?? '', image?.digest ?? '')
    const { problems } = await store.check()
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.map(({ message }) => message).join('\n')).toMatch(says)
    if (!problems.some(({ message }) => message.includes('acme.json'))) {
      await put(options)
      expect((await store.check()).problems).toEqual([])
    }
  },
)

test('a full disk at any point is said so, changes nothing, and collecting still works', async () => {
  const before = await put({ module: '1', files: PAGES })
  let left = Number.POSITIVE_INFINITY
  const files = fullAfter(() => {
    left -= 1
    return left < 0
  })
  const full = await DirectoryStore.open(root, { clock: systemClock, files })
  let point = 0
  for (; ; point += 1) {
    left = point
    try {
      await release(full, files, { module: '2', files: { ...PAGES, 'x.html': 'more' } })
      break
    } catch (error) {
      expect(error).toMatchObject({ code: 'STORE_FULL' })
      expect(await liveOf()).toEqual({ main: before.release })
      expect((await store.check()).problems).toEqual([])
      await store.collect()
      expect(await store.check()).toMatchObject({ problems: [], leftovers: 0 })
    }
  }
  expect(point).toBeGreaterThan(5)
})

test('on a full disk one can always roll back, withdraw and collect', async () => {
  const old = await put({ module: '1' })
  const next = await put({ module: '2' })
  const full = await DirectoryStore.open(root, {
    clock: systemClock,
    // A second name needs no space.
    files: { ...fullAfter(() => true), link: nodeFiles.link },
  })
  await getOutOf(full, { old, next, rounds: 3 })
  // Space again: what was used of the reserve is set aside again.
  await store.collect()
  const spares = readdirSync(store.layout.reserve).map((name) =>
    statSync(join(store.layout.reserve, name)),
  )
  expect(spares.map(({ size }) => size)).toEqual(Array(4).fill(64 * 1024))
})

test('so can one where no more files can be made: what is no longer needed gives its inodes', async () => {
  const old = await put({ module: '1' })
  const next = await put({ module: '2' })
  let left = 0
  /** How many inodes are free when this name is gone: one, or none. */
  const lastNames = (path: string): number =>
    lstatSync(path, { throwIfNoEntry: false })?.nlink === 1 ? 1 : 0
  /** Takes one inode, or there is none. */
  const taking =
    <Result>(make: (path: string, contents: never) => Promise<Result>) =>
    async (path: string, contents: unknown): Promise<Result> => {
      if (left === 0) throw storeFileError('write', Object.assign(new Error(), { code: 'ENOSPC' }))
      left -= 1
      return make(path, contents as never)
    }
  const full = await DirectoryStore.open(root, {
    clock: systemClock,
    files: {
      ...nodeFiles,
      makeFolder: taking(nodeFiles.makeFolder),
      create: taking(nodeFiles.create),
      createFleeting: taking(nodeFiles.createFleeting),
      createNote: taking(nodeFiles.createNote),
      remove: async (path) => {
        left += lastNames(path)
        return nodeFiles.remove(path)
      },
      rename: async (from, to) => {
        left += lastNames(to)
        await nodeFiles.rename(from, to)
      },
    },
  })
  await getOutOf(full, { old, next, rounds: 20 })
})

interface WayOut {
  readonly old: { readonly release: string }
  readonly next: { readonly release: string }
  readonly rounds: number
}

/** Back and forth, and collected, and withdrawn in the end. */
async function getOutOf(full: DirectoryStore, { old, next, rounds }: WayOut): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    expect(await full.rollBack('acme')).toMatchObject({ release: old.release })
    expect(await full.switchTo('acme', next.release)).toMatchObject({ release: next.release })
    expect(await full.collect({ keep: 1 })).toMatchObject({ releases: 0 })
  }
  expect(await full.withdraw('acme', 'main')).toMatchObject({ release: next.release })
  expect((await store.check()).problems).toEqual([])
}

/** A disk that is full whenever `isFull` says so. */
function fullAfter(isFull: () => boolean): StoreFiles {
  const refuse = (path: string): void => {
    if (!isFull()) return
    throw storeFileError(`write ${path}`, Object.assign(new Error('no space'), { code: 'ENOSPC' }))
  }
  return {
    ...nodeFiles,
    makeFolder: async (path) => {
      refuse(path)
      await nodeFiles.makeFolder(path)
    },
    create: async (path, contents) => {
      refuse(path)
      await nodeFiles.create(path, contents)
    },
    createFleeting: async (path, contents) => {
      refuse(path)
      await nodeFiles.createFleeting(path, contents)
    },
    link: async (from, to) => {
      refuse(to)
      return nodeFiles.link(from, to)
    },
  }
}

const NO_STORES = [
  { name: 'no folder', make: () => rmSync(root, { recursive: true }), says: 'there is none' },
  {
    name: 'another format',
    make: () => overwrite(join(root, 'format')),
    says: 'its format is "rubbish"',
  },
]

test.for(NO_STORES)('$name is no store', async ({ make, says }) => {
  make()
  await expect(DirectoryStore.open(root, { clock: systemClock })).rejects.toMatchObject({
    code: 'STORE_NOT_A_STORE',
    message: expect.stringContaining(says),
  })
  await DirectoryStore.make(root, { clock: systemClock }).catch(() => undefined)
  if (!existsSync(root)) store = await DirectoryStore.make(root, { clock: systemClock })
})

/** What is in a folder that is no store yet; whether one is made there. */
const PLACES = [
  { name: 'nothing', entries: [], isMade: true },
  { name: 'modules of runtimes that somebody has put there', entries: ['runtimes/'], isMade: true },
  { name: 'what is left of one', entries: ['blobs/', 'state/', 'reserve'], isMade: true },
  { name: 'something else', entries: ['runtimes/', 'holiday.jpg'], isMade: false },
  { name: 'a store of another format', entries: ['format'], isMade: false },
]

test.for(PLACES)(
  'a store where there is $name: made or refused, as a check says before',
  async ({ entries, isMade }) => {
    rmSync(root, { recursive: true })
    expect(await checkStorePlace({ store: root })).toBeUndefined()
    mkdirSync(root)
    for (const name of entries) {
      if (name.endsWith('/')) mkdirSync(join(root, name))
      else writeFileSync(join(root, name), 'rubbish')
    }
    const before = readdirSync(root).sort()
    const checked = checkStorePlace({ store: root })
    if (isMade) await checked
    else await expect(checked).rejects.toMatchObject({ code: 'STORE_NOT_A_STORE' })
    expect(readdirSync(root).sort(), 'nothing is changed').toEqual(before)
    const making = DirectoryStore.make(root, { clock: systemClock })
    if (isMade) {
      store = await making
      expect(await checkStorePlace({ store: root })).toBeUndefined()
    } else {
      await expect(making).rejects.toMatchObject({ code: 'STORE_NOT_A_STORE' })
      rmSync(root, { recursive: true })
      store = await DirectoryStore.make(root, { clock: systemClock })
    }
  },
)

test('a store is not made among other files', async () => {
  rmSync(root, { recursive: true })
  store = await DirectoryStore.make(root, { clock: systemClock })
  rmSync(join(root, 'format'))
  writeFileSync(join(root, 'holiday.jpg'), '')
  await expect(DirectoryStore.make(root, { clock: systemClock })).rejects.toMatchObject({
    code: 'STORE_NOT_A_STORE',
    message: expect.stringContaining('holiday.jpg'),
  })
})
