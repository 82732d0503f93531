/** Which releases a worker says it uses, while they come and go. What it answers: `test/integration/publish`. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { createLogger } from '../../../src/base/logger.ts'
import { nameValuesOf } from '../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../src/cgi/environment.ts'
import { PublishedHandlers } from '../../../src/gateway/published-handlers.ts'
import { FileReader } from '../../../src/gateway/static/file-reader.ts'
import type { ModuleHolder } from '../../../src/guest/compile-cache.ts'
import { GuestError } from '../../../src/guest/errors.ts'
import { DirectoryStore } from '../../../src/store/directory-store.ts'
import { surveyLeases } from '../../../src/store/leases.ts'
import { ReleaseReader } from '../../../src/store/release-reader.ts'
import { nodeFiles } from '../../../src/store/store-files.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { release } from '../store/drafts.ts'

const WALL_MS = 30_000
/** What a request may take, and the minute for what comes after it. */
const LAST_USE_MS = WALL_MS + 60_000
const REQUEST = parseEnvironment(
  nameValuesOf([
    ['REQUEST_METHOD', 'GET'],
    ['SCRIPT_NAME', '/x'],
    ['REQUEST_URI', '/x'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
  ]),
)

interface Stage {
  readonly clock: FakeClock
  /** A worker has one for a tenant, and another when the tenant's table has changed. */
  make(): PublishedHandlers
  /** Who keeps each module that was loaded, in turn. */
  readonly holders: readonly ModuleHolder[]
  /** What loading one comes to; undefined: a module. */
  readonly fault: { error: Error | undefined }
  /** Whether the tenant has instances. Default: it has. */
  readonly tenant: { isActive: boolean }
  /** Answers the digest once all of `handlers` say that they use it. */
  publish(module: string, handlers: PublishedHandlers): Promise<string>
  /** Waits for nobody. */
  publishNext(module: string): Promise<{ readonly release: string }>
  inUse(): Promise<readonly string[]>
}

async function stage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-published-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const store = await DirectoryStore.make(folder, { clock: systemClock })
  const reader = await ReleaseReader.open(folder, { clock: systemClock })
  onTestFinished(() => reader.close())
  const clock = new FakeClock()
  const holders: ModuleHolder[] = []
  const fault: Stage['fault'] = { error: undefined }
  const tenant = { isActive: true }
  const inUse = async (): Promise<readonly string[]> => {
    const { used } = await surveyLeases(store.layout, nodeFiles, 0)
    return [...used].sort()
  }
  return {
    clock,
    holders,
    fault,
    tenant,
    make: () => {
      const handlers = new PublishedHandlers({
        ...{ tenant: 'acme', reader, clock, logger: createLogger('silent'), wallMs: WALL_MS },
        isActive: () => tenant.isActive,
        settingsOf: () => ({}) as never,
        fileReader: new FileReader(),
        verify: async () => undefined,
        load: async (_, holder) => {
          holders.push(holder)
          if (fault.error !== undefined) throw fault.error
          return {} as never
        },
        scriptsOf: () => Promise.reject(new Error('no release has scripts')),
        onFailing: () => undefined,
      })
      onTestFinished(() => handlers.close())
      return handlers
    },
    publish: async (module, handlers) => {
      const before = await inUse()
      const timers = clock.pending
      const { release: digest } = await release(store, nodeFiles, { module })
      await handlers.find(REQUEST)
      await expect.poll(inUse).toContain(digest)
      // It has been taken up when the one before it is on its way out.
      if (before.length > 0) await expect.poll(() => clock.pending).toBe(timers + 1)
      return digest
    },
    publishNext: (module) => release(store, nodeFiles, { module }),
    inUse,
  }
}

test('a release stays in use as long as a request may run on it, however many come after it', async () => {
  const { clock, make, publish, inUse } = await stage()
  const handlers = make()
  const one = await publish('one', handlers)
  const two = await publish('two', handlers)
  clock.advance(1000)
  const three = await publish('three', handlers)
  expect(await inUse()).toEqual([one, two, three].sort())
  clock.advance(LAST_USE_MS - 1001)
  expect(await inUse()).toEqual([one, two, three].sort())
  clock.advance(1)
  await expect.poll(inUse).toEqual([two, three].sort())
  clock.advance(1000)
  await expect.poll(inUse).toEqual([three])
})

