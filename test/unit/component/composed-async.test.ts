/** Async functions of one component that another one in it calls: each way to lift, each way to lower, and what is against the rules; and error contexts. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { type Answered, answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, wants } from '../../support/component-wat.ts'

const MEMORY = `(memory (export "memory") 1)
  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))`

/** Canonical functions that both may import as `c`. */
const BUILTINS = `
  (type $stream (stream u8))
  (core func $new (canon stream.new $stream))
  (core func $read (canon stream.read $stream (memory $mem)))
  (core func $write (canon stream.write $stream async (memory $mem)))
  (core func $return (canon task.return (result u32) (memory $mem)))
  (core instance $c (export "new" (func $new)) (export "read" (func $read)) (export "write" (func $write))
    (export "return" (func $return)))`
const IMPORTED = `(import "m" "memory" (memory 1))
  (import "c" "new" (func $new (result i64)))
  (import "c" "read" (func $read (param i32 i32 i32) (result i32)))
  (import "c" "write" (func $write (param i32 i32 i32) (result i32)))
  (import "c" "return" (func $return (param i32)))`

const part = (
  imports: string,
  module: string,
  { given = '', after = '' }: { given?: string; after?: string },
) => `${imports}
  (core module $memory ${MEMORY})
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (alias core export $m "realloc" (core func $realloc))
  ${BUILTINS}
  ${given}
  (core module $module ${IMPORTED} ${module})
  (core instance $core (instantiate $module (with "m" (instance $m)) (with "c" (instance $c))
    ${given === '' ? '' : '(with "api" (instance (export "call" (func $call))))'}))
  ${after}`

interface Calling {
  /** Parameters of `call`, which answers a u32. */
  readonly parameter?: string
  /** Of the module that answers. */
  readonly plug: string
  /** How that is lifted. */
  readonly lifted: string
  /** Lowered async it answers its state, and the number is at 64. */
  readonly lowered?: 'async' | ''
  /** Traps, or does nothing. */
  readonly run: string
}

async function runCalling({
  parameter = '(param "n" u32)',
  plug,
  lifted,
  lowered = '',
  run,
}: Calling): Promise<Answered> {
  const type = `(func async ${parameter} (result u32))`
  const core = lowered === '' ? '(param i32) (result i32)' : '(param i32 i32) (result i32)'
  const source = `(component
    (component $plug ${part('', plug, {
      after: `(func $call async ${parameter} (result u32) (canon lift (core func $core "call") (memory $mem) ${lifted}))
        (export "call" (func $call))`,
    })})
    (component $socket ${part(
      `(import "call" ${type.replace('(func async', '(func $api async')})`,
      `(import "api" "call" (func $call ${core}))
       (func (export "run") (result i32) (local $ends i64) ${run} (i32.const 0))`,
      {
        given: `(core func $call (canon lower (func $api) (memory $mem) (realloc $realloc) ${lowered}))`,
        after: `(func $run (result (result)) (canon lift (core func $core "run")))
          (instance $run (export "run" (func $run))) (export "run" (instance $run))`,
      },
    )})
    (instance $plug (instantiate $plug))
    (instance $socket (instantiate $socket (with "call" (func $plug "call"))))
    (alias export $socket "run" (instance $run))
    (export "wasi:cli/run@0.2.0" (instance $run)))`
  const instance = await makeComponent(await componentWat(source))
  const first = await answer(instance, '/')
  if (first.report.outcome.kind === 'exited') {
    // And once more, put back.
    assert.equal(instance.reset(), true)
    assert.deepEqual((await answer(instance, '/')).report.outcome, first.report.outcome)
  }
  return first
}

const ADD = '(call $return (i32.add (local.get 0) (i32.const 1)))'
const CALLBACK = '(callback (core func $core "callback"))'
const NO_CALLBACK = '(func (export "callback") (param i32 i32 i32) (result i32) (unreachable))'

/** Ways to answer one more than was asked. */
const LIFTED: ReadonlyArray<readonly [name: string, plug: string, lifted: string]> = [
  [
    'with a callback that is not needed',
    `(func (export "call") (param i32) (result i32) ${ADD} (i32.const 0)) ${NO_CALLBACK}`,
    `async ${CALLBACK}`,
  ],
  [
    'with one that answers',
    `(global $n (mut i32) (i32.const 0))
     (func (export "call") (param i32) (result i32) (global.set $n (local.get 0)) (i32.const 1))
     (func (export "callback") (param i32 i32 i32) (result i32)
       (call $return (i32.add (global.get $n) (i32.const 1))) (global.set $n (i32.const 0)) (i32.const 0))`,
    `async ${CALLBACK}`,
  ],
  ['async, without one', `(func (export "call") (param i32) ${ADD})`, 'async'],
  [
    'not async',
    '(func (export "call") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))',
    '',
  ],
]

