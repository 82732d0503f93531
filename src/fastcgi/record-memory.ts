/**
 * The memory records are printed into. Small pieces share a slab, of which no byte is handed out twice. Large ones are used again
 * once the socket has taken what was in them: to make and to collect them costs a download more than to fill them.
 */
import { KeptMemory } from '../base/kept-memory.ts'

const SLAB_BYTES = 16_384
const MAX_SLAB_PIECE_BYTES = 4096
/** From this size on a piece is worth being kept. */
const MIN_KEPT_BYTES = 16_384
/** Sizes of kept pieces are multiples of this. */
const SIZE_STEP_BYTES = 16_384
/** Most that is kept, in a process. */
export const MAX_KEPT_BYTES = 4 * 1024 * 1024

export interface Piece {
  readonly bytes: Uint8Array
  /** Whether it may hold something that was written before; else it is zero. */
  readonly isUsed: boolean
  /** Whether it should be given back. */
  readonly isKept: boolean
}

let slab = new Uint8Array(SLAB_BYTES)
let slabUsed = 0

const kept = new KeptMemory(MAX_KEPT_BYTES)

/** At least `size` bytes. */
export function takePiece(size: number): Piece {
  if (size <= MAX_SLAB_PIECE_BYTES) return { bytes: fromSlab(size), isUsed: false, isKept: false }
  if (size < MIN_KEPT_BYTES) return { bytes: new Uint8Array(size), isUsed: false, isKept: false }
  const rounded = Math.ceil(size / SIZE_STEP_BYTES) * SIZE_STEP_BYTES
  const used = kept.take(rounded)
  if (used !== undefined) return { bytes: used, isUsed: true, isKept: true }
  return { bytes: new Uint8Array(rounded), isUsed: false, isKept: true }
}

/** Nobody reads what is in it any more, and whoever had it writes to it no more. Once for each time it was taken. */
export function givePiece({ bytes, isKept }: Piece): void {
  if (isKept) kept.give(bytes)
}

function fromSlab(size: number): Uint8Array {
  if (slabUsed + size > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    slabUsed = 0
  }
  const piece = slab.subarray(slabUsed, slabUsed + size)
  slabUsed += size
  return piece
}
