/** Guests without a stack of their own end, print and leave their instance as with one; what they may not do that way is done once. */
import { describe, expect, test } from 'vitest'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { AtOnce } from '../../../src/guest/at-once.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import type { GuestModule } from '../../../src/guest/guest-module.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import type { GuestReport } from '../../../src/guest/job.ts'
import type { WasiGrants } from '../../../src/wasi/session.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { CollectingSink, compileGuest, grants, job } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const FIRST_STREAK = 32

/** `$print` and `$complain` write the eight bytes `a page\n`; `count` is in memory and in a global. */
const guest = (start: string): string => `(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $look (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasm_fpm" "alarm" (func $alarm (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1 8)
  (global $count (mut i32) (i32.const 0))
  (data (i32.const 0) "\\20\\00\\00\\00\\07\\00\\00\\00")
  (data (i32.const 8) "\\40\\00\\00\\00\\00\\10\\00\\00")
  (data (i32.const 32) "a page\\n")
  (func $print (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func $printMuch (drop (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 16))))
  (func $complain (drop (call $fd_write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16))))
  (func $read (drop (call $fd_read (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 16))))
  (func $deep (param i32) (result i32)
    (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func (export "_start") (local $left i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store8 (i32.const 100) (i32.add (i32.load8_u (i32.const 100)) (i32.const 16)))
    ${start}))`

/** Whether it gets through without a stack of its own, and what it does. */
const GUESTS: Readonly<Record<string, readonly [boolean, string]>> = {
  returns: [true, ''],
  prints: [true, '(call $print)'],
  'prints twice, and exits': [true, '(call $print) (call $print) (call $exit (i32.const 0))'],
  'prints, and fails': [true, '(call $print) (call $exit (i32.const 3))'],
  'looks for a file': [
    true,
    '(call $print) (drop (call $look (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 6) (i32.const 200)))',
  ],
  'wants to be told the time': [
    true,
    '(call $print) (drop (call $alarm (i32.const 200) (i32.const 1000) (i32.const 204)))',
  ],
  'tells its count': [
    true,
    '(call $exit (i32.add (global.get $count) (i32.load8_u (i32.const 100))))',
  ],
  grows: [true, '(drop (memory.grow (i32.const 1))) (call $print)'],
  'goes on after its end': [true, '(block (call $exit (i32.const 4))) (call $print)'],
  'prints more than is kept': [
    false,
    '(call $printMuch) (call $printMuch) (call $printMuch) (call $printMuch) (call $printMuch)',
  ],
  complains: [false, '(call $print) (call $complain) (call $print)'],
  reads: [false, '(call $print) (call $read) (call $print)'],
  yields: [false, '(call $print) (drop (call $yield)) (call $print)'],
  'ends its response': [false, '(call $print) (drop (call $fd_close (i32.const 1)))'],
  'prints on another descriptor': [
    false,
    '(drop (call $fd_renumber (i32.const 1) (i32.const 0))) (call $print)',
  ],
  traps: [false, '(call $print) (call $print) unreachable'],
  'grows and traps': [false, '(drop (memory.grow (i32.const 1))) unreachable'],
  'grows and complains': [false, '(drop (memory.grow (i32.const 2))) (call $complain)'],
  'recurses without end': [false, '(call $print) (drop (call $deep (i32.const 0)))'],
  'complains, and catches what that throws': [
    false,
    '(loop $again (try (do (call $complain)) (catch_all (br $again)))) (call $print)',
  ],
}

const compiled = new Map<string, Promise<GuestModule>>()

function moduleOf(start: string): Promise<GuestModule> {
  let module = compiled.get(start)
  if (module === undefined) {
    module = compileGuest(wat(guest(start)))
    compiled.set(start, module)
  }
  return module
}

/** From here on guests of the module are tried without. */
function expectWell(module: GuestModule): AtOnce {
  const atOnce = AtOnce.of(module)
  while (!atOnce.isWorthATry) atOnce.ended(false)
  return atOnce
}

