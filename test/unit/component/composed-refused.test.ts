/** Components that are made of others, and cannot be. */
import assert from 'node:assert/strict'
import { test } from 'vitest'
import { makeComponent } from '../../support/component-run.ts'
import { componentWat } from '../../support/component-wat.ts'

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
