/** One run after the other in one instance: how each ends, what is left of it, and whom it tells meanwhile. */
import { beforeAll, beforeEach, expect, test } from 'vitest'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import type { GuestJob, GuestReport } from '../../../src/guest/job.ts'
import { USUAL_AFTER_RUNS } from '../../../src/guest/usual-growth.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { compileGuest, grants, job } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const PAGE_BYTES = 65_536
const MEMORY_BYTES = 2 * PAGE_BYTES

/** `random_get` is a word with the test, `fd_read` a wait; `count` is how often `_start` was called. */
const guest = (start: string): string => `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))
  (data (i32.const 4) "\\01")
  (func $work (local $left i32)
    i32.const 1000 local.set $left
    loop
      local.get $left i32.const 1 i32.sub local.tee $left
      br_if 0
    end)
  (func $say (drop (call $random (i32.const 32) (i32.const 1))))
  (func $read (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func (export "_start") ${start}))`

const SOURCES = {
  returns: '',
  exits0: '(call $exit (i32.const 0))',
  exits3: '(call $exit (i32.const 3))',
  traps: 'unreachable',
  // It tells what it finds in its global and in its memory, and adds to both.
  counts: `
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store8 (i32.const 100) (i32.add (i32.load8_u (i32.const 100)) (i32.const 16)))
    (call $exit (i32.add (global.get $count) (i32.load8_u (i32.const 100))))`,
  grows: '(drop (memory.grow (i32.const 1)))',
  // It says how much it had, and what its size was with that; nothing of it may have been written.
  growsAsEver: `
    (local $old i32)
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (if (i32.load (i32.const 0)) (then (call $exit (i32.const 0))))
    (local.set $old (memory.grow (i32.const 1)))
    (if (i32.load (i32.const 65536)) (then unreachable))
    (i64.store (i32.const 65536) (i64.const -1))
    (call $exit (i32.add (i32.mul (local.get $old) (i32.const 10)) (memory.size)))`,
  // With a variable it looks at a page that it has not been given, and leaves something there.
  looksBeyond: `
    (drop (call $sizes (i32.const 0) (i32.const 4)))
    (if (i32.load (i32.const 0))
      (then
        (if (i64.ne (i64.load (i32.const 65544)) (i64.const 0)) (then (call $exit (i32.const 1))))
        (memory.copy (i32.const 65544) (i32.const 0) (i32.const 8))
        (drop (memory.grow (i32.const 1))))
      (else
        (drop (memory.grow (i32.const 1)))
        (if (i64.ne (i64.load (i32.const 65544)) (i64.const 0)) (then unreachable))))`,
  says: '(call $say) (call $work)',
  saysTwice: '(call $say) (call $work) (call $say)',
  saysAndGrows: '(call $say) (call $work) (drop (memory.grow (i32.const 1)))',
  reads: '(call $read)',
  saysAndReads: '(call $say) (call $read) (call $say)',
  loops: '(loop (call $say) (br 0))',
}

type Name = keyof typeof SOURCES

const modules = new Map<string, GuestModule>()
const moduleOf = (name: Name): GuestModule => modules.get(name) as GuestModule

beforeAll(async () => {
  for (const [name, start] of Object.entries(SOURCES)) {
    modules.set(name, await compileGuest(wat(guest(start))))
  }
})

let clock: FakeClock

beforeEach(() => {
  clock = new FakeClock()
})

const pass = (ms: number): void => {
  clock.ns += BigInt(Math.round(ms * 1e6))
}

/** Lets a stack unwind that is to. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

interface Told {
  readonly reports: GuestReport[]
  /** What has become known, in order. */
  readonly log: string[]
  wake: () => void
}

interface Begin {
  readonly changes?: Partial<GuestJob>
  readonly onSay?: () => void
}

/** Starts a run whose STDIN never has anything. */
function begin(
  instance: GuestInstance,
  { changes = {}, onSay = () => undefined }: Begin = {},
): Told {
  const told: Told = { reports: [], log: [], wake: () => undefined }
  const given = grants({
    clock,
    random: () => {
      told.log.push('say')
      onSay()
    },
    stdin: {
      read: () => NOTHING_YET,
      onReadable: (wake) => {
        told.wake = wake
      },
    },
  })
  const settled = (report: GuestReport): void => {
    told.log.push('settled')
    told.reports.push(report)
  }
  const run = job({
    grants: given,
    onWait: (cpuMs) => void told.log.push(`wait ${cpuMs}`),
    waitTurn: (wake, cpuMs) => {
      told.log.push(`turn ${cpuMs}`)
      told.wake = wake
    },
    ...changes,
  })
  instance.start(run, { settled, broke: (error) => expect.fail(String(error)) })
  return told
}

