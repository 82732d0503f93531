/** Requests that a component answers: each finds nothing of the ones before, whatever it tries. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { MAX_HANDLES } from '../../../src/component/handle-table.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import { makeInstance } from '../../../src/guest/make-instance.ts'
import { USUAL_AFTER_RUNS } from '../../../src/guest/usual-growth.ts'
import { answer, assertNoHandleLasts, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, HELLO_WAT } from '../../support/component-wat.ts'
import { compileGuest } from '../../support/guest.ts'

const FORGES = '(drop (call $headers (local.get $request)))'
const PRINTS = '(call $print (local.get $stream) (i32.const 64) (i32.const 16) (i32.const 0))'
const SETS = '(call $set (local.get $out)'
const FINISHES = '(call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 0))'

function put(from: string, to: string): string {
  assert.ok(HELLO_WAT.includes(from), from)
  return HELLO_WAT.replace(from, to)
}

test('put back, an instance is a new one', async () => {
  const instance = await makeComponent(await componentWat(HELLO_WAT))
  for (const path of ['/a', '/b?c=%20', '/ä']) {
    const { stdout } = await answer(instance, Buffer.from(path).toString('latin1'))
    assert.equal(
      Buffer.from(stdout, 'latin1').toString(),
      `Status: 200\r\n\r\n0 times before: ${path}`,
    )
    assert.equal(instance.reset(), true)
  }
})

test('not put back, it is the same one', async () => {
  const instance = await makeComponent(await componentWat(HELLO_WAT))
  await answer(instance, '/a')
  assert.match((await answer(instance, '/b')).stdout, /1 times before: \/b$/)
})

test('a tenant of the other engine has components run by ours', async () => {
  const module = await compileGuest(await componentWat(HELLO_WAT))
  const instance = makeInstance({ engine: 'wasmer', module, clock: systemClock })
  assert.ok(instance instanceof GuestInstance)
})

test('no handle of an earlier request leads anywhere', () =>
  assertNoHandleLasts((call) => put(FORGES, call), 40))

const FAULTS: ReadonlyArray<readonly [name: string, source: string, message: RegExp]> = [
  [
    'returns without an answer',
    put(
      '(func (export "handle") (param $request i32) (param $out i32)',
      '(func (export "handle") (param $request i32) (param $out i32) (return)',
    ).replace(
      '(return)\n      (local $response i32) (local $body i32) (local $stream i32)',
      '\n      (local $response i32) (local $body i32) (local $stream i32) (return)',
    ),
    /response-outparam was not set/,
  ],
  [
    'answers twice',
    put(
      FINISHES,
      `${FINISHES} ${SETS} (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))`,
    ),
    /there is no handle/,
  ],
  ['leaves its body open', put(FINISHES, ''), /without finishing the body/],
  [
    'gives a handle away twice',
    put(
      FORGES,
      '(call $drop-request (local.get $request)) (call $drop-request (local.get $request))',
    ),
    /there is no handle 1/,
  ],
  [
    'gives up a request before its headers',
    put(FORGES, `${FORGES} (call $drop-request (local.get $request))`),
    /handle 1 is given up before 1 that came out of it/,
  ],
  [
    'finishes a body before it has given up its stream',
    put('(call $drop-stream (local.get $stream))', ''),
    /is given up before 1 that came out of it/,
  ],
  [
    'takes a handle for another resource',
    put(FORGES, '(drop (call $headers (local.get $out)))'),
    /of another resource/,
  ],
  [
    'reads out of bounds',
    put(PRINTS, '(call $print (local.get $stream) (i32.const 65530) (i32.const 16) (i32.const 0))'),
    /out of bounds/,
  ],
  [
    'wants a result out of bounds',
    put(
      '(call $path (local.get $request) (i32.const 16))',
      '(call $path (local.get $request) (i32.const 65532))',
    ),
    /out of bounds/,
  ],
  [
    'wants a result at an odd address',
    put(
      '(call $path (local.get $request) (i32.const 16))',
      '(call $path (local.get $request) (i32.const 17))',
    ),
    /not a multiple of 4/,
  ],
  ['gives no memory', put('(local.get $at)))', '(i32.const -8)))'), /out of bounds/],
  [
    'writes more than it may',
    put(
      PRINTS,
      `(drop (memory.grow (i32.const 2))) ${PRINTS.replace('(i32.const 16)', '(i32.const 65537)')}`,
    ),
    /more bytes .* than check-write has allowed/,
  ],
  [
    'names no case',
    put(
      '(i32.const 0) (local.get $response) (i32.const 0)',
      '(i32.const 7) (local.get $response) (i32.const 0)',
    ),
    /no case 7/,
  ],
  [
    'has handles without end',
    put(FORGES, '(loop $on (drop (call $new-fields)) (br $on))'),
    new RegExp(`more than ${MAX_HANDLES} handles`),
  ],
]

test.each(FAULTS)('it traps: one that %s', async (_, source, message) => {
  const instance = await makeComponent(await componentWat(source))
  const trapped = await answer(instance, '/a')
  assert.match(trapOf(trapped), message)
  assert.equal(instance.isSpent, true)
})

test('a trap that it catches ends it all the same', async () => {
  const source = put(
    FORGES,
    '(block $caught (try_table (catch_all $caught) (drop (call $headers (i32.const 77)))))',
  )
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), /there is no handle 77/)
})

test('its allocator calls nobody', async () => {
  // The memory's module is there before there are functions to call, so the table it is given them in is its own.
  const source = put(
    '(memory (export "memory") 1)',
    '(memory (export "memory") 1) (table (export "table") 1 funcref) (type $f (func (result i32)))',
  )
    .replace(
      '(local.get $at)))',
      '(if (i32.eqz (ref.is_null (table.get 0 (i32.const 0)))) (then (drop (call_indirect (type $f) (i32.const 0))))) (local.get $at)))',
    )
    .replace(
      '(core instance $main (instantiate',
      `(alias core export $memory "table" (core table $t))
  (core module $fill (import "a" "t" (table 1 funcref)) (import "a" "f" (func $f (result i32))) (elem (i32.const 0) func $f))
  (core instance $fill (instantiate $fill (with "a" (instance (export "t" (table $t)) (export "f" (func $new-fields))))))
  (core instance $main (instantiate`,
    )
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), /while it was being given memory/)
})

const EXITS = `(core func $exit (canon lower (func $cli "exit")))`

test('exit is no way to end a request', async () => {
  const source = put(
    '(import "wasi:io/error@0.2.0"',
    '(import "wasi:cli/exit@0.2.0" (instance $cli (export "exit" (func (param "status" (result))))))\n  (import "wasi:io/error@0.2.0"',
  )
    .replace('(core module $main', `${EXITS}\n  (core module $main`)
    .replace(
      '(global $requests',
      '(import "host" "exit" (func $exit (param i32)))\n    (global $requests',
    )
    .replace(FINISHES, '(call $exit (i32.const 0))')
    .replace(
      '(export "print" (func $print))',
      '(export "print" (func $print)) (export "exit" (func $exit))',
    )
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), /has called exit/)
})

test('what the host keeps for it has an end', async () => {
  const append = `(core func $append (canon lower (func $http "[method]fields.append") (memory $m) (realloc $realloc)))`
  const source = put(
    '(export "[method]incoming-request.headers"',
    `(type $header-error' (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
    (export "header-error" (type $header-error (eq $header-error')))
    (export "[method]fields.append" (func (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8)) (result (result (error $header-error)))))
    (export "[method]incoming-request.headers"`,
  )
    .replace('(core module $main', `${append}\n  (core module $main`)
    .replace(
      '(global $requests',
      '(import "host" "append" (func $append (param i32 i32 i32 i32 i32 i32)))\n    (global $requests',
    )
    .replace(
      '(export "print" (func $print))',
      '(export "print" (func $print)) (export "append" (func $append))',
    )
    .replace(
      FORGES,
      `(memory.fill (i32.const 1024) (i32.const 97) (i32.const 60000))
      (loop $on (call $append (call $new-fields) (i32.const 1024) (i32.const 1) (i32.const 1024) (i32.const 60000) (i32.const 0)) (br $on))`,
    )
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/a')), /has the host keep more than 16777216 bytes/)
})

/** A command of two core modules over one memory, of which each adds a page to it and tells whether it was given the second one, all zeros. */
const twoModules = (defining: string, importing: string): string => `(component
  (core module $m (memory (export "memory") 1) (func (export "grow") ${defining}))
  (core module $a
    (import "m" "memory" (memory 1))
    (import "m" "grow" (func $grow))
    (func (export "run") (result i32) (call $grow) ${importing}
      (i32.const 0)))
  (core instance $m (instantiate $m))
  (core instance $a (instantiate $a (with "m" (instance $m))))
  (func $run (result (result)) (canon lift (core func $a "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.10" (instance $run)))`

