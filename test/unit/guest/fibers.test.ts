/** A guest with stacks of its own: who runs when, how the run ends, and what is left of it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import type { GuestJob, GuestReport } from '../../../src/guest/job.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { MAX_FIBERS, MAX_FIBERS_OF_ALL } from '../../../src/wasi/fibers.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { compileGuest, grants, job, MIB } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

/** `say` n: the test is told n. `new` answers a fiber's number, `go` an errno. */
const guest = (main: string, fiber: string, more = ''): string => `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasm_fpm" "fiber_new" (func $fiber_new (param i32 i32) (result i32)))
  (import "wasm_fpm" "fiber_switch" (func $go (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 4) "\\01")
  (global $count (mut i32) (i32.const 0))
  (func $say (param i32) (drop (call $random (i32.const 1024) (local.get 0))))
  (func $new (param i32) (result i32)
    (drop (call $fiber_new (local.get 0) (i32.const 64)))
    (i32.load (i32.const 64)))
  (func $read (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 16))))
  ${more}
  (func (export "wasm_fpm_fiber") (param $a i32) (result i32) ${fiber})
  (func (export "_start") (local $i i32) ${main}))`

/** As many may there be at once. */
const MEMORY_MIB = 400

const said: number[] = []

beforeEach(() => {
  said.length = 0
})

async function instanceOf(main: string, fiber: string, more = ''): Promise<GuestInstance> {
  return new GuestInstance(
    await compileGuest(wat(guest(main, fiber, more)), MEMORY_MIB * MIB),
    systemClock,
  )
}

