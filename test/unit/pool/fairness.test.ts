/** Who gets how much of the thread when everybody wants more than there is: the run queue with simulated guests, no clock. */
import { expect, test } from 'vitest'
import { SharedUsage } from '../../../src/master/shared-usage.ts'
import { Bill } from '../../../src/pool/bill.ts'
import { Account, RunQueue } from '../../../src/pool/run-queue.ts'
import { MEASURE_MS } from '../../../src/worker/load-watch.ts'

const SLICE_MS = 1

/** One thread: a turn of its event loop wakes guests, which hold the thread for as long as they say. */
class Thread {
  readonly queue: RunQueue
  nowMs = 0
  readonly #turns: Array<() => void> = []
  readonly #usedMs = new Map<string, number>()
  readonly #accounts = new Map<string, Account>()

  constructor() {
    this.queue = new RunQueue({
      sliceMs: SLICE_MS,
      nowMs: () => 0,
      schedule: (callback) => this.#turns.push(callback),
      afterThis: (callback) => callback(),
    })
  }

  account(tenant: string): Account {
    const account = this.#accounts.get(tenant) ?? new Account(tenant)
    this.#accounts.set(tenant, account)
    return account
  }

  usedBy(tenant: string): number {
    return this.#usedMs.get(tenant) ?? 0
  }

  /** A request that needs `cpuMs`; resolves nothing, calls `done`. */
  request(tenant: string, cpuMs: number, done: () => void): void {
    const bill = new Bill(this.queue, this.account(tenant), SLICE_MS)
    let leftMs = cpuMs
    const run = (): void => {
      const heldMs = Math.min(leftMs, SLICE_MS)
      leftMs -= heldMs
      this.nowMs += heldMs
      this.#usedMs.set(tenant, this.usedBy(tenant) + heldMs)
      if (leftMs > 0) {
        bill.settle(cpuMs - leftMs)
        bill.joinQueue(run)
        return
      }
      bill.settle(cpuMs)
      done()
    }
    if (this.queue.mayRun(this.account(tenant))) run()
    else bill.joinQueue(run, cpuMs)
  }

