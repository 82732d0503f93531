/** What instances hold that nobody has wanted for some seconds, and what they begin with when somebody does. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Scheduler } from '../../../src/pool/scheduler.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, compileGuest, grants } from '../../support/guest.ts'
import { startRun } from '../../support/pool-run.ts'
import { wat } from '../../support/wat.ts'

const MIB = 1024 * 1024
const WRITTEN_MIB = 6

/** Fills 6 MiB of its memory, and prints how often it has done that, as one digit. */
const FILLER = wat(`(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 128)
  (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (data (i32.const 16) "0")
  (func (export "_start")
    (i32.store8 (i32.const 16) (i32.add (i32.load8_u (i32.const 16)) (i32.const 1)))
    (if (i32.load8_u (i32.const 0x100000)) (then unreachable))
    (memory.fill (i32.const 0x100000) (i32.const 7) (i32.const ${WRITTEN_MIB * MIB}))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))))`)

function privateMib(): number {
  const found = /^Private_Dirty:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))
  return Number(found?.[1]) / 1024
}

async function turns(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await new Promise((next) => setImmediate(next))
}

async function setUp(lifetime: 'reset' | 'persistent', processIdleTimeoutMs = 60_000) {
  const clock = new FakeClock()
  const scheduler = new Scheduler({ clock })
  const module = await compileGuest(FILLER)
  const run = async () => {
    const stdout = new CollectingSink()
    const { report } = startRun(scheduler, {
      ...{ clock, module, grants: grants({ stdout, clock }), tenant: 'acme' },
      ...{ cpuMs: 5000, wallMs: 10_000, sliceMs: 100 },
      limits: { maxChildren: 8, queueMax: 8, queueTimeoutMs: 1000 },
      sizing: {
        ...{ pm: 'ondemand', maxChildren: 8, startServers: 0, minSpareServers: 0 },
        ...{ maxSpareServers: 8, maxSpawnRate: 32, processIdleTimeoutMs, lifetime },
      },
    })
    const { outcome } = await report
    await turns()
    return { kind: outcome.kind, text: stdout.text }
  }
  const wait = async (seconds: number) => {
    for (let count = 0; count < seconds; count += 1) clock.advance(1000)
    await turns()
  }
  return { scheduler, run, wait }
}

test('after three seconds what an idle instance has written to is the system’s, and its next run is as its first', async () => {
  const { scheduler, run, wait } = await setUp('reset')
  // The first time it is put back it is mapped, and has nothing of its own.
  for (const text of ['1', '1']) expect(await run()).toEqual({ kind: 'exited', text })
  const before = privateMib()
  await wait(3)
  expect(before - privateMib()).toBeLessThan(1)
  await wait(1)
  expect(before - privateMib()).toBeGreaterThan(WRITTEN_MIB - 1)
  expect(scheduler.warm.count).toBe(1)
  for (let count = 0; count < 3; count += 1) {
    expect(await run()).toEqual({ kind: 'exited', text: '1' })
    expect(before - privateMib()).toBeLessThan(1)
    await wait(count) // asked again at once, and while it is idle for less
  }
  await wait(5)
  expect(before - privateMib()).toBeGreaterThan(WRITTEN_MIB - 1)
  expect(scheduler.tenants.get('acme')?.counters.instancesMade).toBe(1)
})

test('one that is kept as it is keeps what it has written', async () => {
  const { scheduler, run, wait } = await setUp('persistent')
  expect((await run()).text).toBe('1')
  const before = privateMib()
  await wait(10)
  expect(Math.abs(before - privateMib())).toBeLessThan(1)
  expect([...scheduler.warm].map(({ isResting }) => isResting)).toEqual([false])
})

test('one that is dropped meanwhile does not rest', async () => {
  const { scheduler, run, wait } = await setUp('reset', 2000)
  await run()
  const [idle] = scheduler.warm
  await wait(10)
  expect([scheduler.warm.count, scheduler.warm.bytes, idle?.isResting]).toEqual([0, 0, false])
})
