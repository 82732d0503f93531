/** Element and data segments (core spec 5.5.12, 5.5.14): how many there are and which functions they name. */
import { skipConstantExpression } from './constant-expression.ts'
import { wasmErrorAt } from './errors.ts'
import type { InstructionReader } from './instruction-reader.ts'
import { skipValueType } from './value-types.ts'

const PASSIVE_OR_DECLARED = 1
const HAS_INDEX_OR_DECLARED = 2
const HAS_EXPRESSIONS = 4

/** Reads one element segment, adds the functions it names and returns how many elements it has. */
export function readElementSegment(reader: InstructionReader, referenced: Set<number>): number {
  const at = reader.pos
  const flags = reader.u32()
  if (flags > 7) throw wasmErrorAt('WASM_UNSUPPORTED', `element segment with flags ${flags}`, at)
  if ((flags & PASSIVE_OR_DECLARED) === 0) {
    if (flags & HAS_INDEX_OR_DECLARED) checkIndex(reader, reader.spaces.tables, 'table')
    else if (reader.spaces.tables === 0) throw wasmErrorAt('WASM_MALFORMED', 'table 0 of 0', at)
    skipConstantExpression(reader, referenced)
  }
  const hasType = (flags & (PASSIVE_OR_DECLARED | HAS_INDEX_OR_DECLARED)) !== 0
  if (hasType && flags & HAS_EXPRESSIONS) skipValueType(reader, reader.spaces.types)
  else if (hasType && reader.byte() !== 0) {
    throw wasmErrorAt('WASM_UNSUPPORTED', 'unknown element kind', reader.pos - 1)
  }
  const count = reader.u32()
  if (count > reader.end - reader.pos) throw reader.cutShort()
  for (let index = 0; index < count; index++) {
    if (flags & HAS_EXPRESSIONS) skipConstantExpression(reader, referenced)
    else referenced.add(checkIndex(reader, reader.spaces.functions, 'function'))
  }
  return count
}

/** Steps over one data segment. */
export function skipDataSegment(reader: InstructionReader, referenced: Set<number>): void {
  const at = reader.pos
  const flags = reader.u32()
  if (flags > 2) throw wasmErrorAt('WASM_UNSUPPORTED', `data segment with flags ${flags}`, at)
  if (flags !== 1) {
    if (flags === 2) checkIndex(reader, reader.spaces.memories, 'memory')
    else if (reader.spaces.memories === 0) throw wasmErrorAt('WASM_MALFORMED', 'memory 0 of 0', at)
    skipConstantExpression(reader, referenced)
  }
  reader.skip(reader.u32())
}

function checkIndex(reader: InstructionReader, count: number, kind: string): number {
  const at = reader.pos
  const index = reader.u32()
  if (index >= count) throw wasmErrorAt('WASM_MALFORMED', `${kind} ${index} of ${count}`, at)
  return index
}
