/** What a hardened module is made of: exports, caps, custom sections, names. */
import { expect, test } from 'vitest'
import {
  CONTRACT_VERSION,
  GO_ON,
  HARDENED_SECTION,
  memoryExport,
  RESIZES_EXPORT,
  spareExport,
} from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import {
  type Bytes,
  call,
  instantiate,
  ROOMY,
  sections,
  setCheck,
  wat,
  withCheck,
} from './modules.ts'

const customs = (bytes: Bytes, name: string): number[][] =>
  WebAssembly.Module.customSections(new WebAssembly.Module(bytes), name).map((buffer) => [
    ...new Uint8Array(buffer),
  ])

test('exports what the contract says and keeps what was there, in order', () => {
  const module =
    wat(`(module (import "a" "g" (global (mut i32))) (memory (export "m") 1) (global (mut i64) (i64.const 1))
    (func $s) (start $s) (func (export "run")))`)
  const { bytes, report } = harden(module, ROOMY)
  const { exports, start } = inspect(bytes)
  expect(exports.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
    'memory m',
    'function run',
    'table wasm_fpm:check',
    'global wasm_fpm:counter',
    'global wasm_fpm:quota',
    'global wasm_fpm:may_suspend',
    'function wasm_fpm:save',
    'function wasm_fpm:restore',
    'memory wasm_fpm:memory:0',
    'global wasm_fpm:global:1',
    'global wasm_fpm:spare:0',
    'function wasm_fpm:start',
  ])
  expect([start, report.hasStart, report.bytesOut]).toEqual([2 + 5, true, bytes.length])
  expect(inspect(bytes).imports).toEqual(inspect(module).imports)
})

test.each([
  { text: '(func (export "run"))', isPossible: true },
  {
    text: '(table 1 funcref) (func $set (export "run") (table.set 0 (i32.const 0) (ref.null func)))',
    isPossible: false,
  },
])('says whether a reset can put back $text, as inspect does', ({ text, isPossible }) => {
  const module = wat(`(module ${text})`)
  const { reset } = harden(module, ROOMY).report
  expect(reset.isPossible).toBe(isPossible)
  expect(reset).toEqual(inspect(module).reset)
})

test('an empty module can be hardened', () => {
  const { bytes } = harden(sections(), ROOMY)
  expect(Object.keys(instantiate(bytes))).toContain('wasm_fpm:check')
})

test('hardening twice is refused, also under a forged mark', () => {
  const { bytes } = harden(wat('(module (func))'), ROOMY)
  expect(() => harden(bytes, ROOMY)).toThrow(
    expect.objectContaining({ code: 'WASM_ALREADY_HARDENED' }),
  )
  const forged = sections([
    0,
    HARDENED_SECTION.length,
    ...new TextEncoder().encode(HARDENED_SECTION),
  ])
  expect(() => harden(forged, ROOMY)).toThrow(
    expect.objectContaining({ code: 'WASM_ALREADY_HARDENED' }),
  )
  const [mark = []] = customs(bytes, HARDENED_SECTION)
  expect([mark[0], mark.length]).toEqual([CONTRACT_VERSION, 9])
})

test('a module may not use the reserved prefix', () => {
  const module = wat('(module (func (export "wasm_fpm:counter")))')
  expect(() => harden(module, ROOMY)).toThrow(
    expect.objectContaining({ code: 'WASM_RESERVED_NAME' }),
  )
})

test.each([
  { memories: '(memory 1)', cap: 4, wanted: [4] },
  { memories: '(memory 1 2)', cap: 4, wanted: [2] },
  { memories: '(memory 1 9)', cap: 4, wanted: [4] },
  { memories: '(memory 4)', cap: 4, wanted: [4] },
  { memories: '(memory 1) (memory 1)', cap: 8, wanted: [4, 4] },
  { memories: '(memory 1) (memory 1 3)', cap: 8, wanted: [5, 3] },
  { memories: '(memory 1 7) (memory 1 7)', cap: 8, wanted: [7, 1] },
])('$memories under a cap of $cap pages may grow to $wanted', ({ memories, cap, wanted }) => {
  const { bytes, report } = harden(wat(`(module ${memories})`), {
    ...ROOMY,
    memoryMaxBytes: cap * 65_536,
  })
  expect(inspect(bytes).memories.map(({ maximum }) => maximum)).toEqual(wanted)
  expect(report.memoryMaxBytes).toEqual(wanted.map((pages) => pages * 65_536))
})

test('a guest cannot grow past the caps', () => {
  const module = wat(`(module (memory 1) (table 1 funcref)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "elements") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0))))`)
  const exports = instantiate(
    harden(module, { memoryMaxBytes: 3 * 65_536, tableMaxElements: 5 }).bytes,
  )
  expect([3, 2, 1].map((pages) => call(exports, 'grow', pages))).toEqual([-1, 1, -1])
  expect([5, 4, 1].map((count) => call(exports, 'elements', count))).toEqual([-1, 1, -1])
})