const run = (instance: GuestInstance): Promise<GuestReport> =>
  runToEnd(instance, job({ grants: grants({ clock }) }))

const EXITED = { kind: 'exited', code: 0 }
const TRAPPED = { kind: 'trapped', trap: 'unreachable' }

interface End {
  readonly name: Name
  readonly outcome: object
  readonly isSpent?: boolean
  readonly canReset?: boolean
  readonly canRenew?: boolean
}

const ENDS: readonly End[] = [
  { name: 'returns', outcome: EXITED },
  { name: 'exits0', outcome: EXITED },
  { name: 'exits3', outcome: { kind: 'exited', code: 3 } },
  { name: 'counts', outcome: { kind: 'exited', code: 17 } },
  { name: 'traps', outcome: TRAPPED, isSpent: true, canReset: false },
  { name: 'grows', outcome: EXITED, canReset: false, canRenew: false },
]

for (const { name, outcome, isSpent = false, canReset = true, canRenew = true } of ENDS) {
  test(`a guest that ${name}: its end, and what its instance is good for`, async () => {
    for (const again of ['reset', 'renew'] as const) {
      const instance = new GuestInstance(moduleOf(name), clock)
      const told = begin(instance)
      expect(told.reports).toEqual([])
      await turn()
      expect(told.reports).toMatchObject([{ outcome, cpuMs: 0 }])
      expect([instance.runs, instance.isSpent]).toEqual([1, isSpent])
      const isAgain = again === 'reset' ? instance.reset() : instance.renew(() => expect.fail())
      expect(isAgain).toBe(again === 'reset' ? canReset : canRenew)
      if (!isAgain) continue
      // As if it were the first.
      expect([instance.runs, instance.isSpent]).toEqual([again === 'reset' ? 1 : 0, false])
      expect(await run(instance)).toMatchObject({ outcome })
    }
  })
}

test('what a run has changed is there in the next one, until it is put back', async () => {
  const instance = new GuestInstance(moduleOf('counts'), clock)
  const codes: unknown[] = []
  for (const before of ['nothing', 'nothing', 'reset', 'nothing', 'renew']) {
    if (before === 'reset') instance.reset()
    if (before === 'renew') instance.renew(() => undefined)
    codes.push((await run(instance)).outcome)
  }
  expect(codes.map((outcome) => (outcome as { code: number }).code)).toEqual([17, 34, 17, 34, 17])
})

test('its memory is counted as it is at the end', async () => {
  const instance = new GuestInstance(moduleOf('grows'), clock)
  expect(instance.memoryBytes).toBe(PAGE_BYTES)
  expect(await run(instance)).toMatchObject({ memoryBytes: MEMORY_BYTES })
  expect(instance.memoryBytes).toBe(MEMORY_BYTES)
})

test('what memory grows by in every run is kept, and is zeros that nobody has been given', async () => {
  const grown = { outcome: { kind: 'exited', code: 12 }, memoryBytes: MEMORY_BYTES }
  for (let turn = 1; turn < USUAL_AFTER_RUNS; turn += 1) {
    const instance = new GuestInstance(moduleOf('growsAsEver'), clock)
    expect(await run(instance)).toMatchObject(grown)
    expect(instance.reset()).toBe(false)
  }
  const instance = new GuestInstance(moduleOf('growsAsEver'), clock)
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await run(instance)).toMatchObject(grown)
    expect(instance.memoryBytes).toBe(MEMORY_BYTES)
    expect(turn === 1 ? instance.renew(() => expect.fail()) : instance.reset()).toBe(true)
  }
  // Two that take less, and more.
  const less = job({ grants: grants({ clock, env: ['a=b'] }) })
  expect(await runToEnd(instance, less)).toMatchObject({ memoryBytes: PAGE_BYTES })
  expect(instance.reset()).toBe(false)
  const other = new GuestInstance(moduleOf('growsAsEver'), clock)
  expect(await run(other)).toMatchObject(grown)
  expect(other.reset()).toBe(false)
})