const SYNC = wants('(i32.eq (call $call (i32.const 6)) (i32.const 7))')
const ASYNC = `${wants('(i32.eq (call $call (i32.const 6) (i32.const 64)) (i32.const 2))')}
  ${wants('(i32.eq (i32.load (i32.const 64)) (i32.const 7))')}`

test.each(LIFTED)('lifted %s: called as any function, and async', async (_, plug, lifted) => {
  for (const [lowered, run] of [
    ['', SYNC],
    ['async', ASYNC],
  ] as const)
    assert.equal(trapOf(await runCalling({ plug, lifted, lowered, run })), 'exited')
})

/** A stream that has something to be read, or nothing. */
const giving = (writes: string): string => `(local.set $ends (call $new))
  (i32.store (i32.const 0) (i32.const 0x030201)) ${writes}
  (drop (call $call (i32.wrap_i64 (local.get $ends)) (i32.const 64)))`
const PENDING = wants(
  '(i32.eq (call $write (i32.wrap_i64 (i64.shr_u (local.get $ends) (i64.const 32))) (i32.const 0) (i32.const 3)) (i32.const -1))',
)
const READS = `(func (export "call") (param i32)
  ${wants('(i32.eq (call $read (local.get 0) (i32.const 8) (i32.const 9)) (i32.const 0x30))')}
  (call $return (i32.load (i32.const 8))))`
const OF_STREAM = {
  parameter: '(param "s" (stream u8))',
  lifted: 'async',
  lowered: 'async',
} as const

test('one is given a stream, and reads what the other is writing to it', async () => {
  const run = `${giving(PENDING)} ${wants('(i32.eq (i32.load (i32.const 64)) (i32.const 0x030201))')}`
  assert.equal(trapOf(await runCalling({ ...OF_STREAM, plug: READS, run })), 'exited')
})

const TRAPS: ReadonlyArray<readonly [name: string, calling: Calling, message: RegExp]> = [
  [
    'no answer',
    { plug: '(func (export "call") (param i32))', lifted: 'async', run: SYNC },
    /ended without an answer/,
  ],
  [
    'two answers',
    { plug: `(func (export "call") (param i32) ${ADD} ${ADD})`, lifted: 'async', run: SYNC },
    /task.return was called twice/,
  ],
  [
    'waiting for what the caller has not begun to write',
    { ...OF_STREAM, plug: READS, run: giving('') },
    /waits for what nobody can bring/,
  ],
  [
    'a handle that is not there',
    { ...OF_STREAM, plug: READS, run: '(drop (call $call (i32.const 77) (i32.const 64)))' },
    /there is no handle 77/,
  ],
  [
    'an answer out of bounds',
    {
      plug: `(func (export "call") (param i32) ${ADD})`,
      lifted: 'async',
      lowered: 'async',
      run: '(drop (call $call (i32.const 1) (i32.const 65536)))',
    },
    /out of bounds/,
  ],
  [
    'a call to go on with nothing',
    {
      plug: `(func (export "call") (param i32) (result i32) (i32.const 7)) ${NO_CALLBACK}`,
      lifted: `async ${CALLBACK}`,
      run: SYNC,
    },
    /wants to go on with 7/,
  ],
]

test.each(TRAPS)('traps: %s', async (_, calling, message) => {
  assert.match(trapOf(await runCalling(calling)), message)
})

/** A command that has error contexts, as `e`. */
const withErrors = (run: string): string => `(component
  (core module $memory ${MEMORY} (data (i32.const 16) "broken"))
  (core instance $m (instantiate $memory))
  (alias core export $m "memory" (core memory $mem))
  (alias core export $m "realloc" (core func $realloc))
  (core func $make (canon error-context.new (memory $mem)))
  (core func $say (canon error-context.debug-message (memory $mem) (realloc $realloc)))
  (core func $drop (canon error-context.drop))
  (core module $module
    (import "m" "memory" (memory 1))
    (import "e" "make" (func $make (param i32 i32) (result i32)))
    (import "e" "say" (func $say (param i32 i32)))
    (import "e" "drop" (func $drop (param i32)))
    (func (export "run") (result i32) (local $one i32) ${run} (i32.const 0)))
  (core instance $core (instantiate $module (with "m" (instance $m)) (with "e" (instance
    (export "make" (func $make)) (export "say" (func $say)) (export "drop" (func $drop))))))
  (func $run (result (result)) (canon lift (core func $core "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run)))`

