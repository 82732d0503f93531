/** Resources of one component in the hands of others in the same. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, wants } from '../../support/component-wat.ts'

/** A component that counts what it has made and not destroyed, and one that has `body` done with that. */
const resources = (body: string, { keeps = false, destructor = '' } = {}): string => `(component
  (component $plug
    (core module $dtor (global $alive (export "alive") (mut i32) (i32.const 0))
      (func (export "dtor") (param i32) ${destructor} (global.set $alive (i32.sub (global.get $alive) (local.get 0)))))
    (core instance $dtor (instantiate $dtor))
    (type $thing' (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (export $thing "thing" (type $thing'))
    (core func $new (canon resource.new $thing'))
    (core func $rep (canon resource.rep $thing'))
    (core func $drop (canon resource.drop $thing'))
    (core module $module
      (import "own" "new" (func $new (param i32) (result i32)))
      (import "own" "rep" (func $rep (param i32) (result i32)))
      (import "own" "drop" (func $drop (param i32)))
      (import "own" "alive" (global $alive (mut i32)))
      (func (export "make") (param i32) (result i32)
        (global.set $alive (i32.add (global.get $alive) (local.get 0)))
        (call $new (local.get 0)))
      (func (export "value") (param i32) (result i32) (local.get 0))
      (func (export "eat") (param i32) (result i32)
        (local $value i32)
        (local.set $value (call $rep (local.get 0)))
        (call $drop (local.get 0))
        (local.get $value))
      (func (export "alive") (result i32) (global.get $alive)))
    (core instance $core (instantiate $module (with "own" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))
      (export "alive" (global $dtor "alive"))))))
    (func $make (param "a" u32) (result (own $thing)) (canon lift (core func $core "make")))
    (func $value (param "a" (borrow $thing)) (result u32) (canon lift (core func $core "value")))
    (func $eat (param "a" (own $thing)) (result u32) (canon lift (core func $core "eat")))
    (func $alive (result u32) (canon lift (core func $core "alive")))
    (instance $api (export "thing" (type $thing)) (export "make" (func $make)) (export "value" (func $value))
      (export "eat" (func $eat)) (export "alive" (func $alive)))
    (export "api" (instance $api)))
  ;; Lends on what it is lent, and gives it up or not.
  (component $between
    (import "api" (instance $api (export "thing" (type $thing (sub resource)))
      (export "value" (func (param "a" (borrow $thing)) (result u32)))))
    (alias export $api "thing" (type $thing))
    (core func $value (canon lower (func $api "value")))
    (core func $drop (canon resource.drop $thing))
    (core module $module
      (import "api" "value" (func $value (param i32) (result i32)))
      (import "api" "drop" (func $drop (param i32)))
      (func (export "twice") (param i32) (result i32)
        (local $value i32)
        (local.set $value (i32.mul (i32.const 2) (call $value (local.get 0))))
        ${keeps ? '' : '(call $drop (local.get 0))'}
        (local.get $value)))
    (core instance $core (instantiate $module (with "api" (instance (export "value" (func $value)) (export "drop" (func $drop))))))
    (func (export "twice") (param "a" (borrow $thing)) (result u32) (canon lift (core func $core "twice"))))
  (component $socket
    (import "api" (instance $api (export "thing" (type $thing (sub resource)))
      (export "make" (func (param "a" u32) (result (own $thing))))
      (export "value" (func (param "a" (borrow $thing)) (result u32)))
      (export "eat" (func (param "a" (own $thing)) (result u32)))
      (export "alive" (func (result u32)))))
    (alias export $api "thing" (type $thing))
    (import "twice" (func $twice (param "a" (borrow $thing)) (result u32)))
    (core func $make (canon lower (func $api "make")))
    (core func $value (canon lower (func $api "value")))
    (core func $eat (canon lower (func $api "eat")))
    (core func $alive (canon lower (func $api "alive")))
    (core func $twice (canon lower (func $twice)))
    (core func $drop (canon resource.drop $thing))
    (core module $module
      (import "api" "make" (func $make (param i32) (result i32)))
      (import "api" "value" (func $value (param i32) (result i32)))
      (import "api" "eat" (func $eat (param i32) (result i32)))
      (import "api" "alive" (func $alive (result i32)))
      (import "api" "twice" (func $twice (param i32) (result i32)))
      (import "api" "drop" (func $drop (param i32)))
      (func (export "run") (result i32)
        (local $one i32) (local $other i32)
        (local.set $one (call $make (i32.const 100)))
        (local.set $other (call $make (i32.const 20)))
        ${body}
        (i32.const 0)))
    (core instance $core (instantiate $module (with "api" (instance
      (export "make" (func $make)) (export "value" (func $value)) (export "eat" (func $eat))
      (export "alive" (func $alive)) (export "twice" (func $twice)) (export "drop" (func $drop))))))
    (func $run (result (result)) (canon lift (core func $core "run")))
    (instance $run (export "run" (func $run)))
    (export "run" (instance $run)))
  (instance $plug (instantiate $plug))
  (instance $between (instantiate $between (with "api" (instance $plug "api"))))
  (instance $socket (instantiate $socket (with "api" (instance $plug "api")) (with "twice" (func $between "twice"))))
  (export "wasi:cli/run@0.2.0" (instance $socket "run")))`

const ONE = '(local.get $one)'

test('resources: made by one, lent on by another, given up by a third; their destructor is called once', async () => {
  const source = resources(`
    ${wants('(i32.ne (local.get $one) (local.get $other))')}
    ${wants(`(i32.eq (call $value ${ONE}) (i32.const 100))`)}
    ${wants(`(i32.eq (call $twice ${ONE}) (i32.const 200))`)}
    ${wants('(i32.eq (call $alive) (i32.const 120))')}
    ${wants('(i32.eq (call $eat (local.get $other)) (i32.const 20))')}
    ${wants('(i32.eq (call $alive) (i32.const 100))')}
    (call $drop ${ONE})
    ${wants('(i32.eq (call $alive) (i32.const 0))')}`)
  const instance = await makeComponent(await componentWat(source))
  for (let turn = 0; turn < 3; turn++) {
    assert.equal(trapOf(await answer(instance, '/')), 'exited')
    assert.equal(instance.reset(), true)
  }
})

const RESOURCE_FAULTS: ReadonlyArray<readonly [name: string, source: string, message: RegExp]> = [
  [
    'is given away twice',
    resources(`(drop (call $eat ${ONE})) (drop (call $eat ${ONE}))`),
    /there is no handle 1/,
  ],
  [
    'is given up twice',
    resources(`(call $drop ${ONE}) (call $drop ${ONE})`),
    /there is no handle 1/,
  ],
  ['is not there', resources('(drop (call $value (i32.const 77)))'), /there is no handle 77/],
  [
    'was lent and is kept',
    resources(`(drop (call $twice ${ONE}))`, { keeps: true }),
    /keeps 1 handles that it was lent/,
  ],
  [
    'traps while it is destroyed',
    resources(`(block $caught (try_table (catch_all $caught) (call $drop ${ONE})))`, {
      destructor: '(unreachable)',
    }),
    /unreachable/,
  ],
]

test.each(RESOURCE_FAULTS)('it traps: a resource that %s', async (_, source, message) => {
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/')), message)
  assert.equal(instance.isSpent, true)
})