test('spare pages are not in the size, are given first, and to a memory of its own', () => {
  const module = wat(`(module (memory 1) (memory $other 2)
    (func (export "size") (result i32) (memory.size))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "other") (param i32) (result i32)
      (i32.add (i32.mul (memory.grow $other (local.get 0)) (i32.const 10)) (memory.size $other))))`)
  const { bytes } = harden(module, { ...ROOMY, memoryMaxBytes: 12 * 65_536 })
  const exports = instantiate(bytes)
  const memory = exports[memoryExport(0)] as WebAssembly.Memory
  const spare = exports[spareExport(0)] as WebAssembly.Global
  const sizes = (pages: number): number[] => {
    const old = call(exports, 'grow', pages) as number
    const { byteLength } = memory.buffer
    return [old, call(exports, 'size') as number, byteLength / 65_536, spare.value as number]
  }
  expect(sizes(3)).toEqual([1, 4, 4, 0])
  spare.value = 3
  expect([0, 1, 9, 1, 2, 1].map(sizes)).toEqual([
    [1, 1, 4, 3],
    [1, 2, 4, 2],
    [-1, 2, 4, 2],
    [2, 3, 4, 1],
    [3, 5, 5, 0],
    [-1, 5, 5, 0],
  ])
  expect(call(exports, 'other', 1)).toBe(23)
})

test('who asks for the size of a memory that is not its own is known', () => {
  const resizes = (code: string): boolean =>
    inspect(
      harden(wat(`(module (import "a" "m" (memory 1)) (func (export "f") ${code}))`), ROOMY).bytes,
    ).exports.some(({ name }) => name === RESIZES_EXPORT)
  expect(['', '(drop (memory.size))', '(drop (memory.grow (i32.const 1)))'].map(resizes)).toEqual([
    false,
    true,
    true,
  ])
})

test('tables may begin with more than they may grow by', () => {
  const module = wat(`(module (table 40 funcref) (table 2 funcref) (table 1 3 funcref)
    (func (export "elements") (param i32) (result i32) (table.grow 0 (ref.null func) (local.get 0))))`)
  const { bytes, report } = harden(module, { ...ROOMY, tableGrowth: 8 })
  expect(report.tableMaxElements).toEqual([43, 5, 3])
  const exports = instantiate(bytes)
  expect([4, 3, 1].map((count) => call(exports, 'elements', count))).toEqual([-1, 40, -1])
})

test('a guest is checked whenever it has grown its memory, or tried to', () => {
  const module = wat(`(module (memory 1)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`)
  const sizes: number[] = []
  const check = (): number => {
    sizes.push((exports[memoryExport(0)] as WebAssembly.Memory).buffer.byteLength / 65_536)
    return GO_ON
  }
  const exports = withCheck(module, check, { options: { ...ROOMY, memoryMaxBytes: 3 * 65_536 } })
  for (const pages of [1, 0, 9]) call(exports, 'grow', pages)
  expect(sizes).toEqual([2, 2, 2])
})

test.each([
  { text: '(memory 5)', code: 'WASM_MEMORY_MINIMUM' },
  { text: '(memory 3) (memory 2)', code: 'WASM_MEMORY_MINIMUM' },
  { text: '(table 6 funcref)', code: 'WASM_TABLE_MINIMUM' },
])('$text over the cap is refused', ({ text, code }) => {
  const options = { memoryMaxBytes: 4 * 65_536, tableMaxElements: 5 }
  expect(() => harden(wat(`(module ${text})`), options)).toThrow(expect.objectContaining({ code }))
})

test('custom sections stay where they were', () => {
  const custom = (name: string, ...contents: number[]): number[] => [
    0,
    1,
    name.charCodeAt(0),
    ...contents,
  ]
  const module = sections(
    custom('a', 1),
    [1, 1, 0x60, 0, 0],
    custom('b', 2),
    [3, 1, 0],
    [10, 1, 2, 0, 0x0b],
    custom('c', 3),
  )
  const { sections: found } = inspect(harden(module, ROOMY).bytes)
  expect(found.map(({ name }) => name)).toEqual([
    ...[
      'custom "a"',
      'type',
      'custom "b"',
      'function',
      'table',
      'global',
      'export',
      'element',
      'code',
    ],
    ...['custom "c"', 'custom "name"', 'custom "wasm_fpm.hardened"'],
  ])
})

