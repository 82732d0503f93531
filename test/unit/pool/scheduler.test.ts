import { expect, test } from 'vitest'
import type { ByteSource } from '../../../src/base/byte-stream.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { Scheduler } from '../../../src/pool/scheduler.ts'
import type { Sizing } from '../../../src/pool/sizing.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, compileGuest, grants } from '../../support/guest.ts'
import { startRun, type TestRunOptions } from '../../support/pool-run.ts'
import { wat } from '../../support/wat.ts'

/** Counts its runs in memory and in a global, and prints the count as one digit. */
const COUNTER = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 16) "0")
  (global $runs (mut i32) (i32.const 48))
  (func (export "_start")
    (global.set $runs (i32.add (global.get $runs) (i32.const 1)))
    (i32.store8 (i32.const 16)
      (i32.add (i32.load8_u (i32.const 16)) (i32.const 1)))
    (if (i32.ne (global.get $runs) (i32.load8_u (i32.const 16))) (then unreachable))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))`)

const SPINNER = wat(`(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))`)

const SIZING: Sizing = {
  pm: 'ondemand',
  maxChildren: 8,
  startServers: 0,
  minSpareServers: 0,
  maxSpareServers: 8,
  processIdleTimeoutMs: 10_000,
  maxSpawnRate: 32,
  lifetime: 'reset',
}

async function setUp(bytes: Uint8Array, changes: Partial<TestRunOptions> = {}) {
  const scheduler = new Scheduler({ clock: systemClock })
  const module = await compileGuest(bytes)
  const run = (more: Partial<TestRunOptions> = {}) => {
    const stdout = new CollectingSink()
    const { report } = startRun(scheduler, {
      clock: systemClock,
      grants: grants({ stdout }),
      cpuMs: 5000,
      wallMs: 10_000,
      sliceMs: 1,
      tenant: 'acme',
      limits: { maxChildren: 8, queueMax: 8, queueTimeoutMs: 1000 },
      sizing: SIZING,
      module,
      ...changes,
      ...more,
    })
    return report.then((result) => ({ ...result, text: stdout.text }))
  }
  return { scheduler, run, module }
}

const LIFETIMES = [
  { lifetime: 'reset', texts: ['1', '1', '1', '1'], made: 1 },
  { lifetime: 'persistent', texts: ['1', '2', '3', '4'], made: 1 },
] as const

for (const { lifetime, texts, made } of LIFETIMES) {
  test(`${lifetime}: one instance, and what a guest sees of earlier requests`, async () => {
    const { run, scheduler } = await setUp(COUNTER, { sizing: { ...SIZING, lifetime } })
    const seen: string[] = []
    for (let count = 0; count < 4; count += 1) seen.push((await run()).text)
    expect(seen).toEqual(texts)
    expect(scheduler.tenants.get('acme')?.counters.instancesMade).toBe(made)
    await new Promise((next) => setImmediate(next))
    expect(scheduler.warm.count).toBe(1)
  })
}

/** Waits for 20 ms. */
const WAITER = wat(`(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 20000000))
    (drop (call $poll (i32.const 0) (i32.const 400) (i32.const 1) (i32.const 200)))))`)

test('those who waited for a slot have the instances of those who had it', async () => {
  const limits = { maxChildren: 8, queueMax: 100, queueTimeoutMs: 10_000 }
  const { run, scheduler } = await setUp(WAITER, { limits })
  const reports = await Promise.all(Array.from({ length: 100 }, () => run()))
  expect(reports.every(({ outcome }) => outcome.kind === 'exited')).toBe(true)
  expect(scheduler.tenants.get('acme')?.counters.instancesMade).toBe(8)
})

test('fresh: every request has an instance of its own', async () => {
  const { run } = await setUp(COUNTER, { sizing: { ...SIZING, lifetime: 'fresh' } })
  for (let count = 0; count < 5; count += 1) expect((await run()).text).toBe('1')
})

test('max_spawn_rate: after each request no more than so many are made ahead', async () => {
  const sizing: Sizing = { ...SIZING, pm: 'static', maxSpawnRate: 2 }
  const { run, scheduler } = await setUp(COUNTER, { sizing })
  const made: unknown[] = []
  for (let count = 0; count < 4; count += 1) {
    await run()
    for (let turn = 0; turn < 20; turn += 1) await new Promise((next) => setImmediate(next))
    made.push(scheduler.tenants.get('acme')?.counters.instancesMade)
  }
  expect(made).toEqual([3, 5, 7, 8])
})

test('max_requests: the instance is replaced when it has answered so many, never later', async () => {
  const { run, scheduler } = await setUp(COUNTER, {
    sizing: { ...SIZING, lifetime: 'persistent' },
    maxRequests: 3,
  })
  const seen = []
  for (let count = 0; count < 12; count += 1) seen.push((await run()).text)
  expect(seen.every((text) => text <= '3')).toBe(true)
  expect(scheduler.tenants.get('acme')?.counters.instancesMade).toBeGreaterThanOrEqual(4)
})

test('tenants never share an instance', async () => {
  const { run, scheduler } = await setUp(COUNTER, { sizing: { ...SIZING, lifetime: 'persistent' } })
  expect((await run({ tenant: 'a' })).text).toBe('1')
  expect((await run({ tenant: 'b' })).text).toBe('1')
  expect((await run({ tenant: 'a' })).text).toBe('2')
  await new Promise((next) => setImmediate(next))
  expect(scheduler.warm.countOf('a')).toBe(1)
})

test("a guest that spins is killed at its CPU budget and its time is on the tenant's account", async () => {
  const { run, scheduler } = await setUp(SPINNER, { cpuMs: 20 })
  const { outcome, cpuMs } = await run()
  expect(outcome).toEqual({ kind: 'killed', reason: 'cpu' })
  expect(cpuMs).toBeGreaterThanOrEqual(20)
  const counters = scheduler.tenants.get('acme')?.counters
  expect(counters?.cpuMs).toBe(cpuMs)
  expect(counters?.outcomes).toEqual(new Map([['killed:cpu', 1]]))
  expect(scheduler.warm.count).toBe(0)
})

test('others run while a guest spins', async () => {
  const { run, module } = await setUp(COUNTER)
  const spinner = await compileGuest(SPINNER)
  const spinning = run({ module: spinner, cpuMs: 400, tenant: 'hog' })
  let isSpinning = true
  void spinning.then(() => {
    isSpinning = false
  })
  let answered = 0
  while (isSpinning) {
    await new Promise((next) => setImmediate(next))
    if ((await run({ module })).text === '1') answered += 1
  }
  expect((await spinning).outcome).toEqual({ kind: 'killed', reason: 'cpu' })
  expect(answered).toBeGreaterThan(10)
})

/** Reads a byte of standard input, then counts for some time. */
const READS_THEN_COUNTS = wat(`(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start") (local $left i32)
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))
    (local.set $left (i32.const 60000))
    (loop $again
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (local.get $left)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`)

/** Input that comes for everybody in one turn of the event loop. */
class CommonInput {
  #isThere = false
  readonly #wakes: Array<() => void> = []

  source(): ByteSource {
    return {
      read: () => (this.#isThere ? undefined : new Uint8Array(0)),
      onReadable: (wake) => void this.#wakes.push(wake),
    }
  }

  end(): void {
    this.#isThere = true
    for (const wake of this.#wakes) setImmediate(wake)
  }
}

test('guests of a tenant that are all woken in one turn do not keep the thread from others', async () => {
  const { run, module } = await setUp(COUNTER)
  const counting = await compileGuest(READS_THEN_COUNTS)
  const input = new CommonInput()
  const ended: string[] = []
  const limits = { maxChildren: 40, queueMax: 8, queueTimeoutMs: 1000 }
  const crowd = Array.from({ length: 40 }, async () => {
    const sizing = { ...SIZING, maxChildren: 40 }
    const granted = grants({ stdin: input.source() })
    await run({ module: counting, tenant: 'crowd', limits, sizing, grants: granted })
    ended.push('crowd')
  })
  await new Promise((next) => setImmediate(next))
  input.end()
  const neighbour = new Promise((next) => setImmediate(next)).then(async () => {
    await run({ module, tenant: 'neighbour' })
    ended.push('neighbour')
  })
  await Promise.all([...crowd, neighbour])
  expect(ended.indexOf('neighbour')).toBeLessThan(20)
})

test('stopping ends guests and refuses whoever waits', async () => {
  const limits = { maxChildren: 1, queueMax: 1, queueTimeoutMs: 1000 }
  const { run, scheduler } = await setUp(SPINNER, { limits })
  const running = run()
  const waiting = run()
  scheduler.stop()
  expect((await running).outcome).toEqual({ kind: 'killed', reason: 'stopping' })
  await expect(waiting).rejects.toMatchObject({ code: 'POOL_STOPPING' })
})

/** Runs of one tenant that has had its part of this turn of the event loop, so that they wait for the thread. */
async function waiting(
  count: number,
  limits = { maxChildren: 1, queueMax: 2, queueTimeoutMs: 1000 },
) {
  const clock = new FakeClock()
  const scheduler = new Scheduler({ clock })
  const module = await compileGuest(COUNTER)
  const state = scheduler.stateOf('acme', limits)
  scheduler.runQueue.charge(state.account, 5)
  const runs = Array.from({ length: count }, () =>
    startRun(scheduler, {
      ...{ clock, limits, module, sizing: SIZING, tenant: 'acme', grants: grants() },
      ...{ cpuMs: 5000, wallMs: 10_000, sliceMs: 1 },
    }),
  )
  return { clock, scheduler, state, runs }
}

const exited = { outcome: { kind: 'exited', code: 0 } }

test('who waits for the thread has no slot: guests that never wait need one for all', async () => {
  const { state, runs } = await waiting(3)
  expect([state.slots.active, state.waiting]).toEqual([0, 3])
  for (const run of runs) expect(await run.report).toMatchObject(exited)
  expect(state.counters).toMatchObject({ requests: 3, queued: 0, refused: 0, maxActive: 1 })
  expect([state.slots.active, state.waiting]).toEqual([0, 0])
})

test('as many may wait for the thread as there are free slots and places in the queue', async () => {
  const { state, runs } = await waiting(5)
  const reports = await Promise.allSettled(runs.map(({ report }) => report))
  expect(reports.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  ])
  expect(reports[3]).toMatchObject({ reason: { code: 'POOL_QUEUE_FULL' } })
  expect(state.counters.refused).toBe(2)
})

test('waiting for the thread ends with queue.timeout, for each at its time', async () => {
  const { clock, scheduler, state, runs } = await waiting(1)
  clock.advance(600)
  const [first] = runs
  scheduler.runQueue.charge(state.account, 5)
  const limits = { maxChildren: 1, queueMax: 2, queueTimeoutMs: 1000 }
  const second = startRun(scheduler, {
    ...{ clock, limits, module: first?.module as never, sizing: SIZING, tenant: 'acme' },
    ...{ grants: grants(), cpuMs: 5000, wallMs: 10_000, sliceMs: 1 },
  })
  clock.advance(400)
  await expect(first?.report).rejects.toMatchObject({ code: 'POOL_QUEUE_TIMEOUT' })
  expect(state.waiting).toBe(1)
  expect(await second.report).toMatchObject(exited)
})

test('a request that is given up while it waits for the thread never runs, and the next one does', async () => {
  const { state, runs } = await waiting(2)
  runs[0]?.giveUp()
  await expect(runs[0]?.report).rejects.toMatchObject({ code: 'POOL_ABORTED' })
  expect(await runs[1]?.report).toMatchObject(exited)
  expect(state.counters.requests).toBe(1)
})

test('stopping refuses whoever waits for the thread', async () => {
  const { scheduler, runs } = await waiting(2)
  scheduler.stop()
  for (const { report } of runs) {
    await expect(report).rejects.toMatchObject({ code: 'POOL_STOPPING' })
  }
})
