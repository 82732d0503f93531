/** What all tenants may have together: idle instances give way first, then requests wait in their tenants' queues. */
import { expect, test } from 'vitest'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { NO_CAPS, type PoolCaps } from '../../../src/pool/caps.ts'
import { Scheduler } from '../../../src/pool/scheduler.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { compileGuest, grants } from '../../support/guest.ts'
import { startRun, type TestRunOptions } from '../../support/pool-run.ts'
import { wat } from '../../support/wat.ts'

const PAGE = 65_536

/** Reads a byte of standard input, so that it runs until the test lets it end. */
const guest = (pages: number) =>
  wat(`(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") ${pages})
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func (export "_start")
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 32)))))`)

/** Requests of several tenants for one module, each of which runs until it is told to end. */
async function stage(caps: Partial<PoolCaps>, pages = 1) {
  // Time stands still: what is decided here by how long something took would differ from machine to machine.
  const clock = new FakeClock()
  const scheduler = new Scheduler({ clock, caps: { ...NO_CAPS, ...caps } })
  const module = await compileGuest(guest(pages))
  const started: string[] = []
  const start = (tenant: string, more: Partial<TestRunOptions> = {}) => {
    let isOver = false
    let wake: () => void = () => undefined
    const { report } = startRun(scheduler, {
      clock,
      cpuMs: 5000,
      sliceMs: 1,
      wallMs: Number.POSITIVE_INFINITY,
      grants: grants({
        stdin: {
          read: () => (isOver ? undefined : NOTHING_YET),
          onReadable: (call) => {
            wake = call
          },
        },
      }),
      tenant,
      limits: { maxChildren: 8, queueMax: 8, queueTimeoutMs: 60_000 },
      sizing: {
        pm: 'ondemand',
        maxChildren: 8,
        startServers: 0,
        minSpareServers: 0,
        maxSpareServers: 8,
        processIdleTimeoutMs: 60_000,
        maxSpawnRate: 32,
        lifetime: 'reset',
      },
      module,
      onStart: () => void started.push(tenant),
      ...more,
    })
    const end = async (): Promise<void> => {
      isOver = true
      wake()
      await report
      await turn()
    }
    return { report, end }
  }
  return { scheduler, started, start, module }
}

/** Requests that have been let in start within a turn or two of the event loop. */
async function turn(): Promise<void> {
  for (let count = 0; count < 8; count += 1) await new Promise((next) => setImmediate(next))
}

test('process_max: a request over it waits in its queue, and starts when another one has ended', async () => {
  const { scheduler, started, start } = await stage({ instances: 2 })
  const first = start('a')
  const second = start('b')
  const third = start('c')
  await turn()
  expect(started).toEqual(['a', 'b'])
  expect(scheduler.tenants.get('c')?.slots.waiting).toBe(1)
  expect(scheduler.tenants.get('c')?.counters).toMatchObject({ queued: 1, maxChildrenReached: 0 })
  await first.end()
  expect(started).toEqual(['a', 'b', 'c'])
  expect(scheduler.tenants.get('c')?.slots).toMatchObject({ active: 1, waiting: 0 })
  await Promise.all([second.end(), third.end()])
})

test('process_max: whoever waits has a turn, one tenant after the other', async () => {
  const { started, start } = await stage({ instances: 1 })
  const all = ['a', 'a', 'a', 'b', 'b', 'c'].map((tenant) => start(tenant))
  await turn()
  await Promise.all(all.map((one) => one.end()))
  expect(started).toEqual(['a', 'a', 'b', 'c', 'a', 'b'])
})

test('process_max: idle instances give way, those of the tenant that was quiet for longest first', async () => {
  const { scheduler, start } = await stage({ instances: 2 })
  await start('a').end()
  await start('b').end()
  expect(scheduler.warm.count).toBe(2)
  const third = start('c')
  await turn()
  expect([scheduler.warm.countOf('a'), scheduler.warm.countOf('b')]).toEqual([0, 1])
  await third.end()
  expect(scheduler.warm.count).toBe(2)
})

test('process_max: nobody gets past it with a full queue', async () => {
  const { start } = await stage({ instances: 1 })
  const first = start('a')
  const limits = { maxChildren: 8, queueMax: 0, queueTimeoutMs: 1000 }
  await expect(start('b', { limits }).report).rejects.toMatchObject({ code: 'POOL_QUEUE_FULL' })
  await first.end()
  // The refusal leaves nothing behind.
  const next = start('b', { limits })
  await next.end()
  expect((await next.report).outcome).toEqual({ kind: 'exited', code: 0 })
})

test("a tenant's own limit still holds when there is room", async () => {
  const { scheduler, started, start } = await stage({ instances: 4 })
  const limits = { maxChildren: 1, queueMax: 8, queueTimeoutMs: 60_000 }
  const all = [start('a', { limits }), start('a', { limits }), start('b')]
  await turn()
  expect(started).toEqual(['a', 'b'])
  expect(scheduler.tenants.get('a')?.counters.maxChildrenReached).toBe(1)
  await all[0]?.end()
  expect(started).toEqual(['a', 'b', 'a'])
  await Promise.all(all.map((one) => one.end()))
})

test('memory_max: idle instances give way, then a request that would go over waits', async () => {
  const { scheduler, started, start } = await stage({ memoryBytes: 10 * PAGE }, 4)
  await start('a').end()
  expect(scheduler.warm.bytes).toBe(4 * PAGE)
  const second = start('b')
  const third = start('c')
  await turn()
  expect(started).toEqual(['a', 'b', 'c'])
  expect(scheduler.warm.count).toBe(0)
  const fourth = start('d')
  await turn()
  expect(scheduler.tenants.get('d')?.slots.waiting).toBe(1)
  await second.end()
  expect(started).toEqual(['a', 'b', 'c', 'd'])
  await Promise.all([third.end(), fourth.end()])
})

test('memory_max: a guest that needs more than all of it runs alone', async () => {
  const { started, start } = await stage({ memoryBytes: PAGE }, 4)
  await start('a').end()
  const second = start('b')
  const third = start('c')
  await turn()
  expect(started).toEqual(['a', 'b'])
  await second.end()
  expect(started).toEqual(['a', 'b', 'c'])
  await third.end()
})

test('warm_memory_max: idle instances keep no more', async () => {
  const { scheduler, start } = await stage({ warm: { total: 100, bytes: 9 * PAGE } }, 4)
  for (const tenant of ['a', 'b', 'c']) await start(tenant).end()
  expect(scheduler.warm.bytes).toBe(8 * PAGE)
  expect(scheduler.warm.countOf('a')).toBe(0)
})

test('new caps hold at once', async () => {
  const { scheduler, started, start } = await stage({ instances: 1 }, 4)
  const [first, second] = [start('a'), start('b')]
  await turn()
  scheduler.caps = NO_CAPS
  await turn()
  expect(started).toEqual(['a', 'b'])
  await Promise.all([first.end(), second.end()])
  expect(scheduler.warm.count).toBe(2)
  scheduler.caps = { ...NO_CAPS, warm: { total: 100, bytes: 4 * PAGE } }
  expect(scheduler.warm.count).toBe(1)
  scheduler.caps = { ...NO_CAPS, warm: { total: 0, bytes: 0 } }
  expect(scheduler.warm.count).toBe(0)
})