test('hints: checks are unlikely, the module keeps its own', () => {
  // (func (loop (if (i32.const 0) (then))) ) with the `if` hinted likely at offset 5 of the body; a tight loop.
  const hintSection = [
    0,
    25,
    ...new TextEncoder().encode('metadata.code.branch_hint'),
    1,
    0,
    1,
    5,
    1,
    1,
  ]
  const body = [0, 0x03, 0x40, 0x41, 0, 0x04, 0x40, 0x0b, 0x0b, 0x0b]
  const module = sections([1, 1, 0x60, 0, 0], [3, 1, 0], hintSection, [10, 1, body.length, ...body])
  const { bytes } = harden(module, ROOMY)
  const [hints] = customs(bytes, 'metadata.code.branch_hint')
  // One function, three hints; one byte each: the check's `if` and `br_if` are unlikely (0), the module's own likely (1).
  expect(hints?.slice(0, 3)).toEqual([1, 0, 3])
  const [entry = 0, , isEntryLikely, turn = 0, , isTurnLikely, own = 0, , isOwnLikely] =
    hints?.slice(3) ?? []
  expect([isEntryLikely, isTurnLikely, isOwnLikely]).toEqual([0, 0, 1])
  const start = bodyStart(bytes)
  expect([entry, turn, own].map((at) => bytes[start + at])).toEqual([0x04, 0x0d, 0x04])
  expect([...bytes.subarray(start + own - 2, start + own + 3)]).toEqual([0x41, 0, 0x04, 0x40, 0x0b])
})

test('the body of a tight loop, byte by byte: the call is outside of it', () => {
  // (func (block (loop (br_if 1 (local.get 0)) (br 0)))) of one parameter
  const body = [0, 0x02, 0x40, 0x03, 0x40, 0x20, 0, 0x0d, 1, 0x0c, 0, 0x0b, 0x0b, 0x0b]
  const module = sections([1, 1, 0x60, 1, 0x7f, 0], [3, 1, 0], [10, 1, body.length, ...body])
  const { bytes } = harden(module, ROOMY)
  const start = bodyStart(bytes)
  // Function 3 is check_loop; a turn weighs 16.
  const refill = [0x41, 0x90, 0, 0x10, 3, 0x21, 1]
  const expected = [
    ...[1, 1, 0x7f, 0x23, 0, 0x21, 1, 0x02, 0x40, 0x02, 0x40],
    ...[0x02, 0x40, 0x20, 1, 0x41, 0xf0, 0x7f, 0x71, 0x22, 1, 0x41, 0, 0x4c, 0x04, 0x40],
    ...[...refill, 0x0b, 0x03, 0x40, 0x02, 0x40, 0x03, 0x40],
    ...[0x20, 1, 0x41, 0x90, 0, 0x6b, 0x22, 1, 0x45, 0x0d, 1],
    // The body: the label further out is 3 more.
    ...[0x20, 0, 0x0d, 4, 0x0c, 0, 0x0b],
    ...[0x0c, 2, 0x0b, ...refill, 0x0c, 0, 0x0b, 0x0b, 0x0b, 0x0b],
    ...[0x20, 1, 0x24, 0, 0x0b],
  ]
  expect([...bytes.subarray(start, start + expected.length)]).toEqual(expected)
})

/** Offset of the first function's body in a small module. */
function bodyStart(bytes: Bytes): number {
  let at = 8
  for (;;) {
    const [id, size, after] = [bytes[at], ...number(bytes, at + 1)]
    if (id === 10) return number(bytes, number(bytes, after)[1])[1]
    at = after + size
  }
}

function number(bytes: Bytes, at: number): [value: number, after: number] {
  const [low = 0, high = 0] = bytes.subarray(at, at + 2)
  return low < 0x80 ? [low, at + 1] : [(low & 0x7f) | (high << 7), at + 2]
}

test('stack traces show the names of the module and of what was added', () => {
  const module = wat(
    '(module (func $inner (loop (br 0))) (func $outer (export "run") (call $inner)))',
  )
  const exports = instantiate(harden(module, ROOMY).bytes)
  setCheck(exports, 1, () => 1)
  let stack = ''
  try {
    call(exports, 'run')
  } catch (error) {
    stack = String((error as Error).stack)
  }
  expect(stack).toMatch(/at wasm_fpm:check .*\n.*at inner .*\n.*at outer /s)
})

test('functions of 50,000 locals are metered without a local of their own', () => {
  const locals = [...Array.from({ length: 5 }, () => 0x7f)].flatMap((type) => [0x90, 0x4e, type])
  const body = [5, ...locals, 0x03, 0x40, 0x0c, 0, 0x0b, 0x0b]
  const module = sections(
    [1, 1, 0x60, 0, 0],
    [3, 1, 0],
    [7, 1, 3, 0x72, 0x75, 0x6e, 0, 0],
    [10, 1, body.length, ...body],
  )
  expect(WebAssembly.validate(module)).toBe(true)
  const exports = instantiate(harden(module, ROOMY).bytes)
  setCheck(exports, 1, () => 1)
  expect(() => call(exports, 'run')).toThrow('unreachable')
})
