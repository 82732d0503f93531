/** Components that are broken, on purpose or not: each is read to its end, or refused with a code, in bounded time. */
import assert from 'node:assert/strict'
import { performance } from 'node:perf_hooks'
import { test } from 'vitest'
import { checkPlan } from '../../../src/component/host/wasi-functions.ts'
import { COMPONENT_LIMITS } from '../../../src/component/limits.ts'
import { isComponent } from '../../../src/component/preamble.ts'
import { readComponent } from '../../../src/component/read-component.ts'
import { resolveComponent } from '../../../src/component/resolve-component.ts'
import { componentWat, HELLO_3_WAT, HELLO_WAT } from '../../support/component-wat.ts'

const PREAMBLE = [0, 0x61, 0x73, 0x6d, 13, 0, 1, 0]
const CODED = /^(COMPONENT|WASM)_/

const hello = await componentWat(HELLO_WAT)
/** Of WASI 0.3: async functions, streams and futures. */
const hello3 = await componentWat(HELLO_3_WAT)

function codeOf(work: () => void): string {
  try {
    work()
    return 'none'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

function load(bytes: Uint8Array): void {
  checkPlan(resolveComponent(readComponent(bytes)))
}

/** A number of 32 bits. */
function u32(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...u32(value >>> 7)]
}

/** A type's index under 8,192, which is written as a signed number. */
function typeIndex(value: number): number[] {
  return value < 64 ? [value] : [(value & 127) | 128, value >>> 7]
}

function section(id: number, contents: readonly number[]): number[] {
  return [id, ...u32(contents.length), ...contents]
}

test('a component is told from a module', () => {
  assert.equal(isComponent(Uint8Array.from(PREAMBLE)), true)
  assert.equal(isComponent(Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0])), false)
  assert.equal(isComponent(Uint8Array.from(PREAMBLE.slice(0, 7))), false)
})

test('the fixture is what it says', () => {
  const plan = resolveComponent(readComponent(hello))
  assert.deepEqual(plan.imports, [
    'wasi:io/error@0.2.0',
    'wasi:io/streams@0.2.0',
    'wasi:http/types@0.2.0',
  ])
  assert.deepEqual(plan.exports, ['wasi:http/incoming-handler@0.2.0'])
  assert.equal(plan.instances.length, 2)
  load(hello)
})

const nested = (depth: number): number[] => {
  let inner = PREAMBLE
  for (let level = 0; level < depth; level++) inner = [...PREAMBLE, ...section(4, inner)]
  return inner
}

/** `(component (component) (instance (instantiate 0)) (instance (instantiate 0)))`, so many times inside each other. */
const doubling = (depth: number): number[] => {
  let inner = PREAMBLE
  for (let level = 0; level < depth; level++)
    inner = [...PREAMBLE, ...section(4, inner), ...section(5, [2, 0, 0, 0, 0, 0, 0])]
  return inner
}

/** A component with so many types, instantiated so many times. */
const repeated = (types: number, instances: number): number[] => {
  const inner = [
    ...PREAMBLE,
    ...section(7, [...u32(types), ...Array.from({ length: types }, () => 0x7f)]),
  ]
  const made = Array.from({ length: instances }, () => [0, 0, 0]).flat()
  return [...PREAMBLE, ...section(4, inner), ...section(5, [...u32(instances), ...made])]
}

/** A tuple of two of the type before it, so many times. */
const wide = (count: number): number[] => {
  const types = Array.from({ length: count }, (_, index) =>
    index === 0
      ? [0x6f, 2, 0x7f, 0x7f]
      : [0x6f, 2, ...typeIndex(index - 1), ...typeIndex(index - 1)],
  )
  return [...PREAMBLE, ...section(7, [...u32(count), ...types.flat()])]
}

/** A list of the type before it, so many times. */
const deep = (count: number): number[] => {
  const types = Array.from({ length: count }, (_, index) =>
    index === 0 ? [0x70, 0x7f] : [0x70, ...typeIndex(index - 1)],
  )
  return [...PREAMBLE, ...section(7, [...u32(count), ...types.flat()])]
}