function run(instance: GuestInstance, changes: Partial<GuestJob> = {}): Promise<GuestReport> {
  return runToEnd(
    instance,
    job({
      grants: grants({
        random: (into) => void said.push(into.length),
        stdin: { read: () => NOTHING_YET, onReadable: () => undefined },
      }),
      ...changes,
    }),
  )
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

const say = (n: number): string => `(call $say (i32.const ${n}))`
const go = (to: number): string => `(drop (call $go (i32.const ${to})))`
const make = '(drop (call $new (i32.const 7)))'
const EXITED = { kind: 'exited', code: 0 }

interface Case {
  readonly what: string
  readonly main: string
  readonly fiber: string
  readonly more?: string
  readonly outcome: object
  readonly says?: readonly number[]
  readonly cpuMs?: number
  /** Of its instance: as after a run without fibers that ends so. */
  readonly canReset?: boolean
}

const DEEPER =
  '(func $deeper (param i32) (result i32) (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))'

const CASES: readonly Case[] = [
  {
    what: 'go to and fro',
    main: `${make} ${make} ${say(1)} ${go(1)} ${say(3)} ${go(2)} ${say(5)} ${go(1)} ${say(9)}`,
    fiber: `(if (i32.eqz (global.get $count)) (then
        (global.set $count (i32.const 1)) ${say(2)} ${go(0)} ${say(6)} ${go(2)} ${say(8)} (return (i32.const 0))))
      ${say(4)} ${go(0)} ${say(7)} (i32.const 1)`,
    outcome: EXITED,
    says: [1, 2, 3, 4, 5, 6, 7, 8, 9],
  },
  {
    what: 'get what they were made with',
    main: `(drop (call $go (call $new (i32.const 40)))) (drop (call $go (call $new (i32.const 41))))`,
    fiber: '(call $say (local.get $a)) (i32.const 0)',
    outcome: EXITED,
    says: [40, 41],
  },
  {
    what: 'are not there: itself, one that has ended, one never made',
    main: `(call $say (call $go (i32.const 0))) ${make} ${go(1)} (call $say (call $go (i32.const 1))) (call $say (call $go (i32.const 99)))`,
    fiber: '(i32.const 0)',
    outcome: EXITED,
    says: [Errno.INVAL, Errno.INVAL, Errno.INVAL],
  },
  {
    what: 'are one after the other, 20,000 of them',
    main: `(loop $l (drop (call $go (call $new (i32.const 1))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20000)))) ${say(5)}`,
    fiber: '(i32.const 0)',
    outcome: EXITED,
    says: [5],
  },
  {
    what: 'are too many at once',
    main: `(loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.eqz (call $fiber_new (i32.const 1) (i32.const 64)))))
      (call $say (local.get $i)) (call $say (call $fiber_new (i32.const 1) (i32.const 64)))`,
    fiber: '(i32.const 0)',
    outcome: EXITED,
    says: [MEMORY_MIB + 1, Errno.NOMEM],
  },
  {
    what: 'are suspended at the end',
    main: `${make} ${make} ${go(1)} ${go(2)}`,
    fiber: `${say(1)} ${go(0)} ${say(2)} (i32.const 0)`,
    outcome: EXITED,
    says: [1, 1],
  },
  {
    what: 'catch that they are dropped, and go on for ever',
    main: `(loop $l (drop (call $go (call $new (i32.const 1))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))`,
    fiber: `(loop $for_ever (try (do ${go(0)}) (catch_all)) (br $for_ever)) (i32.const 0)`,
    outcome: EXITED,
  },
  {
    what: 'catch that they are dropped, and read',
    main: `${make} ${make} ${go(1)} ${go(2)}`,
    fiber: `(try (do ${go(0)}) (catch_all (call $read) ${say(9)})) (i32.const 0)`,
    outcome: EXITED,
    says: [],
  },
  {
    what: 'end the program',
    main: `${make} ${make} ${go(2)} ${say(9)}`,
    fiber: `(if (global.get $count) (then (call $exit (i32.const 3)))) (global.set $count (i32.const 1)) ${go(1)} ${say(8)} (i32.const 0)`,
    outcome: { kind: 'exited', code: 3 },
    says: [],
  },
  {
    what: 'trap',
    main: `(try (do ${make} ${go(1)}) (catch_all)) ${say(9)}`,
    fiber: 'unreachable',
    outcome: { kind: 'trapped', trap: 'unreachable' },
    says: [],
    canReset: false,
  },
  {
    what: 'name one that is not there when they end',
    main: `${make} ${go(1)} ${say(9)}`,
    fiber: '(i32.const 5)',
    outcome: { kind: 'trapped', message: 'fiber 1 has ended and names 5, which there is not' },
    says: [],
    canReset: false,
  },
  {
    what: 'recurse for ever',
    main: `${make} ${go(1)} ${say(9)}`,
    fiber: '(call $deeper (i32.const 0))',
    more: DEEPER,
    outcome: { kind: 'trapped', trap: 'stack-overflow' },
    says: [],
    canReset: false,
  },
  {
    what: 'are there when the program traps',
    main: `${make} ${go(1)} unreachable`,
    fiber: `${go(0)} (i32.const 0)`,
    outcome: { kind: 'trapped', trap: 'unreachable' },
    canReset: false,
  },
  {
    what: 'switch for ever',
    main: `${make} (loop $l ${go(1)} (br $l))`,
    fiber: `(loop $l ${go(0)} (br $l)) (i32.const 0)`,
    outcome: { kind: 'killed', reason: 'cpu' },
    cpuMs: 100,
    canReset: false,
  },
  {
    what: 'are made and end for ever',
    main: '(loop $l (drop (call $go (call $new (i32.const 1)))) (br $l))',
    fiber: '(i32.const 0)',
    outcome: { kind: 'killed', reason: 'cpu' },
    cpuMs: 100,
    canReset: false,
  },
  {
    what: 'begin one another for ever',
    main: `${make} ${go(1)}`,
    fiber: '(drop (call $go (call $new (i32.const 1)))) (loop (br 0)) (i32.const 0)',
    outcome: { kind: 'killed', reason: 'cpu' },
    cpuMs: 200,
    canReset: false,
  },
  {
    what: 'loop for ever',
    main: `${make} ${go(1)}`,
    fiber: '(loop $l (br $l)) (i32.const 0)',
    outcome: { kind: 'killed', reason: 'cpu' },
    cpuMs: 100,
    canReset: false,
  },
]

describe('fibers that', () => {
  for (const { what, main, fiber, more, outcome, says, cpuMs = 5000, canReset = true } of CASES) {
    test(what, async () => {
      const instance = await instanceOf(main, fiber, more)
      for (let round = 0; round < 3; round++) {
        said.length = 0
        let turns = 0
        const count = setInterval(() => (turns += 1), 1)
        const report = await run(instance, { cpuMs })
        clearInterval(count)
        expect(report.outcome).toMatchObject(outcome)
        if (says !== undefined) expect(said).toEqual(says)
        // Others have had the thread.
        if (report.cpuMs > 50) expect(turns).toBeGreaterThan(5)
        expect(report.cpuMs).toBeLessThan(cpuMs + 100)
        expect(instance.reset()).toBe(canReset)
        if (!canReset) await renewed(instance)
      }
    })
  }
})

/** Its stacks have unwound. */
async function renewed(instance: GuestInstance): Promise<void> {
  let isLater = false
  const isNow = instance.renew(() => {
    isLater = true
  })
  if (isNow) return
  await turn()
  expect(isLater).toBe(true)
}

test('all guests together have so many', async () => {
  const main = `(loop $l (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $l (i32.eqz (call $fiber_new (i32.const 1) (i32.const 64))))) (call $say (local.get $i)) (call $read)`
  const module = await compileGuest(wat(guest(main, '(i32.const 0)')), MAX_FIBERS * MIB)
  const clock = new FakeClock() // none of them is interrupted, however busy the machine is
  const running = Array.from({ length: MAX_FIBERS_OF_ALL / MAX_FIBERS + 1 }, () => {
    const instance = new GuestInstance(module, clock)
    return { instance, report: run(instance) }
  })
  await turn()
  expect(said).toEqual([...running.slice(1).map(() => MAX_FIBERS + 1), 1])
  for (const { instance, report } of running) {
    instance.kill('stopping')
    await report
  }
  said.length = 0
  const last = new GuestInstance(module, clock)
  void run(last)
  expect(said).toEqual([MAX_FIBERS + 1])
  last.kill('stopping')
})

test('a guest that does not say what a fiber begins with has none', async () => {
  const module = await compileGuest(
    wat(`(module
      (import "wasm_fpm" "fiber_new" (func $new (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (call $new (i32.const 1) (i32.const 64)))))`),
  )
  const { outcome } = await run(new GuestInstance(module, systemClock))
  expect(outcome).toEqual({ kind: 'exited', code: Errno.NOTSUP })
})

describe('killed', () => {
  const instances: GuestInstance[] = []
  afterEach(() => void instances.splice(0))

  for (const [where, fiber] of [
    ['while a fiber reads', `(call $read) ${say(9)} (i32.const 0)`],
    ['while a fiber waits for its turn', `(loop $l (br $l)) (i32.const 0)`],
  ] as const) {
    test(where, async () => {
      const instance = await instanceOf(
        `${make} ${make} ${go(1)}`,
        `(if (i32.eqz (global.get $count))
        (then (global.set $count (i32.const 1)) ${go(2)})) ${fiber}`,
      )
      const waitTurn = (wake: () => void): void => {
        setImmediate(() => {
          instance.kill('aborted')
          wake()
        })
      }
      const report = run(instance, { waitTurn })
      await turn()
      instance.kill('aborted')
      expect((await report).outcome).toEqual({ kind: 'killed', reason: 'aborted' })
      await renewed(instance)
      expect(said).toEqual([])
      expect(instance.isSpent).toBe(false)
    })
  }
})
