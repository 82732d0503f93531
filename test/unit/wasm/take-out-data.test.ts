import { expect, test } from 'vitest'
import { MEMORY_IMPORT_MODULE } from '../../../src/wasm/contract.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { importMemories } from '../../../src/wasm/import-memories.ts'
import { takeOutData } from '../../../src/wasm/take-out-data.ts'
import { wat } from '../../support/wat.ts'

const PAGE = 65_536
const MUCH = 'x'.repeat(300_000)
const LIMITS = { memoryMaxBytes: 64 * PAGE, tableMaxElements: 10 }

/** In bytes, because `wat` does not write the index of a memory. */
const TWO_MEMORIES = Buffer.concat([
  Buffer.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
  Buffer.of(5, 5, 2, 0, 8, 0, 1),
  // 300,000 and what is around it, in three bytes.
  Buffer.of(11, ...leb3(MUCH.length + 22), 3),
  Buffer.of(2, 1, 0x41, 5, 0x0b, 1, 0x6d),
  Buffer.of(0, 0x41, 3, 0x0b, ...leb3(MUCH.length)),
  Buffer.from(MUCH),
  Buffer.of(2, 1, 0x41, 6, 0x0b, 1, 0x6e),
])

function leb3(value: number): number[] {
  return [0x80 | (value & 0x7f), 0x80 | ((value >> 7) & 0x7f), value >> 14]
}

function prepare(fields: string | Uint8Array) {
  const module = typeof fields === 'string' ? wat(`(module ${fields})`) : fields
  return importMemories(harden(module, LIMITS).bytes)
}

const TAKEN = [
  { name: 'one piece', fields: `(memory 8) (data (i32.const 7) "${MUCH}")` },
  {
    name: 'pieces with gaps, an empty one, and one up to the end of the memory',
    fields: `(memory 8) (data (i32.const 0) "a") (data (i32.const 9) "") (data (i32.const 70000) "${MUCH}")
      (data (i32.const ${8 * PAGE - 1}) "z")`,
  },
  { name: 'pieces of two memories, in turns', fields: TWO_MEMORIES },
  {
    name: 'passive ones in between, which stay',
    fields: `(memory 8) (data "passive") (data (i32.const 0) "${MUCH}") (data $p "more")
      (func (export "f") (memory.init $p (i32.const 500000) (i32.const 1) (i32.const 2)))`,
  },
  {
    name: 'active ones that are used again, which traps',
    fields: `(memory 8) (data $d (i32.const 0) "${MUCH}")
      (func (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))`,
  },
  {
    name: 'active ones that are used for nothing, or dropped, which does not',
    fields: `(memory 8) (data $d (i32.const 0) "${MUCH}")
      (func (export "f") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop $d))`,
  },
]

for (const { name, fields } of TAKEN) {
  test(`${name}: the module does what it did`, () => {
    const { bytes, memories } = prepare(fields)
    const taken = takeOutData(bytes, memories)
    if (taken === undefined) throw new Error('nothing was taken')
    expect(taken.bytes.length).toBeLessThan(bytes.length - MUCH.length)
    const [before, after] = [bytes, taken.bytes].map((one) => {
      const own = memories.map((size) => new WebAssembly.Memory(size))
      if (one === taken.bytes) {
        for (const { memory, offset, bytes: piece } of taken.pieces)
          new Uint8Array(own[memory]?.buffer ?? new ArrayBuffer(0)).set(piece, offset)
      }
      const module = new WebAssembly.Module(one)
      const { exports } = new WebAssembly.Instance(module, { [MEMORY_IMPORT_MODULE]: { ...own } })
      return {
        called: outcome(exports['f'] as (() => void) | undefined),
        contents: own.map(({ buffer }) => Buffer.from(buffer)),
      }
    })
    expect(after?.called).toBe(before?.called)
    for (const [index, contents] of (before?.contents ?? []).entries())
      expect(contents.equals(after?.contents[index] ?? Buffer.of())).toBe(true)
  })
}

const LEFT = [
  { name: 'no data', fields: '(memory 8)' },
  { name: 'little', fields: '(memory 8) (data (i32.const 7) "abc")' },
  { name: 'much, and passive', fields: `(memory 8) (data "${MUCH}")` },
  {
    name: 'pieces that overlap',
    fields: `(memory 8) (data (i32.const 0) "${MUCH}") (data (i32.const 299999) "yy")`,
  },
  {
    name: 'pieces in another order',
    fields: `(memory 8) (data (i32.const 9) "${MUCH}") (data (i32.const 0) "yy")`,
  },
  { name: 'beyond the memory', fields: `(memory 8) (data (i32.const 300000) "${MUCH}")` },
  { name: 'at the end of all addresses', fields: `(memory 8) (data (i32.const -1) "${MUCH}")` },
  {
    name: 'where a global says',
    fields: `(memory 8) (global $g i32 (i32.const 1)) (data (global.get $g) "${MUCH}")`,
  },
]

for (const { name, fields } of LEFT) {
  test(`${name}: the module stays as it is`, () => {
    const { bytes, memories } = prepare(fields)
    expect(takeOutData(bytes, memories)).toBeUndefined()
  })
}

function outcome(called: (() => void) | undefined): string {
  try {
    called?.()
    return 'returned'
  } catch (error) {
    return String(error)
  }
}
