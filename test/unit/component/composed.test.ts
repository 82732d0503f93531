/** Components that are made of others: one is instantiated with what another one exports, and calls it. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { MAX_CALL_DEPTH } from '../../../src/component/lifted-calls.ts'
import { answer, makeComponent, trapOf } from '../../support/component-run.ts'
import { componentWat, wants } from '../../support/component-wat.ts'
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
