import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { storeFileError } from '../../../src/store/errors.ts'
import { canRunHardened, readHardened, readOriginal } from '../../../src/store/read-module.ts'
import { type LiveTenant, ReleaseReader, staticOf } from '../../../src/store/release-reader.ts'
import { findRoute } from '../../../src/store/route-table.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { release } from './drafts.ts'

let root = ''
let store: DirectoryStore
let reader: ReleaseReader
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-reader-'))
  store = await DirectoryStore.make(root, { clock: systemClock })
  reader = await ReleaseReader.open(root, { clock: systemClock })
})
afterEach(async () => {
  await reader.close()
  rmSync(root, { recursive: true })
})

const PAGES = { 'index.html': 'hello' }

test('what is live: routes, modules and files', async () => {
  expect(await reader.current('nobody')).toMatchObject({ sequence: 0, handlers: [] })
  await release(store, nodeFiles, { module: 'a', handler: 'site', files: PAGES })
  await release(store, nodeFiles, { module: 'b', handler: 'api', route: '/api' })
  const live = await reader.current('acme')
  expect(live.sequence).toBe(2)
  expect(live.handlers.map(({ name }) => name)).toEqual(['api', 'site'])
  const match = findRoute(live.routes, 'GET', '/x')
  if (match.kind !== 'found') throw new Error(match.kind)
  const { handler } = match
  expect(handler.name).toBe('site')
  expect(readFileSync(join(handler.imageRoot ?? '', 'index.html'), 'utf8')).toBe('hello')
  expect(readFileSync(handler.originalPath, 'utf8')).toBe('original a')
  expect(Buffer.from(await readHardened(handler)).toString()).toBe('hardened a')
  expect(findRoute(live.routes, 'GET', '/api/x')).toMatchObject({
    handler: { name: 'api', imageRoot: undefined },
    scriptName: '/api',
    pathInfo: '/x',
  })
})

test('static files are routes of their own, which no other handler can have', async () => {
  const manifest = { files: 'x', static: [{ path: '/é', folder: 'a' }, { path: '/all' }] }
  await release(store, nodeFiles, { module: 'a', route: '/app', files: PAGES, manifest })
  const { routes, handlers } = await reader.current('acme')
  const [handler] = handlers
  if (handler === undefined) throw new Error('nothing is live')
  const encoded = Buffer.from('/é', 'utf8').toString('latin1')
  expect(findRoute(routes, 'HEAD', `${encoded}/b.css`)).toMatchObject({
    kind: 'found',
    scriptName: encoded,
    pathInfo: '/b.css',
  })
  expect(findRoute(routes, 'POST', '/all')).toEqual({
    kind: 'wrong-method',
    allow: ['GET', 'HEAD'],
  })
  expect(staticOf(handler, encoded)).toMatchObject({ folder: 'a', index: 'index.html' })
  expect(staticOf(handler, '/all')?.folder).toBeUndefined()
  expect(staticOf(handler, '/app')).toBeUndefined()
  expect(staticOf(handler, '')).toBeUndefined()
  expect((await reader.listing(handler)).map(({ path }) => path)).toEqual(['index.html'])
  await expect(
    release(store, nodeFiles, { module: 'b', handler: 'other', route: '/all' }),
  ).rejects.toMatchObject({ code: 'STORE_ROUTE_TAKEN' })
})

test('static files at / answer what no route covers', async () => {
  const manifest = { files: 'x', static: { path: '/' } }
  await release(store, nodeFiles, { module: 'a', route: '/api', files: PAGES, manifest })
  const { routes, handlers } = await reader.current('acme')
  const match = findRoute(routes, 'GET', '/index.html')
  expect(match).toMatchObject({ kind: 'found', scriptName: '', pathInfo: '/index.html' })
  const [handler] = handlers
  expect(handler && staticOf(handler, '')).toMatchObject({ path: '/' })
  expect(handler && staticOf(handler, '/api')).toBeUndefined()
})

test('a hardened module that is not what the release says is not run', async () => {
  await release(store, nodeFiles, { module: 'a' })
  const [handler] = (await reader.current('acme')).handlers
  if (handler === undefined) throw new Error('nothing is live')
  expect(Buffer.from(await readOriginal(handler)).toString()).toBe('original a')
  rmSync(handler.hardenedPath)
  await expect(readHardened(handler)).rejects.toMatchObject({ code: 'STORE_IO' })
  writeFileSync(handler.hardenedPath, 'hardened b')
  await expect(readHardened(handler)).rejects.toMatchObject({ code: 'STORE_DAMAGED' })
})

