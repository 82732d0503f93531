/** A switch costs a worker a look at its tenant; at all tenants it looks where it cannot know which it was, and now and then. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { LiveWatch } from '../../../src/store/live-watch.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { release } from './drafts.ts'

const LOOK_MS = 5000
const TENANTS = 200

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-live-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Time that a test moves, from now on. */
function movedClock() {
  const fake = new FakeClock()
  const startNs = fake.ns
  const clock: Clock = {
    ...systemClock,
    nowMs: () => fake.nowMs(),
    realtimeNs: () => systemClock.realtimeNs() + fake.ns - startNs,
    after: (ms, call) => fake.after(ms, call),
  }
  /** The next look, with the wait in it, is over after that. */
  const pass = async (ms: number): Promise<void> => {
    for (const part of [ms, 50]) {
      await expect.poll(() => fake.pending, { interval: 1 }).toBeGreaterThan(0)
      fake.advance(part)
    }
    await expect.poll(() => fake.pending, { interval: 1 }).toBeGreaterThan(0)
  }
  return { clock, pass }
}

async function setUp({ count = 1 } = {}) {
  const root = temporaryFolder()
  const folder = join(root, 'live')
  mkdirSync(folder)
  const { clock, pass } = movedClock()
  const names = new Set<string>()
  let all = 0
  const onChange = (name: string | undefined): void => {
    if (name === undefined) all += 1
    else names.add(name)
  }
  const watch = new LiveWatch(folder, { clock }, { onChange, count: () => count })
  onTestFinished(() => watch.stop())
  watch.start()
  /** As a switch does it; it has been named when this is over. */
  const replace = async (name: string): Promise<void> => {
    writeFileSync(join(folder, '.draft'), '')
    renameSync(join(folder, '.draft'), join(folder, name))
    await expect.poll(() => names.has(name), { interval: 1 }).toBe(true)
  }
  // What was there before has to be looked at.
  await pass(LOOK_MS)
  expect(all).toBe(1)
  return { root, folder, pass, replace, looksAtAll: () => all }
}

test('what is named may not be all: the more there are, the later they are looked at, once', async () => {
  for (const [count, looks] of [
    [1000, 20],
    // Each takes 3 ms of the time between.
    [10_000, 3],
    [1_000_000, 0],
  ] as const) {
    const { pass, replace, looksAtAll } = await setUp({ count })
    for (let named = 0; named < 20; named += 1) {
      await replace(`t${named}.json`)
      await pass(LOOK_MS)
    }
    expect([count, looksAtAll()]).toEqual([count, 1 + looks])
    await pass(3_000_000)
    await pass(LOOK_MS)
    const last = looksAtAll()
    expect(last).toBeLessThanOrEqual(2 + looks)
    for (let named = 0; named < 3; named += 1) await pass(600_000)
    expect(looksAtAll()).toBe(last)
  }
})

test('what is not named, beside what is: it is looked at within seconds', async () => {
  const { folder, pass, replace, looksAtAll } = await setUp()
  await replace('t1.json')
  // As another machine does it on a file system that is shared.
  utimesSync(folder, 1, 1)
  await pass(LOOK_MS)
  expect(looksAtAll()).toBe(2)
})

test('what is not named is looked for', async () => {
  const { folder, pass, looksAtAll } = await setUp()
  utimesSync(folder, 1, 1)
  await pass(LOOK_MS)
  expect(looksAtAll()).toBe(2)
  await pass(LOOK_MS)
  expect(looksAtAll()).toBe(2)
})

test('more names than are kept for sure', async () => {
  const { folder, pass, replace, looksAtAll } = await setUp()
  const [one, other] = [join(folder, 't1.json'), join(folder, 't2.json')]
  writeFileSync(one, '')
  // Each has two names.
  for (let count = 0; count < 1100; count += 1) {
    renameSync(one, other)
    renameSync(other, one)
  }
  await replace('last.json')
  await pass(LOOK_MS)
  expect(looksAtAll()).toBe(2)
})

test('another folder in the place of the one that was watched, which goes on being named', async () => {
  const { root, folder, pass, replace, looksAtAll } = await setUp({ count: 1_000_000 })
  renameSync(folder, join(root, 'away'))
  mkdirSync(folder)
  writeFileSync(join(root, 'away/t1.json'), '')
  await pass(LOOK_MS)
  expect(looksAtAll()).toBe(2)
  await replace('t2.json')
  await pass(LOOK_MS)
  expect(looksAtAll()).toBe(2)
})

test('a publication is a look at its tenant, however many are watched', async () => {
  const root = join(temporaryFolder(), 'store')
  const store = await DirectoryStore.make(root, { clock: systemClock })
  await release(store, nodeFiles, { module: 'a', tenant: 't0' })
  const looks = new Map<string, number>()
  const files = {
    ...nodeFiles,
    status: (path: string) => {
      if (path.includes('/live/')) looks.set(path, (looks.get(path) ?? 0) + 1)
      return nodeFiles.status(path)
    },
  }
  const { clock, pass } = movedClock()
  const reader = await ReleaseReader.open(root, { clock, files })
  onTestFinished(() => reader.close())
  let sequence = 0
  for (let index = 0; index < TENANTS; index += 1) {
    reader.watch(`t${index}`, 0, {
      onChange: (live) => {
        sequence = live.sequence
      },
      onError: (error) => {
        throw error
      },
    })
  }
  await expect.poll(() => looks.size).toBe(TENANTS)
  await pass(LOOK_MS)
  await expect.poll(() => sequence).toBe(1)
  await expect.poll(() => [looks.size, Math.min(...looks.values())]).toEqual([TENANTS, 2])
  for (let count = 2; count <= 4; count += 1) {
    looks.clear()
    await release(store, nodeFiles, { module: `${count}`, tenant: 't0' })
    await expect.poll(() => sequence).toBe(count)
    expect([...looks.keys()]).toEqual([store.layout.pointer('t0')])
    // In case that something else has changed as well.
    await pass(LOOK_MS)
    await expect.poll(() => looks.size).toBe(TENANTS)
  }
})