interface Ended {
  readonly outcome: GuestReport['outcome']
  readonly memoryBytes: number
  readonly printed: string
  readonly complained: string
}

async function run(
  instance: GuestInstance,
  mayStartOver: boolean,
  changes: Partial<WasiGrants> = {},
): Promise<Ended> {
  const [stdout, stderr] = [new CollectingSink(), new CollectingSink()]
  const granted = grants({ stdout, stderr, clock: new FakeClock(), ...changes })
  const { outcome, memoryBytes } = await runToEnd(
    instance,
    job({ grants: granted, mayStartOver, sliceMs: 1000 }),
  )
  return { outcome, memoryBytes, printed: stdout.text, complained: stderr.text }
}

describe.each(Object.entries(GUESTS))('a guest that %s', (_, [isWell, start]) => {
  test('ends and prints as with a stack of its own, whatever it had to do twice', async () => {
    const module = await moduleOf(start)
    const own = await run(new GuestInstance(module, new FakeClock()), false)
    const atOnce = expectWell(module)
    const instance = new GuestInstance(module, new FakeClock())
    expect(await run(instance, true)).toEqual(own)
    expect(atOnce.isWorthATry).toBe(isWell)
    // And the next one finds nothing of it.
    if (instance.reset()) expect(await run(instance, true)).toEqual(own)
  })
})

test('a guest is tried without a stack after many that would have been well, and later the more often that was wrong', async () => {
  const module = await moduleOf('(call $print) (call $yield) drop')
  const atOnce = AtOnce.of(module)
  const [needsIt, doesNot] = [true, false]
  for (let count = 1; count < FIRST_STREAK; count += 1) atOnce.ended(doesNot)
  expect(atOnce.isWorthATry).toBe(false)
  atOnce.ended(needsIt)
  for (let count = 1; count <= FIRST_STREAK; count += 1) atOnce.ended(doesNot)
  expect(atOnce.isWorthATry).toBe(true)
  await run(new GuestInstance(module, new FakeClock()), true)
  for (let count = 1; count < 2 * FIRST_STREAK; count += 1) atOnce.ended(doesNot)
  expect(atOnce.isWorthATry).toBe(false)
  atOnce.ended(doesNot)
  expect(atOnce.isWorthATry).toBe(true)
  for (let count = 1; count <= 2 * FIRST_STREAK; count += 1) atOnce.succeeded()
  atOnce.failed()
  for (let count = 1; count <= 2 * FIRST_STREAK; count += 1) atOnce.ended(doesNot)
  expect(atOnce.isWorthATry).toBe(true)
})

test('a guest that may not start over is never tried without', async () => {
  const module = await moduleOf('(call $print) (drop (call $random (i32.const 32) (i32.const 1)))')
  expectWell(module)
  let isBare = true
  const instance = new GuestInstance(module, new FakeClock())
  const stdout = new CollectingSink()
  await run(instance, false, {
    stdout,
    random: () => {
      isBare = stdout.text === '' // what is printed without one is kept back
    },
  })
  expect(isBare).toBe(false)
})

test('one that holds the thread for longer than its slice starts over, and gives others their turns', async () => {
  const clock = new FakeClock()
  const module = await moduleOf(`(call $print)
    (local.set $left (i32.const 200))
    (loop (drop (call $random (i32.const 32) (i32.const 1)))
      (br_if 0 (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`)
  const atOnce = expectWell(module)
  const stdout = new CollectingSink()
  let turns = 0
  const instance = new GuestInstance(module, clock)
  const granted = grants({ stdout, clock, random: () => clock.advance(0.1) })
  const { outcome } = await runToEnd(
    instance,
    job({
      grants: granted,
      mayStartOver: true,
      sliceMs: 1,
      waitTurn: (wake) => {
        turns += 1
        setImmediate(wake)
      },
    }),
  )
  expect(outcome).toEqual({ kind: 'exited', code: 0 })
  expect(stdout.text).toBe('a page\n')
  expect(turns).toBeGreaterThan(5)
  expect(atOnce.isWorthATry).toBe(false)
})