const REFUSED: ReadonlyArray<readonly [name: string, bytes: readonly number[], code: string]> = [
  ['nothing', [], 'WASM_MALFORMED'],
  ['another version', [...PREAMBLE.slice(0, 4), 12, 0, 1, 0], 'COMPONENT_MALFORMED'],
  ['a section that is cut', [...PREAMBLE, 7, 5, 0], 'WASM_MALFORMED'],
  ['a section longer than its entries', [...PREAMBLE, 7, 2, 0, 0], 'COMPONENT_MALFORMED'],
  ['a list longer than its section', [...PREAMBLE, 7, 1, 100], 'WASM_MALFORMED'],
  ['an unknown section', [...PREAMBLE, 99, 0], 'COMPONENT_UNSUPPORTED'],
  ['a start section', [...PREAMBLE, ...section(9, [0, 0, 0])], 'COMPONENT_UNSUPPORTED'],
  [
    'a name that is not UTF-8',
    [...PREAMBLE, ...section(7, [1, 0x6d, 1, 1, 0xff])],
    'WASM_MALFORMED',
  ],
  ['nesting', nested(COMPONENT_LIMITS.nesting + 1), 'COMPONENT_LIMIT_EXCEEDED'],
  [
    'sections',
    [...PREAMBLE, ...Array.from({ length: COMPONENT_LIMITS.sections + 1 }, () => [6, 1, 0]).flat()],
    'COMPONENT_LIMIT_EXCEEDED',
  ],
  [
    'definitions',
    [
      ...PREAMBLE,
      ...Array.from({ length: 3 }, () =>
        section(7, [...u32(70_000), ...Array.from({ length: 70_000 }, () => 0x7f)]),
      ).flat(),
    ],
    'COMPONENT_LIMIT_EXCEEDED',
  ],
  ['instances of instances', doubling(16), 'COMPONENT_LIMIT_EXCEEDED'],
  ['steps', repeated(1_000, 205), 'COMPONENT_LIMIT_EXCEEDED'],
  ['types that double: typeParts', wide(40), 'COMPONENT_LIMIT_EXCEEDED'],
  ['types inside each other: typeDepth', deep(100), 'COMPONENT_LIMIT_EXCEEDED'],
  ['a variant of no cases', [...PREAMBLE, ...section(7, [1, 0x71, 0])], 'COMPONENT_MALFORMED'],
  ['flags without names', [...PREAMBLE, ...section(7, [1, 0x6e, 0])], 'COMPONENT_MALFORMED'],
  ['a type that is not there', [...PREAMBLE, ...section(7, [1, 0x70, 5])], 'COMPONENT_MALFORMED'],
  [
    'an alias outwards of nothing',
    [...PREAMBLE, ...section(6, [1, 3, 2, 9, 0])],
    'COMPONENT_MALFORMED',
  ],
  ['no export at all', PREAMBLE, 'COMPONENT_EXPORT'],
]

test.each(REFUSED)('refused: %s', (_, bytes, code) => {
  const startMs = performance.now()
  assert.equal(
    codeOf(() => load(Uint8Array.from(bytes))),
    code,
  )
  assert.ok(performance.now() - startMs < 2_000)
})

const HELLOS: ReadonlyArray<readonly [name: string, bytes: Uint8Array]> = [
  ['wasi:http/incoming-handler@0.2.0', hello],
  ['wasi:http/handler@0.3.0', hello3],
]

test.each(HELLOS)('cut at every offset: %s', (name, whole) => {
  const last = Buffer.from(whole).lastIndexOf(name)
  for (let length = 0; length < last; length++)
    assert.match(
      codeOf(() => load(whole.slice(0, length))),
      CODED,
      `${length} bytes`,
    )
})

test.each(HELLOS)(
  '3,000 mutations: read, or refused with a code, and never for long: %s',
  (_, whole) => {
    let seed = 16
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    let refused = 0
    for (let turn = 0; turn < 3_000; turn++) {
      const bytes = whole.slice()
      for (let change = random(4); change >= 0; change--) bytes[random(bytes.length)] = random(256)
      const startMs = performance.now()
      const code = codeOf(() => load(bytes))
      assert.ok(performance.now() - startMs < 1_000, `turn ${turn}`)
      if (code === 'none') continue
      assert.match(code, CODED, `turn ${turn}`)
      refused += 1
    }
    assert.ok(refused > 1_000, `${refused} were refused`)
  },
)
