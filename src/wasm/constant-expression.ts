/** Constant expressions (core spec 3.4): initial values of globals, tables and segments. */
import type { InstructionReader } from './instruction-reader.ts'
import { OP } from './opcodes.ts'

/** Steps over an expression and its `end`; adds the functions it refers to. What is constant is V8's to judge. */
export function skipConstantExpression(reader: InstructionReader, referenced: Set<number>): void {
  let depth = 0
  for (;;) {
    const opcode = reader.next()
    if (opcode === OP.end && depth-- === 0) return
    if (opcode === OP.refFunc) referenced.add(reader.a)
    if (opcode === OP.block || opcode === OP.loop || opcode === OP.if || opcode === OP.try) depth++
  }
}