test.each(['cpu', 'aborted'] as const)(
  'one that is stopped (%s) has ended, and is not started again',
  async (reason) => {
    const clock = new FakeClock()
    const module = await moduleOf(
      '(call $print) (loop (drop (call $random (i32.const 32) (i32.const 1))) (br 0))',
    )
    expectWell(module)
    const stdout = new CollectingSink()
    const instance = new GuestInstance(module, clock)
    let calls = 0
    const random = (): void => {
      calls += 1
      if (reason === 'cpu') clock.advance(0.1)
      else if (calls === 10) instance.kill('aborted')
    }
    const { outcome } = await runToEnd(
      instance,
      job({
        grants: grants({ stdout, clock, random }),
        mayStartOver: true,
        cpuMs: 3,
        sliceMs: 1000,
      }),
    )
    expect(outcome).toEqual({ kind: 'killed', reason })
    expect(stdout.text).toBe('a page\n')
    expect(calls).toBeLessThan(100)
  },
)

test('what its standard output does not take at once is taken later, and the guest has not ended before', async () => {
  const module = await moduleOf('(call $print) (call $print)')
  expectWell(module)
  let wake: () => void = () => undefined
  let room = 3
  let text = ''
  const stdout = {
    write: (bytes: Uint8Array) => {
      const taken = Math.min(room, bytes.length)
      text += Buffer.from(bytes.subarray(0, taken)).toString()
      room -= taken
      return taken
    },
    onWritable: (call: () => void) => {
      wake = call
    },
    end: () => undefined,
  }
  const instance = new GuestInstance(module, new FakeClock())
  let hasEnded = false
  const ended = run(instance, true, { stdout }).then((result) => {
    hasEnded = true
    return result
  })
  for (const more of [3, 1]) {
    await new Promise((next) => setImmediate(next))
    expect([text.length, hasEnded]).toEqual([more === 3 ? 3 : 6, false])
    room = more
    wake()
  }
  await new Promise((next) => setImmediate(next))
  room = 100
  wake()
  expect((await ended).outcome).toEqual({ kind: 'exited', code: 0 })
  expect(text).toBe('a page\na page\n')
})

test('one whose output nobody takes is stopped when its time is over', async () => {
  const clock = new FakeClock()
  const module = await moduleOf('(call $print) (call $print) (call $print)')
  expectWell(module)
  const stdout = { write: () => 0, onWritable: () => undefined, end: () => undefined }
  const ended = runToEnd(
    new GuestInstance(module, clock),
    job({ grants: grants({ stdout, clock }), mayStartOver: true, wallMs: 50 }),
  )
  await new Promise((next) => setImmediate(next))
  clock.advance(60)
  expect((await ended).outcome).toEqual({ kind: 'killed', reason: 'wall' })
})

test('nothing of what one was given to read, or of what it prints, is left for the next', async () => {
  const module = await moduleOf('(call $print) (call $read)')
  expectWell(module)
  let isAsked = false
  const stdin = {
    read: () => {
      if (isAsked) return undefined
      isAsked = true
      return NOTHING_YET
    },
    onReadable: (wake: () => void) => setImmediate(wake),
  }
  const result = await run(new GuestInstance(module, new FakeClock()), true, { stdin })
  expect(result).toMatchObject({ outcome: { kind: 'exited', code: 0 }, printed: 'a page\n' })
})

test('what instances of a reactor begin with is by itself, whatever module it is of', async () => {
  const module = await moduleOf('(call $print)')
  const [first, other] = [1, 2].map(() => ({
    ...module,
    first: { memories: [], globals: new Map() },
  }))
  if (first === undefined || other === undefined) throw new Error('no modules')
  for (let count = 0; count < FIRST_STREAK; count += 1) AtOnce.of(first).ended(false)
  expect(AtOnce.of({ ...first }).isWorthATry).toBe(true)
  expect(AtOnce.of(other).isWorthATry).toBe(false)
})
