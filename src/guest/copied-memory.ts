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

/** To how much a memory may have grown to be put back: more than that takes longer to look at than to make anew. */
const COMPARED_BYTES = 512 * 1024

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
  return {
    ...{ length: byteLength, mappings: 0 },
    adopt: (other) => {
      // Made once: they cost more than what most runs leave to be put back.
      let parts: readonly Part[] = []
      const putBack = (): boolean => {
        // What a memory was is empty when it has grown, by no page too.
        if ((parts[0]?.target.length ?? 0) === 0) {
          const grown = Buffer.from(other.buffer)
          if (grown.length !== byteLength && grown.length > COMPARED_BYTES) return false
          parts = partsOf(grown, [...pieces, ...zeroPieces(byteLength, grown.length)])
        }
        for (const { target, bytes } of parts) {
          if (bytes !== undefined) target.set(bytes)
          else if (!isZero(target)) target.fill(0)
        }
        return true
      }
      return putBack() ? putBack : undefined
    },
  }
}

/** A piece in a memory. */
interface Part {
  readonly target: Buffer
  readonly bytes: Uint8Array | undefined
}

function partsOf(memory: Buffer, pieces: readonly Piece[]): readonly Part[] {
  return pieces.map(({ start, end, bytes }) => ({ target: memory.subarray(start, end), bytes }))
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

function zeroPieces(from: number, to: number): readonly Piece[] {
  const pieces: Piece[] = []
  for (let start = from; start < to; start += ZERO_PIECE_BYTES)
    pieces.push({ start, end: Math.min(to, start + ZERO_PIECE_BYTES), bytes: undefined })
  return pieces
}

function isZero(piece: Buffer): boolean {
  return piece.equals(piece.length === ZERO_PIECE_BYTES ? ZEROS : ZEROS.subarray(0, piece.length))
}
