/** Components that are made of others: one is instantiated with what another one exports, and calls it. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { MAX_CALL_DEPTH } from '../../../src/component/lifted-calls.ts'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat } from '../../support/component-wat.ts'
import { compileGuest } from '../../support/guest.ts'

const MEMORY = `(memory (export "memory") 2)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at))`

const canon = (name: string, more = ''): string =>
  `(canon lift (core func $core "${name}") (memory $mem) (realloc $realloc) ${more})`

/** Of a core instance. */
const allocator = (instance: string): string =>
  `(alias core export ${instance} "memory" (core memory $mem)) (alias core export ${instance} "realloc" (core func $realloc))`

interface Composed {
  /** Types of both, by the names that `api` exports them by. */
  readonly types?: readonly string[]
  /** The type of the function `call` of `api`. */
  readonly type: string
  /** Fields of the module that answers, which exports `call`. */
  readonly plug: string
  /** Of the one that calls: it imports `api` `call` as `$call`. Traps, or returns 0. */
  readonly socket: string
  /** How it sees that. */
  readonly call: string
  readonly more?: string
  readonly encodings?: readonly [plug: string, socket: string]
}

/** A command of two components. */
const composed = ({ types = [], type, plug, socket, call, more = '', encodings }: Composed) => {
  const [own = '', other = ''] = encodings ?? []
  const names = types.map((_, index) => `$t${index}`)
  const exported = names.map((name, index) => `(export "t${index}" (type ${name}))`).join(' ')
  return `(component
  (component $plug
    (core module $module ${MEMORY} ${plug})
    (core instance $core (instantiate $module))
    ${allocator('$core')}
    ${types.map((body, index) => `(type $t${index}' ${body}) (export $t${index} "t${index}" (type $t${index}'))`).join('\n    ')}
    (func $call ${type} ${canon('call', own)})
    (instance $api ${exported} (export "call" (func $call)))
    (export "api" (instance $api)))
  (component $socket
    (import "api" (instance $api
      ${types.map((body, index) => `(type $t${index}' ${body}) (export "t${index}" (type $t${index} (eq $t${index}')))`).join('\n      ')}
      (export "call" (func ${type}))))
    (core module $memory ${MEMORY})
    (core instance $m (instantiate $memory))
    ${allocator('$m')}
    (core func $call (canon lower (func $api "call") (memory $mem) (realloc $realloc) ${other}))
    (core module $module
      (import "m" "memory" (memory 2))
      (import "api" "call" (func $call ${call}))
      ${socket})
    (core instance $core (instantiate $module (with "m" (instance $m)) (with "api" (instance (export "call" (func $call))))))
    (func $run (result (result)) (canon lift (core func $core "run")))
    (instance $run (export "run" (func $run)))
    (export "run" (instance $run)))
  (instance $plug (instantiate $plug))
  (instance $socket (instantiate $socket (with "api" (instance $plug "api"))))
  ${more}
  (export "wasi:cli/run@0.2.0" (instance $socket "run")))`
}

const runs = (body: string): string => `(func (export "run") (result i32) ${body} (i32.const 0))`
const wants = (condition: string): string => `(if (i32.eqz ${condition}) (then (unreachable)))`

/** Of two to sixteen fields more, so that it is passed in memory, and answered as it came. */
const FILLER = Array.from({ length: 16 }, (_, index) => `(field "f${index}" u32)`).join(' ')

/** What is written at 64 and, after a call that answers with what it was given, compared at 512. */
interface Passed {
  readonly types: readonly string[]
  readonly bytes: number
  readonly writes: string
  readonly wants: string
}

