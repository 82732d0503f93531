/** Whatever is refused in the code of a module is said with the function it is in, and where in the module that one begins. */
import { expect, test } from 'vitest'
import { CodedError } from '../../../src/base/errors.ts'
import { type HardenOptions, harden } from '../../../src/wasm/harden-module.ts'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from '../../../src/wasm/limits.ts'
import { readModule } from '../../../src/wasm/read.ts'
import { COSTLY_FUNCTIONS, costlyModule } from '../../support/costly-functions.ts'
import { ROOMY, refusal, wat } from './modules.ts'

/** Something of everything; function 1 is the one that something is wrong with. */
const VICTIM = wat(`(module
  (type $t (func (param i32) (result i32)))
  (import "a" "b" (func $import))
  (memory 1) (table 2 funcref) (global $g (mut i32) (i32.const 0)) (tag $e (param i32))
  (elem (i32.const 0) func $other) (data $d "x")
  (func $victim (type $t) (local i64)
    (block (br_if 0 (local.get 0)) (loop (br_table 0 1 (local.get 0))))
    (if (i32.load offset=4 (local.get 0)) (then (call $import)) (else (global.set $g (i32.const 300))))
    (try_table (catch $e 0) (throw $e (i32.const 1)))
    (drop (call_indirect (type $t) (i32.const 5) (i32.const 0)))
    (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
    (table.set (i32.const 0) (ref.func $other))
    (drop (i8x16.extract_lane_s 3 (v128.const i64x2 1 2)))
    (local.get 0))
  (func $other (type $t) (local.get 0)))`)

const NAMED = /, in function 1 "victim", which begins at offset \d+$/

test('every byte of a function that is another one', () => {
  const [body] = readModule(VICTIM).bodies
  if (body === undefined) throw new Error('no code')
  const codes = new Map<string, number>()
  for (let at = body.start; at < body.end; at++) {
    for (let value = 0; value < 256; value++) {
      const bytes = VICTIM.slice()
      bytes[at] = value
      for (const action of [() => harden(bytes, ROOMY), () => inspect(bytes)]) {
        const error = refusedOrNot(action)
        if (error === undefined) continue
        codes.set(error.code, (codes.get(error.code) ?? 0) + 1)
        if (NAMED.test(error.message) && error.details['function'] === 1) continue
        expect.fail(`byte ${at - body.start} set to ${value}: ${error.message}`)
      }
    }
  }
  expect([...codes.keys()].sort()).toEqual([
    'WASM_GC_ALLOCATION',
    'WASM_MALFORMED',
    'WASM_THREADS',
    'WASM_UNSUPPORTED',
  ])
  expect(codes.get('WASM_MALFORMED')).toBeGreaterThan(1000)
})

const LOOPS = wat(`(module (import "a" "b" (func)) (func $victim ${'(loop)'.repeat(1000)}))`)
const EMPTY_LOOPS = COSTLY_FUNCTIONS.find(({ name }) => name === 'empty loops')

/** `as`: what the function is called; it has no name in a module that has none. */
const OVER: ReadonlyArray<{
  name: string
  bytes: Uint8Array
  limits: Partial<ModuleLimits>
  message: RegExp
  as?: RegExp
}> = [
  {
    name: 'its bytes',
    bytes: LOOPS,
    limits: { functionBytes: 3000 },
    message: /functionBytes is 3002, wanted at most 3000/,
  },
  {
    name: 'its locals',
    bytes: wat('(module (import "a" "b" (func)) (func $victim (local i32 i64)))'),
    limits: { locals: 1 },
    message: /locals is 2, wanted at most 1/,
  },
  {
    name: 'its blocks',
    bytes: wat('(module (import "a" "b" (func)) (func $victim (block (block))))'),
    limits: { nesting: 1 },
    message: /nesting is 2, wanted at most 1/,
  },
  {
    name: "V8's work",
    bytes: LOOPS,
    limits: { compileWork: 1000 },
    message: /compileWork is \d+, wanted at most 1000/,
  },
  {
    name: "V8's work, as hardened",
    ...asHardened(),
    message: /compileWork is \d+, wanted at most \d+/,
    as: /, in function 0, which begins at offset \d+$/,
  },
  {
    name: 'its bytes, as hardened',
    bytes: wat(`(module (import "a" "b" (func)) (func $victim ${'(loop)'.repeat(400_000)}))`),
    limits: { compileWork: Number.MAX_SAFE_INTEGER },
    message: /hardenedFunctionBytes is \d+, wanted at most 7654321/,
  },
  {
    name: 'the bytes of the hardened module, while it is written',
    bytes: LOOPS,
    limits: { outputBytes: 4000 },
    message: /outputBytes is \d+, wanted at most 4000/,
  },
]

