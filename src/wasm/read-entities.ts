/** The sections that fill the index spaces: imports, tables, memories, globals, tags (core spec 5.5). */
import type { ByteReader } from './byte-reader.ts'
import { skipConstantExpression } from './constant-expression.ts'
import { wasmErrorAt } from './errors.ts'
import type { InstructionReader } from './instruction-reader.ts'
import { skipValueType } from './value-types.ts'
import type { ExternKind, Global, ImportEntry, Limited, Span, Table } from './wasm-module.ts'
import { EXTERN_KINDS } from './wasm-module.ts'

/** Pages of a memory with 32-bit addresses. */
const MAX_PAGES = 65_536
const MAX_ELEMENTS = 2 ** 32 - 1

/** The index spaces while they fill up. */
export interface Entities {
  readonly imports: ImportEntry[]
  readonly functionTypes: number[]
  readonly tables: Table[]
  readonly memories: Limited[]
  readonly globals: Global[]
  readonly tagTypes: number[]
  /** Functions named by constant expressions. */
  readonly referenced: Set<number>
}

export function readImport(reader: ByteReader, into: Entities): void {
  const module = reader.name()
  const name = reader.name()
  const kind = readKind(reader)
  into.imports.push({ module, name, kind })
  switch (kind) {
    case 'function':
      into.functionTypes.push(reader.u32())
      break
    case 'table': {
      const typeSpan = readValueTypeSpan(reader)
      into.tables.push({ ...readLimits(reader, true, MAX_ELEMENTS), typeSpan, initSpan: undefined })
      break
    }
    case 'memory':
      into.memories.push(readLimits(reader, true, MAX_PAGES))
      break
    case 'global': {
      const { typeSpan, mutable } = readGlobalType(reader)
      const initSpan = { start: reader.pos, end: reader.pos }
      into.globals.push({ imported: true, mutable, typeSpan, initSpan })
      break
    }
    case 'tag':
      into.tagTypes.push(readTag(reader))
      break
  }
}

export function readTable(reader: InstructionReader, into: Entities): void {
  if (reader.bytes[reader.pos] !== 0x40) {
    const typeSpan = readValueTypeSpan(reader)
    into.tables.push({ ...readLimits(reader, false, MAX_ELEMENTS), typeSpan, initSpan: undefined })
    return
  }
  reader.pos++
  if (reader.byte() !== 0) throw wasmErrorAt('WASM_MALFORMED', 'table form', reader.pos - 1)
  const typeSpan = readValueTypeSpan(reader)
  const limits = readLimits(reader, false, MAX_ELEMENTS)
  const start = reader.pos
  skipConstantExpression(reader, into.referenced)
  into.tables.push({ ...limits, typeSpan, initSpan: { start, end: reader.pos } })
}

export function readMemory(reader: ByteReader, into: Entities): void {
  into.memories.push(readLimits(reader, false, MAX_PAGES))
}

export function readGlobal(reader: InstructionReader, into: Entities): void {
  const { typeSpan, mutable } = readGlobalType(reader)
  const start = reader.pos
  skipConstantExpression(reader, into.referenced)
  into.globals.push({ imported: false, mutable, typeSpan, initSpan: { start, end: reader.pos } })
}

/** The type index of a tag. */
export function readTag(reader: ByteReader): number {
  if (reader.byte() !== 0)
    throw wasmErrorAt('WASM_UNSUPPORTED', 'unknown tag attribute', reader.pos - 1)
  return reader.u32()
}

export function readKind(reader: ByteReader): ExternKind {
  const at = reader.pos
  const kind = reader.byte()
  const name = EXTERN_KINDS[kind]
  if (name === undefined)
    throw wasmErrorAt('WASM_UNSUPPORTED', `unknown import or export kind ${kind}`, at)
  return name
}

function readGlobalType(reader: ByteReader): { typeSpan: Span; mutable: boolean } {
  const typeSpan = readValueTypeSpan(reader)
  const at = reader.pos
  const flags = reader.byte()
  if (flags === 2 || flags === 3) throw wasmErrorAt('WASM_THREADS', 'shared global', at)
  if (flags > 1) throw wasmErrorAt('WASM_MALFORMED', `global flags ${flags}`, at)
  return { typeSpan, mutable: flags === 1 }
}

function readValueTypeSpan(reader: ByteReader): Span {
  const start = reader.pos
  skipValueType(reader)
  return { start, end: reader.pos }
}

/** Limits of a memory or table. They are rewritten, so V8 does not see the originals: all its rules are checked here. */
function readLimits(reader: ByteReader, imported: boolean, most: number): Limited {
  const at = reader.pos
  const flags = reader.byte()
  if (flags & 0x02) throw wasmErrorAt('WASM_THREADS', 'shared memory or table (threads)', at)
  if (flags & 0x04) throw wasmErrorAt('WASM_MEMORY64', '64-bit memory or table (memory64)', at)
  if (flags > 1) throw wasmErrorAt('WASM_UNSUPPORTED', `limits with flags ${flags}`, at)
  const minimum = reader.u32()
  const maximum = flags === 1 ? reader.u32() : undefined
  if (minimum > (maximum ?? most)) throw wasmErrorAt('WASM_MALFORMED', 'minimum above maximum', at)
  if ((maximum ?? 0) > most) throw wasmErrorAt('WASM_MALFORMED', `maximum above ${most}`, at)
  return { imported, minimum, maximum }
}