test('so it does when the tenant is served with other settings meanwhile, or not any more', async () => {
  const { clock, make, publish, inUse } = await stage()
  const before = make()
  const one = await publish('one', before)
  const two = await publish('two', before)
  clock.advance(1000)
  const after = make()
  await after.find(REQUEST)
  before.close()
  expect(await inUse()).toEqual([one, two].sort())
  const three = await publish('three', after)
  clock.advance(LAST_USE_MS - 1001)
  expect(await inUse()).toEqual([one, two, three].sort())
  clock.advance(1001)
  await expect.poll(inUse).toEqual([three])
  after.close()
  clock.advance(LAST_USE_MS)
  await expect.poll(inUse).toEqual([])
})

test('a module that the worker does not keep any more is loaded again when it is asked for', async () => {
  const { make, publish, holders } = await stage()
  const handlers = make()
  await publish('one', handlers)
  const ask = () => askFor(handlers)
  await ask()
  await ask()
  expect(holders.map(({ tenant }) => tenant)).toEqual(['acme'])
  holders[0]?.dropped()
  await ask()
  await ask()
  expect(holders).toHaveLength(2)
})

test('what is prepared is loaded before it is asked for; where nothing is wanted, nothing is in use', async () => {
  const { make, publishNext, holders, inUse } = await stage()
  const handlers = make()
  await publishNext('one')
  expect(await handlers.prepare(() => false)).toEqual([])
  expect([holders.length, await inUse()]).toEqual([0, []])
  // What is live meanwhile is what a later look finds.
  const { release: digest } = await publishNext('two')
  const asked: string[] = []
  const [prepared] = await handlers.prepare((module) => asked.push(module.digest) > 0)
  expect(asked).toHaveLength(1)
  expect(prepared?.bytes).toBeGreaterThan(0)
  expect([holders.length, await inUse()]).toEqual([1, [digest]])
  await askFor(handlers)
  expect(holders).toHaveLength(1)
})

test('a module that cannot be loaded, or that does not boot, is not tried again by each request', async () => {
  const { make, clock, publishNext, holders, fault } = await stage()
  const handlers = make()
  await publishNext('one')
  fault.error = new GuestError('GUEST_BOOT_FAILED', 'it trapped')
  const ask = () => askFor(handlers).catch((error: unknown) => error)
  for (let asked = 0; asked < 5; asked += 1) expect(await ask()).toBe(fault.error)
  expect(holders).toHaveLength(1)
  clock.advance(1000)
  await ask()
  clock.advance(1999)
  await ask()
  expect(holders).toHaveLength(2)
  fault.error = undefined
  clock.advance(1)
  expect(await ask()).toBeUndefined()
  expect(holders).toHaveLength(3)
})

test('releases that cannot be switched to are tried again later', async () => {
  const { make, clock, holders, fault, publish, publishNext } = await stage()
  const handlers = make()
  await publish('one', handlers)
  fault.error = new GuestError('GUEST_BOOT_FAILED', 'its database is not there')
  for (const [tries, pauseMs] of [
    [1, 1000],
    [2, 2000],
  ] as const) {
    // Of what has been tried, which is forgotten later, and of the next try.
    const timers = clock.pending + 2
    if (tries === 1) await publishNext('two')
    await expect.poll(() => clock.pending).toBe(timers)
    expect(holders).toHaveLength(1 + tries)
    if (tries === 2) fault.error = undefined
    clock.advance(pauseMs)
  }
  await expect.poll(() => holders.length).toBe(4)
  await askFor(handlers)
  expect(holders).toHaveLength(4)
})

test('of a tenant without instances nothing is loaded before it is asked for again', async () => {
  const { make, publish, publishNext, inUse, holders, tenant } = await stage()
  const handlers = make()
  await publish('one', handlers)
  const goOn = async (module: string): Promise<void> => {
    const { release: digest } = await publishNext(module)
    await expect.poll(inUse).toContain(digest)
  }
  tenant.isActive = false
  await goOn('two')
  await goOn('three')
  expect(holders).toHaveLength(1)
  const ask = async (): Promise<number> => {
    await askFor(handlers)
    return holders.length
  }
  await expect.poll(ask).toBe(2)
  tenant.isActive = true
  await goOn('four')
  await expect.poll(() => holders.length).toBe(3)
})

async function askFor(handlers: PublishedHandlers): Promise<void> {
  const target = await handlers.find({ ...REQUEST, path: '/' })
  await (target?.kind === 'guest' ? target.module : undefined)
}