test('a hardened module runs as it is within the limits and under the contract it was made for', async () => {
  await release(store, nodeFiles, { module: 'a' })
  const [handler] = (await reader.current('acme')).handlers
  if (handler === undefined) throw new Error('nothing is live')
  const { hardened } = handler.release
  if (hardened === undefined) throw new Error('it has no module')
  const runs = (memoryMaxBytes: number, functionBytes: number, changes: object = {}): boolean =>
    canRunHardened({ ...hardened, ...changes }, { memoryMaxBytes, functionBytes })
  expect(runs(65_536, 100)).toBe(true)
  expect(runs(1_000_000, 1000)).toBe(true)
  expect(runs(65_535, 100)).toBe(false)
  expect(runs(65_536, 99)).toBe(false)
  expect(runs(65_536, 100, { contract: 0 })).toBe(false)
  // Nobody has written down how large its functions are.
  expect(runs(65_536, 1_000_000, { functionBytes: undefined })).toBe(false)
})

/** The next thing a watch tells. */
function nextChange(of: ReleaseReader, since: number): Promise<LiveTenant> {
  return new Promise((resolve, reject) => {
    const watch = of.watch('acme', since, {
      onChange: (live) => {
        watch.close()
        resolve(live)
      },
      onError: reject,
    })
  })
}

for (const pollOnly of [false, true]) {
  test(`a switch is noticed within 100 ms (polling: ${pollOnly})`, { retry: 2 }, async () => {
    const own = await ReleaseReader.open(root, { clock: systemClock, pollOnly })
    await release(store, nodeFiles, { module: 'zero' })
    // Now the watch stands: it tells what it does not know yet.
    expect((await nextChange(own, 0)).sequence).toBe(1)
    const told: number[] = []
    let wake: (() => void) | undefined
    const watch = own.watch('acme', 1, {
      onChange: ({ sequence }) => {
        told.push(sequence)
        wake?.()
      },
      onError: (error) => {
        throw error
      },
    })
    for (let round = 2; round <= 5; round += 1) {
      const workspace = await release(store, nodeFiles, { module: `${round}` })
      const switchedMs = performance.now()
      if (told.at(-1) !== workspace.sequence) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      expect(performance.now() - switchedMs).toBeLessThan(100)
    }
    expect(told).toEqual([2, 3, 4, 5])
    watch.close()
    await release(store, nodeFiles, { module: 'unseen' })
    expect(told).toHaveLength(4)
    await own.close()
  })
}

test('a tenant hears of its own switches only, and of a first release', async () => {
  const first = nextChange(reader, 0)
  await release(store, nodeFiles, { module: 'x', tenant: 'other' })
  await release(store, nodeFiles, { module: 'y' })
  expect((await first).handlers[0]?.tenant).toBe('acme')
})

test('a pointer that cannot be understood is told as an error', async () => {
  const failure = new Promise<unknown>((resolve) => {
    reader.watch('acme', 0, { onChange: resolve, onError: resolve })
  })
  writeFileSync(join(root, 'live/acme.json'), 'rubbish')
  expect(await failure).toMatchObject({ code: 'STORE_DAMAGED' })
})

test('what a worker holds is not collected; what it gives up is', async () => {
  const one = await release(store, nodeFiles, { module: '1', files: PAGES })
  const [held] = (await reader.take('acme', { holder: reader })).handlers
  await release(store, nodeFiles, { module: '2' })
  await release(store, nodeFiles, { module: '3' })
  rmSync(store.layout.published('acme', one.release))
  expect(await store.collect()).toMatchObject({ releases: 0, images: 0, blobs: 0 })
  expect(existsSync(held?.imageRoot ?? '')).toBe(true)
  // Requests are still running on the old one when the new one is taken up.
  await reader.take('acme', { holder: reader, inUse: new Set([one.release]) })
  expect(await store.collect()).toMatchObject({ releases: 0 })
  await reader.take('acme', { holder: reader })
  expect(await store.collect()).toMatchObject({ releases: 1, images: 1, blobs: 4 })
  await reader.close()
  expect(readdirSync(store.layout.leases)).toEqual([])
})