/** Within the limit as it comes, and over it as hardened. */
function asHardened(): { bytes: Uint8Array; limits: Partial<ModuleLimits> } {
  if (EMPTY_LOOPS === undefined) throw new Error('no such function')
  const bytes = costlyModule(EMPTY_LOOPS, 10)
  const { heaviest } = harden(bytes, ROOMY).report.compileWork
  return { bytes, limits: { compileWork: heaviest - 1 } }
}

test.each(OVER)('too much: $name', ({ bytes, limits, message, as = NAMED }) => {
  const options: HardenOptions = { ...ROOMY, limits }
  const error = refusal(() => harden(bytes, options))
  expect(error.message).toMatch(message)
  expect(error.message).toMatch(as)
  const { bodies, importedFunctions } = readModule(bytes)
  expect(error.details).toMatchObject({ function: importedFunctions, offset: bodies[0]?.start })
})

test('every limit on one function is there', () => {
  const OF_A_FUNCTION: ReadonlyArray<keyof ModuleLimits> = [
    ...(['functionBytes', 'compileWork', 'locals', 'nesting'] as const),
  ]
  // A limit that is added is one of these or one of those.
  const OF_A_MODULE: ReadonlyArray<keyof ModuleLimits> = [
    ...(['moduleBytes', 'outputBytes', 'sections', 'types', 'imports', 'functions'] as const),
    ...(['tables', 'memories', 'globals', 'exports', 'tags', 'tagParameters'] as const),
    ...(['elements', 'dataSegments'] as const),
  ]
  expect([...OF_A_FUNCTION, ...OF_A_MODULE].sort()).toEqual(
    Object.keys(DEFAULT_MODULE_LIMITS).sort(),
  )
  const tested = OVER.flatMap(({ limits }) => Object.keys(limits))
  for (const limit of OF_A_FUNCTION) expect(tested).toContain(limit)
})

test('code that ends too early', () => {
  // One function, of ten bytes of which three are there.
  const head = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0]
  const bytes = Uint8Array.from([...head, 10, 4, 1, 10, 0, 0x0b])
  expect(refusal(() => inspect(bytes)).message).toMatch(
    /the code of function 0 is cut short, it begins at offset 22$/,
  )
})

test('names are as long as a module likes, and messages are not', () => {
  const long = 'x'.repeat(100_000)
  const text = `(module (table 1 funcref) (func $${long} (export "f") (table.set (i32.const 0) (ref.null func))))`
  const { reset } = inspect(wat(text))
  expect(reset.reasons).toEqual([
    expect.stringMatching(/^table.set in function 0 "x{77}\.\.\." at offset \d+$/),
  ])
  const reserved = refusal(() => harden(wat(`(module (func (export "wasm_fpm:${long}")))`), ROOMY))
  expect(reserved.message).toMatch(/exports "wasm_fpm:x{68}\.\.\.", wanted/)
  const names = ['functionBytes', 'locals', 'nesting', 'compileWork'] as const
  for (const limit of names) {
    const over = wat(`(module (func $${long} (local i32) (block nop)))`)
    const { message } = refusal(() => harden(over, { ...ROOMY, limits: { [limit]: 0 } }))
    expect(message.length).toBeLessThan(300)
  }
})

function refusedOrNot(action: () => unknown): CodedError | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
}
