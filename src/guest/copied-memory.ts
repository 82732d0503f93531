/**
 * A small memory's first state, put back by copying.
 *
 * Pages of zeros are not kept, and written only when a run has left something in them: putting back never touches a page
 * that no run has touched, so idle instances cost only the pages they use.
 */
import type { MemorySnapshot } from './memory-snapshot.ts'

/** What the system gives memory in. */
const PAGE_BYTES = 4096

/** Zeros are looked at in pieces: small enough that one dirty byte costs little, large enough that the loop does not show. */
const ZERO_PIECE_BYTES = 16 * 1024

const ZEROS = Buffer.alloc(ZERO_PIECE_BYTES)

/** A part of the memory; without `bytes` it is all zeros. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array | undefined
}

/** Copies what `memory` holds now. */
export function copyMemory(memory: WebAssembly.Memory): MemorySnapshot {
  const { byteLength } = memory.buffer
  const pieces = piecesOf(Buffer.from(memory.buffer))
  const restore = (other: WebAssembly.Memory): boolean => {
    if (other.buffer.byteLength !== byteLength) return false
    const target = Buffer.from(other.buffer)
    for (const { start, end, bytes } of pieces) {
      if (bytes !== undefined) target.set(bytes, start)
      else if (!isZero(target.subarray(start, end))) target.fill(0, start, end)
    }
    return true
  }
  return { mappings: 0, adopt: (memory) => (restore(memory) ? () => restore(memory) : undefined) }
}

function piecesOf(contents: Buffer): readonly Piece[] {
  const pieces: Piece[] = []
  for (let start = 0; start < contents.length; ) {
    const isZeros = isZero(contents.subarray(start, start + PAGE_BYTES))
    const limit = isZeros ? start + ZERO_PIECE_BYTES : contents.length
    let end = start + PAGE_BYTES
    while (end < limit && end < contents.length) {
      if (isZero(contents.subarray(end, end + PAGE_BYTES)) !== isZeros) break
      end += PAGE_BYTES
    }
    const bytes = isZeros ? undefined : Uint8Array.from(contents.subarray(start, end))
    pieces.push({ start, end, bytes })
    start = end
  }
  return pieces
}

function isZero(piece: Buffer): boolean {
  return piece.equals(piece.length === ZERO_PIECE_BYTES ? ZEROS : ZEROS.subarray(0, piece.length))
}
