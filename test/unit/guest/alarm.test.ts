/** Guests that are told when they have used some processor time. */
import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import { compileGuest, grants, job } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const [BYTE, GIVEN] = [100, 104]

/** Loops until its byte is set, and exits with how long it was given, in tens of milliseconds. */
const looping = (set: string): string => `(module
  (import "wasm_fpm" "alarm" (func $alarm (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $set (param $ms i32)
    (if (call $alarm (i32.const ${BYTE}) (local.get $ms) (i32.const ${GIVEN}))
      (then unreachable)))
  (func (export "_start")
    ${set}
    (loop $on (br_if $on (i32.eqz (i32.load8_u (i32.const ${BYTE})))))
    (call $exit (i32.div_u (i32.load (i32.const ${GIVEN})) (i32.const 10)))))`

interface Case {
  readonly name: string
  readonly set: string
  readonly cpuMs: number
  readonly outcome: object
  readonly leastMs: number
  readonly mostMs: number
}

const CASES: readonly Case[] = [
  {
    name: 'after what it has asked for',
    ...{ set: '(call $set (i32.const 50))', cpuMs: 5000, leastMs: 50, mostMs: 500 },
    outcome: { kind: 'exited', code: 5 },
  },
  {
    name: 'after nine tenths of what it may use, if that is less',
    ...{ set: '(call $set (i32.const -1))', cpuMs: 100, leastMs: 85, mostMs: 100 },
    outcome: { kind: 'exited', code: 8 },
  },
  {
    name: 'the last one counts',
    set: '(call $set (i32.const 10)) (call $set (i32.const 200))',
    ...{ cpuMs: 5000, leastMs: 200, mostMs: 1000 },
    outcome: { kind: 'exited', code: 20 },
  },
  {
    name: 'never, if it is taken back',
    set: '(call $set (i32.const 10)) (call $set (i32.const 0))',
    ...{ cpuMs: 60, leastMs: 60, mostMs: 500 },
    outcome: { kind: 'killed', reason: 'cpu' },
  },
  {
    name: 'and is stopped as ever, if it goes on',
    set: '(call $set (i32.const 10)) (loop $on (br $on))',
    ...{ cpuMs: 60, leastMs: 60, mostMs: 500 },
    outcome: { kind: 'killed', reason: 'cpu' },
  },
]

test.for(CASES)('$name', async ({ set, cpuMs, outcome, leastMs, mostMs }) => {
  const module = await compileGuest(wat(looping(set)))
  const instance = new GuestInstance(module, systemClock)
  const report = await runToEnd(instance, job({ cpuMs }))
  expect(report.outcome).toEqual(outcome)
  expect(report.cpuMs).toBeGreaterThanOrEqual(leastMs - 1)
  expect(report.cpuMs).toBeLessThan(mostMs)
})

test('the next run of the instance has none', async () => {
  // The first run sets one and ends; the others find the memory as it was, and loop.
  const source = looping(
    '(if (i32.eqz (global.get $runs)) (then (call $set (i32.const 20)) (global.set $runs (i32.const 1)) (call $exit (i32.const 0))))',
  )
  const module = await compileGuest(
    wat(source.replace('(memory', '(global $runs (mut i32) (i32.const 0)) (memory')),
  )
  const instance = new GuestInstance(module, systemClock)
  expect((await runToEnd(instance, job())).outcome).toEqual({ kind: 'exited', code: 0 })
  const report = await runToEnd(instance, job({ cpuMs: 60 }))
  expect(report.outcome).toEqual({ kind: 'killed', reason: 'cpu' })
})

const FAULTS = [
  { byte: 65_536, given: GIVEN },
  { byte: -1, given: GIVEN },
  { byte: BYTE, given: 65_533 },
]

test.for(FAULTS)('FAULT: $byte, $given', async ({ byte, given }) => {
  const source = `(module
    (import "wasm_fpm" "alarm" (func $alarm (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (call $exit (call $alarm (i32.const ${byte}) (i32.const 1) (i32.const ${given})))))`
  const instance = new GuestInstance(await compileGuest(wat(source)), systemClock)
  const report = await runToEnd(instance, job({ grants: grants() }))
  expect(report.outcome).toEqual({ kind: 'exited', code: 21 })
})
