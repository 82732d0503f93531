import { expect, test } from 'vitest'
import { ByteWriter } from '../../../src/wasm/byte-writer.ts'
import { HARDENED_SECTION, MEMORY_IMPORT_MODULE } from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { importMemories, MAX_NAME_SECTION_BYTES } from '../../../src/wasm/import-memories.ts'
import { wat } from '../../support/wat.ts'

const LIMITS = { memoryMaxBytes: 8 * 65_536, tableMaxElements: 10 }
const hardened = (text: string): Uint8Array<ArrayBuffer> => harden(wat(text), LIMITS).bytes

const CASES = [
  {
    name: 'a module without imports',
    text: '(module (memory (export "memory") 1) (data (i32.const 3) "abc") (func (export "peek") (result i32) (i32.load8_u (i32.const 4))))',
    memories: [{ initial: 1, maximum: 8 }],
    peek: 'b'.charCodeAt(0),
  },
  {
    name: 'a module with imports, and two memories',
    text: `(module (import "host" "seven" (func $seven (result i32)))
      (memory (export "memory") 1 2) (memory $other 2 3)
      (func (export "peek") (result i32)
        (i32.store $other (i32.const 65536) (call $seven))
        (i32.add (i32.load $other (i32.const 65536)) (memory.grow $other (i32.const 9)))))`,
    memories: [
      { initial: 1, maximum: 2 },
      { initial: 2, maximum: 3 },
    ],
    peek: 7 - 1,
  },
]

test.each(CASES)('$name does what it did, in memories of its host', ({ text, memories, peek }) => {
  const { bytes, memories: sizes } = importMemories(hardened(text))
  expect(sizes).toEqual(memories)
  const own = sizes.map((size) => new WebAssembly.Memory(size))
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    host: { seven: () => 7 },
    [MEMORY_IMPORT_MODULE]: { ...own },
  })
  expect(exports['memory']).toBe(own[0])
  expect((exports['peek'] as () => number)()).toBe(peek)
})

test('memories come after all other imports', () => {
  const { bytes } = importMemories(hardened(CASES[1]?.text ?? ''))
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(bytes))
  expect(imports.map(({ module, name }) => `${module} ${name}`)).toEqual([
    'host seven',
    `${MEMORY_IMPORT_MODULE} 0`,
    `${MEMORY_IMPORT_MODULE} 1`,
  ])
})

test('a module without memories stays as it is, but for its mark', () => {
  const bytes = hardened('(module (func (export "f")))')
  const { bytes: taken, memories } = importMemories(bytes)
  expect(memories).toEqual([])
  expect(taken).toEqual(bytes.subarray(0, taken.length))
  const [mark] = WebAssembly.Module.customSections(new WebAssembly.Module(bytes), HARDENED_SECTION)
  // Its id, its length, its name with the length of that, and what it says.
  const length = 1 + 1 + 1 + HARDENED_SECTION.length + (mark?.byteLength ?? 0)
  expect(taken.length).toBe(bytes.length - length)
})

const CUT = [
  { name: 'one that ends early', bytes: hardened('(module (memory 1))').subarray(0, 40) },
  { name: 'one that was not hardened', bytes: wat('(module (memory 1))') },
]

test.each(CUT)('$name is refused', ({ bytes }) => {
  expect(() => importMemories(Uint8Array.from(bytes))).toThrow(
    expect.objectContaining({ code: 'WASM_MALFORMED' }),
  )
})

/** A custom section of so many bytes behind the module. */
function withCustom(bytes: Uint8Array, name: string, length: number): Uint8Array<ArrayBuffer> {
  const contents = [name.length, ...Buffer.from(name)]
  const out = new ByteWriter(bytes.length + length + 100)
  out.append(bytes)
  out.byte(0)
  out.u32(contents.length + length)
  out.append(contents)
  // As the names of what nobody knows.
  out.append(new Uint8Array(length).fill(5))
  return Uint8Array.from(out.view())
}

test('custom sections that V8 makes nothing of are left out, and names that are too long', () => {
  const text = '(module (memory (export "memory") 1) (func $f (export "_start") (nop)))'
  const original = wat(text)
  const lengthOf = (bytes: Uint8Array) => importMemories(harden(bytes, LIMITS).bytes).bytes.length
  const plain = lengthOf(original)
  expect(lengthOf(withCustom(original, '.debug_info', 1_000_000))).toBe(plain)
  expect(lengthOf(withCustom(original, 'anything', 50))).toBe(plain)
  expect(plain - lengthOf(withCustom(original, 'name', MAX_NAME_SECTION_BYTES))).toBeGreaterThan(0)
  const { bytes } = importMemories(hardened(text))
  const module = new WebAssembly.Module(bytes)
  expect(WebAssembly.Module.customSections(module, 'name')).toHaveLength(1)
  expect(WebAssembly.Module.customSections(module, HARDENED_SECTION)).toHaveLength(0)
})