const PASSED: Readonly<Record<string, Passed>> = {
  'numbers, a character, a truth value': {
    types: ['(record (field "a" u64) (field "b" f32) (field "c" char) (field "d" bool) FILLER)'],
    bytes: 96,
    writes: `(i64.store (i32.const 64) (i64.const -2)) (f32.store (i32.const 72) (f32.const 1.5))
      (i32.store (i32.const 76) (i32.const 0x1f600)) (i32.store8 (i32.const 80) (i32.const 1))`,
    wants: `${wants('(i64.eq (i64.load (i32.const 512)) (i64.const -2))')}
      ${wants('(f32.eq (f32.load (i32.const 520)) (f32.const 1.5))')}
      ${wants('(i32.eq (i32.load (i32.const 524)) (i32.const 0x1f600))')}
      ${wants('(i32.eq (i32.load8_u (i32.const 528)) (i32.const 1))')}`,
  },
  'a list of texts': {
    types: ['(record (field "a" (list string)) FILLER)'],
    bytes: 72,
    writes: `(i32.store (i32.const 64) (i32.const 256)) (i32.store (i32.const 68) (i32.const 2))
      (i32.store (i32.const 256) (i32.const 300)) (i32.store (i32.const 260) (i32.const 3))
      (i32.store (i32.const 264) (i32.const 0)) (i32.store (i32.const 268) (i32.const 0))
      (i32.store (i32.const 300) (i32.const 0xa4c361))`,
    wants: `${wants('(i32.eq (i32.load (i32.const 516)) (i32.const 2))')}
      ${wants('(i32.eq (i32.load offset=4 (i32.load (i32.const 512))) (i32.const 3))')}
      ${wants('(i32.eq (i32.and (i32.load (i32.load (i32.load (i32.const 512)))) (i32.const 0xffffff)) (i32.const 0xa4c361))')}
      ${wants('(i32.eqz (i32.load offset=12 (i32.load (i32.const 512))))')}`,
  },
  'a list of more numbers than the host takes': {
    types: ['(record (field "a" (list u32)) FILLER)'],
    bytes: 72,
    writes: `(i32.store (i32.const 64) (i32.const 1024)) (i32.store (i32.const 68) (i32.const 20000))
      (i32.store (i32.const 81020) (i32.const -7))`,
    wants: `${wants('(i32.eq (i32.load (i32.const 516)) (i32.const 20000))')}
      ${wants('(i32.eq (i32.load offset=79996 (i32.load (i32.const 512))) (i32.const -7))')}`,
  },
  'a case of a variant, flags, an option, an error': {
    types: [
      '(flags "x" "y" "z")',
      '(enum "red" "green")',
      '(variant (case "none") (case "real" f64) (case "word" string))',
      '(record (field "a" $t0) (field "b" $t1) (field "c" $t2) (field "d" (option u64)) (field "e" (result u8 (error $t1))) FILLER)',
    ],
    bytes: 112,
    writes: `(i32.store8 (i32.const 64) (i32.const 5)) (i32.store8 (i32.const 65) (i32.const 1))
      (i32.store8 (i32.const 72) (i32.const 1)) (f64.store (i32.const 80) (f64.const -0.25))
      (i32.store8 (i32.const 88) (i32.const 1)) (i64.store (i32.const 96) (i64.const 77))
      (i32.store8 (i32.const 104) (i32.const 1)) (i32.store8 (i32.const 105) (i32.const 1))`,
    wants: `${wants('(i32.eq (i32.load16_u (i32.const 512)) (i32.const 0x105))')}
      ${wants('(i32.eq (i32.load8_u (i32.const 520)) (i32.const 1))')}
      ${wants('(f64.eq (f64.load (i32.const 528)) (f64.const -0.25))')}
      ${wants('(i32.eq (i32.load8_u (i32.const 536)) (i32.const 1))')}
      ${wants('(i64.eq (i64.load (i32.const 544)) (i64.const 77))')}
      ${wants('(i32.eq (i32.load16_u (i32.const 552)) (i32.const 0x101))')}`,
  },
}

test.each(Object.entries(PASSED))(
  'passed and answered: %s',
  async (_, { types, writes, wants }) => {
    const filled = types.map((type) => type.replace('FILLER', FILLER))
    const type = `$t${types.length - 1}`
    const bytes = await componentWat(
      composed({
        types: filled,
        type: `(param "a" ${type}) (result ${type})`,
        plug: '(func (export "call") (param i32) (result i32) (local.get 0))',
        call: '(param i32 i32)',
        socket: runs(`${writes} (call $call (i32.const 64) (i32.const 512)) ${wants}`),
      }),
    )
    const instance = await makeComponent(bytes)
    for (let turn = 0; turn < 2; turn++) {
      assert.equal(trapOf(await answer(instance, '/')), 'exited')
      assert.equal(instance.reset(), true)
    }
  },
)