const GROWS = '(if (i32.ne (memory.grow (i32.const 1)) (i32.const 1)) (then unreachable))'
const WRITES =
  '(if (i64.ne (i64.load (i32.const 65544)) (i64.const 0)) (then unreachable)) (i64.store (i32.const 65544) (i64.const -1))'

test('one whose memory has grown is put back, unless another module of it asks for sizes', async () => {
  const usual = async (source: string): Promise<GuestInstance> => {
    const module = await compileGuest(await componentWat(source))
    for (let turn = 1; ; turn++) {
      const instance = new GuestInstance(module, systemClock)
      assert.equal(trapOf(await answer(instance, '/')), 'exited')
      if (turn === USUAL_AFTER_RUNS) return instance
      assert.equal(instance.reset(), false)
    }
  }
  const own = await usual(twoModules(GROWS, WRITES))
  for (let turn = 0; turn < 5; turn++) {
    assert.equal(turn === 2 ? own.renew(() => assert.fail()) : own.reset(), true)
    assert.equal(trapOf(await answer(own, '/')), 'exited')
    assert.equal(own.memoryBytes, 2 * 65_536)
  }
  for (const [defining, importing] of [
    ['', GROWS],
    [GROWS, '(drop (memory.size))'],
  ] as const) {
    const other = await usual(twoModules(defining, importing))
    assert.deepEqual([other.reset(), other.renew(() => assert.fail())], [false, false])
  }
})