test('a lease that was made on a full disk is still of what is in use when it is renewed', async () => {
  const one = await release(store, nodeFiles, { module: '1' })
  let isFull = true
  const clock = new FakeClock()
  const own = await ReleaseReader.open(root, {
    clock,
    files: {
      ...nodeFiles,
      createFleeting: async (path, contents) => {
        const cause = Object.assign(new Error(), { code: 'ENOSPC' })
        if (isFull && contents.length > 0) throw storeFileError(`write ${path}`, cause)
        await nodeFiles.createFleeting(path, contents)
      },
    },
  })
  await own.take('acme', { holder: own })
  expect(readdirSync(store.layout.leases)).toEqual([expect.stringContaining(one.release)])
  isFull = false
  clock.advance(3_600_000)
  const texts = (): string[] =>
    readdirSync(store.layout.leases).map((name) =>
      readFileSync(join(store.layout.leases, name), 'utf8'),
    )
  await expect.poll(texts).toEqual([expect.stringContaining(one.release)])
  await own.close()
})

test('a switch between looking and leasing is not missed', async () => {
  await release(store, nodeFiles, { module: '1' })
  let isFirst = true
  const own = await ReleaseReader.open(root, {
    clock: systemClock,
    files: {
      ...nodeFiles,
      rename: async (from, to) => {
        if (to.includes('leases') && isFirst) {
          isFirst = false
          await release(store, nodeFiles, { module: '2' })
        }
        await nodeFiles.rename(from, to)
      },
    },
  })
  expect((await own.take('acme', { holder: own })).sequence).toBe(2)
  await own.close()
})

test('what was looked up before is taken as it was, unless it has been switched since', async () => {
  await release(store, nodeFiles, { module: '1' })
  const known = await reader.current('acme')
  expect(await reader.take('acme', { holder: reader, known })).toBe(known)
  await release(store, nodeFiles, { module: '2' })
  expect((await reader.take('acme', { holder: reader, known })).sequence).toBe(2)
})

test('a lease that could not be written is in nobody’s way', async () => {
  await release(store, nodeFiles, { module: '1' })
  let isBroken = true
  const files: typeof nodeFiles = {
    ...nodeFiles,
    rename: (from, to) =>
      isBroken ? Promise.reject(new Error('broken')) : nodeFiles.rename(from, to),
  }
  const own = await ReleaseReader.open(root, { clock: systemClock, files })
  await expect(own.take('acme', { holder: own })).rejects.toThrow('broken')
  expect(readdirSync(store.layout.leases)).toEqual([])
  isBroken = false
  expect((await own.take('acme', { holder: own })).sequence).toBe(1)
  await own.close()
})

test('a lease is written anew now and then, for those who can only go by its age', async () => {
  const clock = new FakeClock()
  let writes = 0
  const own = await ReleaseReader.open(root, {
    clock,
    files: {
      ...nodeFiles,
      rename: async (from, to) => {
        writes += 1
        await nodeFiles.rename(from, to)
      },
    },
  })
  await release(store, nodeFiles, { module: '1' })
  await own.take('acme', { holder: own })
  await own.take('acme', { holder: own })
  expect(writes).toBe(1)
  clock.advance(3_600_000)
  await own.drop({})
  expect(writes).toBe(2)
  await own.close()
})

test('where leases cannot be written, that is said', async () => {
  await release(store, nodeFiles, { module: '1' })
  rmSync(store.layout.leases, { recursive: true })
  await expect(reader.take('acme', { holder: reader })).rejects.toMatchObject({ code: 'STORE_IO' })
})

const WATCHES = [
  { name: 'watched', pollOnly: false },
  { name: 'only polled', pollOnly: true },
]

test.for(WATCHES)(
  'a store that is made later is served from its first release on, $name',
  async ({ pollOnly }) => {
    rmSync(root, { recursive: true })
    const delaysMs: number[] = []
    const after = (ms: number, call: () => void) => {
      delaysMs.push(ms)
      return systemClock.after(ms, call)
    }
    const clock = { ...systemClock, after }
    const early = await ReleaseReader.open(root, { clock, pollMs: 1, pollOnly })
    onTestFinished(() => early.close())
    const { sequence, handlers } = await early.take('acme', { holder: early })
    expect({ sequence, handlers }).toEqual({ sequence: 0, handlers: [] })
    const seen = Promise.withResolvers<LiveTenant>()
    early.watch('acme', 0, { onChange: seen.resolve, onError: seen.reject })
    // Who is told need not look.
    expect(delaysMs).toEqual([pollOnly ? 1 : 5000])
    store = await DirectoryStore.make(root, { clock: systemClock })
    await release(store, nodeFiles, { module: 'a', handler: 'first' })
    expect((await seen.promise).handlers.map(({ name }) => name)).toEqual(['first'])
  },
)