test('a page that it has not been given traps, or is zeros that every run of its owner has taken', async () => {
  const [owner, other] = [{}, {}]
  const make = (whose: object) =>
    new GuestInstance(moduleOf('looksBeyond'), clock, { owner: whose })
  const look = (instance: GuestInstance) =>
    runToEnd(instance, job({ grants: grants({ clock, env: ['a=b'] }) }))
  const usual = async (): Promise<GuestInstance> => {
    for (let turn = 1; ; turn += 1) {
      const instance = make(owner)
      expect(await look(instance)).toMatchObject({ outcome: { kind: 'trapped' } })
      expect(instance.renew(() => undefined)).toBe(true)
      expect(await run(instance)).toMatchObject({ outcome: EXITED })
      if (turn === USUAL_AFTER_RUNS) return instance
      expect(instance.reset()).toBe(false)
    }
  }
  const kept = await usual()
  for (let turn = 0; turn < 3; turn += 1) {
    expect(kept.reset()).toBe(true)
    expect(await look(kept)).toMatchObject({ outcome: EXITED, memoryBytes: MEMORY_BYTES })
    expect(kept.reset()).toBe(true)
    expect(await run(kept)).toMatchObject({ outcome: EXITED, memoryBytes: MEMORY_BYTES })
  }
  expect(await look(make(owner))).toMatchObject({ outcome: { kind: 'trapped' } })
  // Of the same module, but somebody else's.
  const theirs = make(other)
  expect(await run(theirs)).toMatchObject({ outcome: EXITED })
  expect(theirs.reset()).toBe(false)
})

interface Kill {
  readonly name: string
  readonly guest: Name
  /** Starts a run and kills it. */
  readonly kill: (instance: GuestInstance) => Told
  /** What was known when the killer went on, and in the end. */
  readonly atOnce: readonly string[]
  readonly log: readonly string[]
}

const KILLS: readonly Kill[] = [
  {
    name: 'while it waits for bytes: settled at once',
    guest: 'reads',
    kill: (instance) => {
      const told = begin(instance)
      instance.kill('aborted')
      return told
    },
    atOnce: ['wait 0', 'settled'],
    log: ['wait 0', 'settled'],
  },
  {
    name: 'twice: the first reason holds',
    guest: 'reads',
    kill: (instance) => {
      const told = begin(instance)
      instance.kill('aborted')
      instance.kill('stopping')
      return told
    },
    atOnce: ['wait 0', 'settled'],
    log: ['wait 0', 'settled'],
  },
  {
    name: 'when it has the thread: it gets no further',
    guest: 'saysAndGrows',
    kill: (instance) =>
      begin(instance, {
        onSay: () => {
          instance.kill('aborted')
          instance.kill('stopping')
        },
      }),
    atOnce: ['say'],
    log: ['say', 'settled'],
  },
  {
    name: 'when it has the thread: it cannot wait either',
    guest: 'saysAndReads',
    kill: (instance) => begin(instance, { onSay: () => instance.kill('aborted') }),
    atOnce: ['say'],
    log: ['say', 'settled'],
  },
  {
    name: 'by whoever is told that it waits',
    guest: 'reads',
    kill: (instance) => begin(instance, { changes: { onWait: () => instance.kill('aborted') } }),
    atOnce: ['settled'],
    log: ['settled'],
  },
  {
    name: 'while it waits for its turn: its turn unwinds it',
    guest: 'saysAndGrows',
    kill: (instance) => {
      const told = begin(instance, { onSay: () => pass(2) })
      instance.kill('aborted')
      told.wake()
      return told
    },
    atOnce: ['say', 'turn 2', 'settled'],
    log: ['say', 'turn 2', 'settled'],
  },
]

test.each(KILLS)('killed $name', async ({ guest: name, kill, atOnce, log }) => {
  const instance = new GuestInstance(moduleOf(name), clock)
  const told = kill(instance)
  expect(told.log).toEqual(atOnce)
  await turn()
  expect(told.log).toEqual(log)
  expect(told.reports).toMatchObject([{ outcome: { kind: 'killed', reason: 'aborted' } }])
  expect([instance.isSpent, instance.reset(), clock.pending]).toEqual([true, false, 0])
  // It has got nowhere since.
  expect(instance.memoryBytes).toBe(PAGE_BYTES)
})