/** Answers a text with its length in the encoding of who is asked. */
const lengthOf = (encodings: readonly [string, string], length: number, text: string) =>
  composed({
    type: '(param "a" string) (result u32)',
    plug: '(func (export "call") (param i32 i32) (result i32) (local.get 1))',
    call: '(param i32 i32) (result i32)',
    socket: `(data (i32.const 64) "${text}")
      ${runs(wants(`(i32.eq (call $call (i32.const 64) (i32.const 3)) (i32.const ${length}))`))}`,
    encodings,
  })

test.each([
  ['UTF-8 to UTF-8', ['', ''], 3, 'a\\c3\\a4'],
  ['UTF-8 to UTF-16', ['string-encoding=utf16', ''], 2, 'a\\c3\\a4'],
  ['UTF-16 to UTF-8', ['', 'string-encoding=utf16'], 4, 'a\\00\\e4\\00b\\00'],
  ['Latin-1 to UTF-8', ['', 'string-encoding=latin1+utf16'], 4, 'a\\e4b'],
] as const)('text: %s', async (_, encodings, length, text) => {
  const instance = await makeComponent(await componentWat(lengthOf(encodings, length, text)))
  assert.equal(trapOf(await answer(instance, '/')), 'exited')
})

const FAULTS: ReadonlyArray<readonly [name: string, source: string, message: RegExp]> = [
  ['text that is not UTF-8', lengthOf(['', ''], 3, 'a\\ff\\fe'), /a string is not in its encoding/],
  [
    'an answer out of bounds',
    composed({
      type: '(result string)',
      plug: '(func (export "call") (result i32) (i32.const 131069))',
      call: '(param i32)',
      socket: runs('(call $call (i32.const 64))'),
    }),
    /not a multiple of 4|out of bounds/,
  ],
  [
    'an allocator that gives what it does not have',
    composed({
      type: '(param "a" (list u8))',
      plug: '(func (export "call") (param i32 i32) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))',
      call: '(param i32 i32)',
      socket: runs('(call $call (i32.const 0) (i32.const 131072))'),
    }),
    /out of bounds/,
  ],
  [
    'one that traps, whoever catches that',
    composed({
      type: '',
      plug: '(func (export "call") (unreachable))',
      call: '',
      socket: runs('(block $caught (try_table (catch_all $caught) (call $call)))'),
    }),
    /unreachable/,
  ],
  [
    'more elements than one is given',
    composed({
      type: '(param "a" (list (option u8)))',
      plug: '(func (export "call") (param i32 i32))',
      call: '(param i32 i32)',
      socket: runs('(call $call (i32.const 0) (i32.const 8193))'),
    }),
    /8193 elements, wanted at most 8192/,
  ],
]

test.each(FAULTS)('it traps: %s', async (_, source, message) => {
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/')), message)
  assert.equal(instance.isSpent, true)
})

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

/** So many components, each of which calls the one before; the last one of them is called for the request. */
const chain = (length: number): string => {
  const link = (inner: string): string => `(component
    (import "next" (func $next (result (result))))
    (core func $next (canon lower (func $next)))
    (core module $module (import "a" "next" (func $next (result i32))) (func (export "run") (result i32) ${inner}))
    (core instance $core (instantiate $module (with "a" (instance (export "next" (func $next))))))
    (func (export "run") (result (result)) (canon lift (core func $core "run"))))`
  const all = Array.from(
    { length: length - 1 },
    (_, index) =>
      `(instance $i${index + 1} (instantiate $link (with "next" (func $i${index} "run"))))`,
  )
  return `(component
    (component $first
      (core module $module (func (export "run") (result i32) (i32.const 0)))
      (core instance $core (instantiate $module))
      (func (export "run") (result (result)) (canon lift (core func $core "run"))))
    (component $link ${link('(call $next)').slice('(component'.length)}
    (instance $i0 (instantiate $first))
    ${all.join('\n    ')}
    (instance $run (export "run" (func $i${length - 1} "run")))
    (export "wasi:cli/run@0.2.0" (instance $run)))`
}

test('so many components call each other, and no more', async () => {
  // One module, instantiated as often.
  const most = await makeComponent(await componentWat(chain(MAX_CALL_DEPTH)))
  assert.equal(trapOf(await answer(most, '/')), 'exited')
  assert.equal(most.reset(), true)
  assert.equal(trapOf(await answer(most, '/')), 'exited')
  const more = await makeComponent(await componentWat(chain(MAX_CALL_DEPTH + 1)))
  assert.match(trapOf(await answer(more, '/')), /more than 16 components have called each other/)
})

