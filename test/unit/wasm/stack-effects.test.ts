/** What every instruction takes from the stack and puts there is what V8 says, however many instructions there are. */
import { expect, test } from 'vitest'
import { IMMEDIATE, IMMEDIATE_OF } from '../../../src/wasm/opcodes.ts'
import { POPS, PUSHES } from '../../../src/wasm/stack-effects.ts'
import { sections } from './modules.ts'

const NOUGHTS: Readonly<Record<number, number>> = {
  [IMMEDIATE.none]: 0,
  [IMMEDIATE.global]: 1,
  [IMMEDIATE.table]: 1,
  [IMMEDIATE.memoryArgument]: 2,
  [IMMEDIATE.memory]: 1,
  [IMMEDIATE.i32]: 1,
  [IMMEDIATE.i64]: 1,
  [IMMEDIATE.bytes4]: 4,
  [IMMEDIATE.bytes8]: 8,
  [IMMEDIATE.bytes16]: 16,
  [IMMEDIATE.lane]: 1,
  [IMMEDIATE.memoryArgumentLane]: 3,
  [IMMEDIATE.memoryInit]: 2,
  [IMMEDIATE.data]: 1,
  [IMMEDIATE.memoryCopy]: 2,
  [IMMEDIATE.tableInit]: 2,
  [IMMEDIATE.element]: 1,
  [IMMEDIATE.tableCopy]: 2,
}

/** else, throw_ref, end, return, catch_all: control, see compile-work.ts. */
const CONTROL = new Set([0x05, 0x0a, 0x0b, 0x0f, 0x19])
/** References of other types than the operands below. */
const OTHER_TYPES = new Set([0xd3, 0xfb1a, 0xfb1b, 0xfb1d, 0xfb1e])
/** i32 i64 f32 f64 v128 funcref */
const TYPES = [0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70]
const OPERANDS = [
  [],
  ...TYPES.map((a) => [a]),
  ...TYPES.flatMap((a) => TYPES.map((b) => [a, b])),
  ...TYPES.flatMap((a) => TYPES.flatMap((b) => TYPES.map((c) => [a, b, c]))),
]

function bytesOf(opcode: number): number[] {
  if (opcode < 0x100) return [opcode]
  const prefix = opcode >= 0xfd00 ? 0xfd : opcode >> 8
  const rest = opcode - (prefix << 8)
  return [prefix, ...(rest < 0x80 ? [rest] : [(rest & 0x7f) | 0x80, rest >> 7])]
}

/** Whether V8 takes the instruction with these operands when the function has nothing left after `results` drops. */
function isValid(operands: readonly number[], code: readonly number[], results: number): boolean {
  const gets = operands.flatMap((_, local) => [0x20, local])
  const body = [0, ...gets, ...code, ...new Array<number>(results).fill(0x1a), 0x0b]
  return WebAssembly.validate(
    sections(
      ...[
        [1, 1, 0x60, operands.length, ...operands, 0],
        [3, 1, 0],
        [4, 1, 0x70, 0, 1],
        [5, 1, 0, 1],
      ],
      ...[
        [6, 1, 0x7f, 1, 0x41, 0, 0x0b],
        [9, 1, 1, 0, 1, 0],
        [12, 1],
        [10, 1, body.length, ...body],
      ],
      [11, 1, 1, 0],
    ),
  )
}

function effectOf(code: readonly number[]): readonly number[] | undefined {
  for (const operands of OPERANDS) {
    for (const results of [0, 1]) {
      if (isValid(operands, code, results)) return [operands.length, results]
    }
  }
  return undefined
}

test('operands and results are as V8 has them', () => {
  let checked = 0
  for (const [opcode, kind] of IMMEDIATE_OF.entries()) {
    const noughts = NOUGHTS[kind]
    if (noughts === undefined || CONTROL.has(opcode)) continue
    const effect = effectOf([...bytesOf(opcode), ...new Array<number>(noughts).fill(0)])
    if (effect === undefined) {
      // A vector opcode that is not assigned; any other has been tried with all its operands.
      expect([opcode.toString(16), opcode >= 0xfd00 || OTHER_TYPES.has(opcode)]).toContain(true)
      continue
    }
    expect([opcode.toString(16), POPS[opcode], PUSHES[opcode]]).toEqual([
      opcode.toString(16),
      ...effect,
    ])
    checked++
  }
  expect(checked).toBeGreaterThan(400)
})
