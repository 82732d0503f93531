import { expect, test } from 'vitest'
import { MEMORY_IMPORT_MODULE } from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { importMemories } from '../../../src/wasm/import-memories.ts'
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

test('a module without memories stays as it is', () => {
  const bytes = hardened('(module (func (export "f")))')
  expect(importMemories(bytes)).toEqual({ bytes, memories: [] })
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