test('between runs there is nothing to kill', async () => {
  const instance = new GuestInstance(moduleOf('returns'), clock)
  instance.kill('aborted')
  expect(await run(instance)).toMatchObject({ outcome: EXITED })
  instance.kill('aborted')
  expect(instance.isSpent).toBe(false)
  expect(await run(instance)).toMatchObject({ outcome: EXITED })
})

test('it is renewed once nothing of the old one can run: the stack of one killed while it waited is unwound first', async () => {
  const instance = new GuestInstance(moduleOf('reads'), clock)
  begin(instance)
  instance.kill('aborted')
  let renewed = 0
  const later = (): void => {
    renewed += 1
  }
  expect(instance.renew(later)).toBe(false)
  expect([renewed, instance.isSpent]).toEqual([0, true])
  await turn()
  expect([renewed, instance.isSpent, instance.runs]).toEqual([1, false, 0])
  const told = begin(instance)
  expect(told.log).toEqual(['wait 0'])
  instance.kill('stopping')
  await turn()
  expect(renewed).toBe(1)
})

interface Spell {
  readonly name: string
  readonly guest: Name
  readonly changes: Partial<GuestJob>
  readonly onSay: () => void
  /** What happens while it waits. */
  readonly meanwhile?: (told: Told, instance: GuestInstance) => void
  readonly outcome: object
  readonly cpuMs: number
  readonly log: readonly string[]
}

const SPELLS: readonly Spell[] = [
  {
    name: 'the time it has the thread is its own',
    guest: 'saysTwice',
    changes: { sliceMs: 100 },
    onSay: () => pass(7),
    outcome: EXITED,
    cpuMs: 14,
    log: ['say', 'say', 'settled'],
  },
  {
    name: 'the time its thread has no processor is not',
    guest: 'saysTwice',
    changes: { sliceMs: 100 },
    onSay: () => {
      pass(7)
      clock.stolenMs += 5
    },
    outcome: EXITED,
    cpuMs: 4,
    log: ['say', 'say', 'settled'],
  },
  {
    name: 'a slice is over: it waits for its turn, which costs it nothing',
    guest: 'says',
    changes: { sliceMs: 1 },
    onSay: () => pass(2),
    meanwhile: (told) => {
      pass(50)
      told.wake()
    },
    outcome: EXITED,
    cpuMs: 2,
    log: ['say', 'turn 2', 'settled'],
  },
  {
    name: 'a slice that is not over',
    guest: 'says',
    changes: { sliceMs: 3 },
    onSay: () => pass(2),
    outcome: EXITED,
    cpuMs: 2,
    log: ['say', 'settled'],
  },
  {
    name: 'its processor time is used up',
    guest: 'loops',
    changes: { sliceMs: 100, cpuMs: 10 },
    onSay: () => pass(4),
    outcome: { kind: 'killed', reason: 'cpu' },
    cpuMs: 12,
    log: ['say', 'say', 'say', 'settled'],
  },
  {
    name: 'its time is over while it runs',
    guest: 'loops',
    changes: { sliceMs: 100, wallMs: 10 },
    onSay: () => pass(6),
    outcome: { kind: 'killed', reason: 'wall' },
    cpuMs: 12,
    log: ['say', 'say', 'settled'],
  },
  {
    name: 'its time is over while it waits, what it ran for included',
    guest: 'saysAndReads',
    changes: { sliceMs: 100, wallMs: 10 },
    onSay: () => pass(6),
    meanwhile: (told, instance) => {
      clock.advance(3)
      expect(told.reports).toEqual([])
      clock.advance(1)
      expect(instance.isSpent).toBe(true)
    },
    outcome: { kind: 'killed', reason: 'wall' },
    cpuMs: 6,
    log: ['say', 'wait 6', 'settled'],
  },
]

test.each(SPELLS)('$name', async ({ guest: name, changes, onSay, meanwhile, ...wanted }) => {
  const instance = new GuestInstance(moduleOf(name), clock)
  const told = begin(instance, { changes, onSay })
  await turn()
  meanwhile?.(told, instance)
  await turn()
  expect(told.log).toEqual(wanted.log)
  expect(told.reports).toMatchObject([{ outcome: wanted.outcome, cpuMs: wanted.cpuMs }])
  expect(clock.pending).toBe(0)
})