const MAKE = '(local.set $one (call $make (i32.const 16) (i32.const 6)))'

test.each([
  [
    'made, asked and given up',
    `${MAKE} (call $say (local.get $one) (i32.const 64))
     ${wants('(i32.eq (i32.load (i32.const 68)) (i32.const 6))')}
     ${wants('(i32.eq (i32.load8_u (i32.load (i32.const 64))) (i32.const 98))')}
     (call $drop (local.get $one))`,
    /exited/,
  ],
  [
    'of a long text the beginning is kept',
    `(call $say (call $make (i32.const 0) (i32.const 3000)) (i32.const 64))
     ${wants('(i32.eq (i32.load (i32.const 68)) (i32.const 1024))')}`,
    /exited/,
  ],
  [
    'given up twice',
    `${MAKE} (call $drop (local.get $one)) (call $drop (local.get $one))`,
    /no handle/,
  ],
  ['of a handle that is none', '(call $say (i32.const 9) (i32.const 64))', /there is no handle 9/],
  ['a text out of bounds', '(drop (call $make (i32.const 65535) (i32.const 6)))', /out of bounds/],
  [
    'too long a text',
    '(drop (call $make (i32.const 0) (i32.const 1048577)))',
    /a string has 1048577/,
  ],
  ['told out of bounds', `${MAKE} (call $say (local.get $one) (i32.const 65532))`, /out of bounds/],
  ['too many', `(loop ${MAKE} (br 0))`, /more than 16384 handles/],
])('error contexts: %s', async (_, run, message) => {
  const instance = await makeComponent(await componentWat(withErrors(run)))
  assert.match(trapOf(await answer(instance, '/')), message)
})

test('an error context is given to another component, and both have it', async () => {
  const source = `(component
    (component $plug
      (core module $memory ${MEMORY})
      (core instance $m (instantiate $memory))
      (alias core export $m "memory" (core memory $mem))
      (alias core export $m "realloc" (core func $realloc))
      (core func $say (canon error-context.debug-message (memory $mem) (realloc $realloc)))
      (core module $module
        (import "m" "memory" (memory 1))
        (import "e" "say" (func $say (param i32 i32)))
        (func (export "call") (param i32) (result i32)
          (call $say (local.get 0) (i32.const 64)) (i32.load (i32.const 68))))
      (core instance $core (instantiate $module (with "m" (instance $m)) (with "e" (instance (export "say" (func $say))))))
      (func (export "call") (param "e" error-context) (result u32) (canon lift (core func $core "call"))))
    (component $socket
      (import "call" (func $api (param "e" error-context) (result u32)))
      (core func $call (canon lower (func $api)))
      (core module $memory ${MEMORY})
      (core instance $m (instantiate $memory))
      (alias core export $m "memory" (core memory $mem))
      (core func $make (canon error-context.new (memory $mem)))
      (core func $drop (canon error-context.drop))
      (core module $module
        (import "e" "make" (func $make (param i32 i32) (result i32)))
        (import "e" "drop" (func $drop (param i32)))
        (import "e" "call" (func $call (param i32) (result i32)))
        (func (export "run") (result i32) (local $one i32) ${MAKE}
          ${wants('(i32.eq (call $call (local.get $one)) (i32.const 6))')}
          (call $drop (local.get $one)) (i32.const 0)))
      (core instance $core (instantiate $module (with "e" (instance
        (export "make" (func $make)) (export "drop" (func $drop)) (export "call" (func $call))))))
      (func $run (result (result)) (canon lift (core func $core "run")))
      (instance $run (export "run" (func $run))) (export "run" (instance $run)))
    (instance $plug (instantiate $plug))
    (instance $socket (instantiate $socket (with "call" (func $plug "call"))))
    (alias export $socket "run" (instance $run))
    (export "wasi:cli/run@0.2.0" (instance $run)))`
  const instance = await makeComponent(await componentWat(source))
  assert.equal(trapOf(await answer(instance, '/')), 'exited')
})