test('a component is not called before it has answered', async () => {
  // It gives a function of its own to one in it, and calls that.
  const source = `(component
    (core module $early (table (export "table") 1 funcref) (type $f (func (result i32)))
      (func (export "run") (result i32) (call_indirect (type $f) (i32.const 0))))
    (core instance $early (instantiate $early))
    (func $run (result (result)) (canon lift (core func $early "run")))
    (component $inner
      (import "outer" (func $outer (result (result))))
      (core func $outer (canon lower (func $outer)))
      (core module $module (import "a" "outer" (func $outer (result i32))) (func (export "run") (result i32) (call $outer)))
      (core instance $core (instantiate $module (with "a" (instance (export "outer" (func $outer))))))
      (func (export "run") (result (result)) (canon lift (core func $core "run"))))
    (instance $inner (instantiate $inner (with "outer" (func $run))))
    (core func $back (canon lower (func $inner "run")))
    (core module $fill (import "a" "table" (table 1 funcref)) (import "a" "back" (func $back (result i32))) (elem (i32.const 0) func $back))
    (core instance (instantiate $fill (with "a" (instance (export "table" (table $early "table")) (export "back" (func $back))))))
    (instance $run (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $run)))`
  const instance = await makeComponent(await componentWat(source))
  assert.match(trapOf(await answer(instance, '/')), /is called before it has answered/)
})

/** A component with `plug` in it, which `given` makes what `socket` imports of. */
const plugged = (plug: string, imports: string, given: string): string => `(component
  (component $plug ${plug})
  (component $socket ${imports})
  (instance $plug (instantiate $plug))
  (instance $socket (instantiate $socket ${given}))
  ${RUNS})`

/** Makes a command of a component. */
const RUNS = `(core module $r (func (export "run") (result i32) (i32.const 0))) (core instance $r (instantiate $r))
  (func $run (result (result)) (canon lift (core func $r "run"))) (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run))`

const MAKES = (type: string): string => `(core module $m (func (export "f") (param i32)))
  (core instance $c (instantiate $m))
  (func (export "f") ${type} (canon lift (core func $c "f")))`
const GIVES = '(with "f" (func $plug "f"))'

const BIG = `(record ${Array.from({ length: 4000 }, (_, index) => `(field "f${index}" u8)`).join(' ')})`

const REFUSED: ReadonlyArray<
  readonly [name: string, source: string, code: string, message: RegExp]