  /** A client that asks again as soon as it is answered. */
  ask(tenant: string, cpuMs: number): void {
    this.request(tenant, cpuMs, () => this.#turns.push(() => this.ask(tenant, cpuMs)))
  }

  turn(): void {
    for (const callback of this.#turns.splice(0)) callback()
  }

  runUntil(ms: number): void {
    while (this.nowMs < ms) this.turn()
  }
}

const CROWD = Array.from({ length: 50 }, (_, index) => ({
  name: `t${index}`,
  /** Some have ten times the clients of others, and requests of another size. */
  clients: index % 3 === 0 ? 40 : 4,
  cpuMs: [0.3, 1, 2, 2.5, 7][index % 5] ?? 1,
}))

/** Workers of a pool, each with a thread; every 50 ms those where somebody waits tell the others what was used. */
class Threads {
  readonly threads: readonly Thread[]
  readonly #usage = new SharedUsage<Thread>()
  readonly #toldAtMs = new Map<Thread, number>()
  messages = 0

  constructor(count: number) {
    this.threads = Array.from({ length: count }, () => new Thread())
  }

  usedBy(tenant: string): number {
    return this.threads.reduce((sum, thread) => sum + thread.usedBy(tenant), 0)
  }

  runUntil(ms: number): void {
    for (;;) {
      const thread = this.threads.reduce((one, other) => (other.nowMs < one.nowMs ? other : one))
      if (thread.nowMs >= ms) return
      thread.turn()
      const toldAtMs = this.#toldAtMs.get(thread) ?? 0
      if (thread.nowMs - toldAtMs >= MEASURE_MS) this.#tell(thread)
    }
  }

  #tell(thread: Thread): void {
    this.#toldAtMs.set(thread, thread.nowMs)
    const usage = thread.queue.takeUsage()
    if (usage.length === 0) return
    this.messages += 1
    thread.queue.countElsewhere(this.#usage.exchange(thread, usage, thread.nowMs))
  }
}

function crowdedThread(): Thread {
  const thread = new Thread()
  for (const { name, clients, cpuMs } of CROWD) {
    for (let client = 0; client < clients; client += 1) thread.ask(name, cpuMs)
  }
  return thread
}

test('50 tenants that want far more than there is get the same, within a tenth', () => {
  const thread = crowdedThread()
  thread.runUntil(10_000)
  const shareMs = 10_000 / CROWD.length
  const off = CROWD.map(({ name }) => Math.abs(thread.usedBy(name) - shareMs) / shareMs)
  expect(Math.max(...off)).toBeLessThan(0.1)
})

test('wherever their requests are, 50 tenants get the same of two threads, within a tenth', () => {
  const pool = new Threads(2)
  for (const [index, { name, clients, cpuMs }] of CROWD.entries()) {
    // Everywhere, nearly all on one of them, all on one of them.
    const here = pool.threads[index % 2]
    const there = pool.threads[(index + 1) % 2]
    const away = [clients / 2, 1, 0][index % 3] ?? 0
    for (let client = 0; client < clients; client += 1) {
      const thread = client < away ? there : here
      thread?.ask(name, cpuMs)
    }
  }
  pool.runUntil(10_000)
  const shareMs = (2 * 10_000) / CROWD.length
  const off = CROWD.map(({ name }) => Math.abs(pool.usedBy(name) - shareMs) / shareMs)
  expect(Math.max(...off)).toBeLessThan(0.1)
  // Forty a second, whatever there is to do.
  expect(pool.messages).toBeLessThanOrEqual((2 * 10_000) / MEASURE_MS)
})

test('a tenant that wants less than its share is served as if it were nearly alone', () => {
  const cpuMs = 2.2
  const thread = crowdedThread()
  thread.runUntil(500)
  const waits: number[] = []
  // A request every 200 ms is about half of a fiftieth.
  for (let count = 1; count <= 50; count += 1) {
    thread.runUntil(500 + count * 200)
    const askedMs = thread.nowMs
    let isDone = false
    thread.request('modest', cpuMs, () => {
      waits.push(thread.nowMs - askedMs)
      isDone = true
    })
    while (!isDone) thread.turn()
  }
  expect(Math.max(...waits)).toBeLessThanOrEqual(3 * cpuMs)
})

test('a tenant that comes after a long silence holds nobody up for longer than its credit', () => {
  const thread = new Thread()
  thread.ask('steady', 0.5)
  thread.ask('steady', 0.5)
  thread.ask('other', 0.5)
  thread.runUntil(1000)
  for (let client = 0; client < 8; client += 1) thread.ask('hog', 1000)
  const before = thread.usedBy('steady')
  thread.runUntil(thread.nowMs + 60)
  // A third of the time, but for the hog's credit.
  expect(thread.usedBy('steady') - before).toBeGreaterThan(15)
})

test('a guest that holds the thread for longer than a slice pays for all of it', () => {
  const thread = new Thread()
  const bill = new Bill(thread.queue, thread.account('long'), SLICE_MS)
  for (const tenant of ['long', 'other']) thread.ask(tenant, 1.5)
  // Slices of 4 ms, one after the other: such as of a guest in long calls of the host.
  let usedMs = 0
  const run = (): void => {
    usedMs += 4
    thread.nowMs += 4
    bill.settle(usedMs)
    if (thread.nowMs < 200) bill.joinQueue(run)
  }
  bill.joinQueue(run)
  thread.runUntil(200)
  expect(thread.usedBy('other')).toBeGreaterThan(80)
})

test('the first request after a quiet time owes nothing for what was before', () => {
  const thread = new Thread()
  thread.request('a', 5, () => undefined)
  for (let turn = 0; turn < 20; turn += 1) thread.turn()
  expect(thread.usedBy('a')).toBe(5)
  thread.queue.join(thread.account('b'), {
    costMs: SLICE_MS,
    hasUsedSlice: false,
    takeThread: () => undefined,
  })
  expect(thread.queue.mayRun(thread.account('a'))).toBe(true)
})
