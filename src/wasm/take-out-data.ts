/**
 * Takes the data of a module's memories out of it: what instantiating would copy into them, in one step that holds up everybody
 * who waits for the thread. Who has it puts it there in another way.
 *
 *     data segment, active:   0  i32.const offset end  n  bytes    ->    1  0
 *
 * What is left is an empty passive segment, and so behaves to `memory.init` and `data.drop` as an active one does after the start.
 */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { MemorySize } from './import-memories.ts'
import { DEFAULT_MODULE_LIMITS } from './limits.ts'
import { OP } from './opcodes.ts'
import { HEADER, splitSections } from './sections.ts'
import { SECTION, type Section } from './wasm-module.ts'

/** Less is copied in a fraction of a millisecond. */
const LEAST_BYTES = 256 * 1024

const PASSIVE = 1
const HAS_MEMORY = 2
const PAGE_BYTES = 65_536

/** What a memory has at `offset` from the start. */
export interface DataPiece {
  /** Its index. */
  readonly memory: number
  readonly offset: number
  readonly bytes: Uint8Array
}

interface TakenOut {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Those of a memory by offset; none overlaps another. */
  readonly pieces: readonly DataPiece[]
}

/**
 * undefined: it is too little to matter, or the data overlaps, reaches beyond its memory (which is V8's to refuse) or lies where
 * only an instance can say. Throws `WasmError`.
 */
export function takeOutData(
  module: Uint8Array<ArrayBuffer>,
  memories: readonly MemorySize[],
): TakenOut | undefined {
  const sections = splitSections(module, DEFAULT_MODULE_LIMITS)
  const data = sections.find(({ id }) => id === SECTION.data)
  if (data === undefined || data.end - data.contents < LEAST_BYTES) return undefined
  const contents = new ByteWriter(64)
  const pieces = takePieces(new ByteReader(module, data.contents, data.end), contents)
  if (pieces === undefined || !areApart(pieces, memories)) return undefined
  if (pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) < LEAST_BYTES) return undefined
  return { bytes: withData(module, sections, contents.view()), pieces }
}

/** Writes the section without them to `rest`. */
function takePieces(reader: ByteReader, rest: ByteWriter): DataPiece[] | undefined {
  const pieces: DataPiece[] = []
  const count = reader.u32()
  rest.u32(count)
  for (let index = 0; index < count; index++) {
    const start = reader.pos
    const flags = reader.u32()
    const memory = flags === HAS_MEMORY ? reader.u32() : 0
    const offset = flags === PASSIVE ? 0 : readOffset(reader)
    if (offset === undefined) return undefined
    const length = reader.u32()
    const from = reader.pos
    reader.skip(length)
    if (flags === PASSIVE) {
      rest.copy(reader.bytes, start, reader.pos)
      continue
    }
    pieces.push({ memory, offset, bytes: reader.bytes.subarray(from, reader.pos) })
    rest.u32(PASSIVE)
    rest.u32(0)
  }
  return pieces
}

/** undefined: it is not a plain number. */
function readOffset(reader: ByteReader): number | undefined {
  if (reader.byte() !== OP.i32Const) return undefined
  const offset = reader.s33()
  // Addresses have no sign.
  return reader.byte() === OP.end ? offset >>> 0 : undefined
}

function areApart(pieces: readonly DataPiece[], memories: readonly MemorySize[]): boolean {
  const ends = memories.map(() => 0)
  for (const { memory, offset, bytes } of pieces) {
    const size = (memories[memory]?.initial ?? 0) * PAGE_BYTES
    const end = offset + bytes.length
    if (end > size || offset < (ends[memory] ?? 0)) return false
    ends[memory] = end
  }
  return true
}

function withData(
  module: Uint8Array,
  sections: readonly Section[],
  contents: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(module.length)
  out.append(HEADER)
  for (const { id, start, end } of sections) {
    if (id !== SECTION.data) {
      out.copy(module, start, end)
      continue
    }
    out.byte(id)
    out.u32(contents.length)
    out.append(contents)
  }
  return out.view()
}