> = [
  [
    'another parameter than is imported',
    plugged(MAKES('(param "a" u32)'), '(import "f" (func (param "a" s32)))', GIVES),
    'COMPONENT_MALFORMED',
    /imports "f", a func, and is given another func/,
  ],
  [
    'a type in the place of a function',
    plugged(
      '(type $t u8) (export "f" (type $t))',
      '(import "f" (func))',
      '(with "f" (type $plug "f"))',
    ),
    'COMPONENT_MALFORMED',
    /imports "f", a func, and is given another type/,
  ],
  [
    'an instance that lacks what is imported of it',
    plugged(
      MAKES('(param "a" u32)'),
      '(import "api" (instance (export "g" (func))))',
      '(with "api" (instance $plug))',
    ),
    'COMPONENT_MALFORMED',
    /imports "g" of "api", and is not given it/,
  ],
  [
    'nothing of what is imported',
    plugged(MAKES('(param "a" u32)'), '(import "f" (func (param "a" u32)))', ''),
    'COMPONENT_MALFORMED',
    /imports "f", and is not given it/,
  ],
  [
    'a record with another field',
    plugged(
      '(type $t (record (field "a" u8))) (export "t" (type $t))',
      `(type $t (record (field "b" u8))) (import "t" (type (eq $t)))`,
      '(with "t" (type $plug "t"))',
    ),
    'COMPONENT_MALFORMED',
    /imports "t", a type, and is given another type/,
  ],
  [
    'the number of a resource of another component',
    plugged(
      '(type $t (resource (rep i32))) (export "t" (type $t))',
      '(import "t" (type $t (sub resource))) (core func (canon resource.rep $t))',
      '(with "t" (type $plug "t"))',
    ),
    'COMPONENT_MALFORMED',
    /resource.rep of a resource that it has not defined/,
  ],
  [
    'a new one of a resource of another component',
    plugged(
      '(type $t (resource (rep i32))) (export "t" (type $t))',
      '(import "t" (type $t (sub resource))) (core func (canon resource.new $t))',
      '(with "t" (type $plug "t"))',
    ),
    'COMPONENT_MALFORMED',
    /resource.new of a resource that it has not defined/,
  ],
  [
    'a function that answers with what it lends',
    '(component (type $t (resource (rep i32))) (type (func (result (borrow $t)))))',
    'COMPONENT_MALFORMED',
    /result of a function lends a resource/,
  ],
  [
    'a canonical function where a core module has to export one',
    `(component (type $t (resource (rep i32))) (core func $f (canon resource.drop $t))
      (func $f (param "a" u32) (canon lift (core func $f))) (core func $g (canon lower (func $f))) ${RUNS})`,
    'COMPONENT_UNSUPPORTED',
    /a canonical function in the place of one that a core module exports/,
  ],
  [
    'a core function of another type than its own',
    plugged(
      MAKES('(param "a" u64)'),
      '(import "f" (func $f (param "a" u64))) (core func (canon lower (func $f)))',
      GIVES,
    ),
    'COMPONENT_MALFORMED',
    /the core function "f" is \(i32\) -> \(\), wanted \(i64\) -> \(\)/,
  ],
  [
    'large types that are compared again and again',
    `(component (component $plug (type $t ${BIG}) (export "t" (type $t)))
      (component $socket (type $t ${BIG}) (import "t" (type (eq $t))))
      (instance $plug (instantiate $plug))
      ${'(instance (instantiate $socket (with "t" (type $plug "t"))))'.repeat(30)})`,
    'COMPONENT_LIMIT_EXCEEDED',
    /steps/,
  ],
  [
    'a large function that is called by thousands',
    `(component (type $big ${BIG}) (core module $m (func (export "f") (param i32)))
      (core instance $c (instantiate $m)) (func $f (param "a" $big) (canon lift (core func $c "f")))
      ${'(core func (canon lower (func $f)))'.repeat(60)})`,
    'COMPONENT_LIMIT_EXCEEDED',
    /steps/,
  ],
  [
    'parameters that are too large together',
    `(component (type $big ${BIG}) (type (func (param "a" $big) (param "b" $big))))`,
    'COMPONENT_LIMIT_EXCEEDED',
    /typeParts is 8003/,
  ],
  [
    'more core instances than there may be, of one module',
    `(component (core module $m) ${'(core instance (instantiate $m))'.repeat(65)})`,
    'COMPONENT_LIMIT_EXCEEDED',
    /coreInstances is 65/,
  ],
]

test.each(REFUSED)('refused: %s', async (_, source, code, message) => {
  await assert.rejects(
    componentWat(source).then(makeComponent),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message)
      assert.match(error.message, message)
      return true
    },
  )
})

test('of a module that is instantiated twice, each has its part of the memory', async () => {
  const grows = (pages: number) => `(component
    (core module $m (memory (export "memory") 1)
      (func (export "grow") (result i32) (memory.grow (i32.const ${pages}))))
    (core instance $one (instantiate $m))
    (core instance $other (instantiate $m))
    (core module $main
      (import "one" "grow" (func $one (result i32)))
      (import "other" "grow" (func $other (result i32)))
      (func (export "run") (result i32)
        (i32.or (i32.ne (call $one) (i32.const 1)) (i32.ne (call $other) (i32.const 1)))))
    (core instance $main (instantiate $main (with "one" (instance $one)) (with "other" (instance $other))))
    (func $run (result (result)) (canon lift (core func $main "run")))
    (instance $run (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $run)))`
  const whole = (await compileGuest(await componentWat(grows(1)))).memoryMaxBytes / 65_536
  for (const [pages, code] of [
    [whole / 2 - 1, 0],
    [whole / 2, 1],
  ] as const) {
    const instance = await makeComponent(await componentWat(grows(pages)))
    assert.deepEqual((await answer(instance, '/')).report.outcome, { kind: 'exited', code })
  }
})
