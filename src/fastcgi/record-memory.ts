/**
 * The memory records are printed into. Pieces share a slab, of which no byte is handed out twice, but the large ones, and those of the
 * size that most responses need, are used again once the socket has taken what was in them: to make and to collect them costs more than to fill them.
 */
import { KeptMemory } from '../base/kept-memory.ts'

const SLAB_BYTES = 16_384
const MAX_SLAB_PIECE_BYTES = 4096
/** What most responses need. */
export const SMALL_PIECE_BYTES = 1024
/** From this size on a piece is worth being kept, and so is a small one. */
const MIN_KEPT_BYTES = 16_384
/** Sizes of kept pieces are multiples of this. */
const SIZE_STEP_BYTES = 16_384
/** Most that is kept, in a process. */
export const MAX_KEPT_BYTES = 4 * 1024 * 1024

let slab = new Uint8Array(SLAB_BYTES)
let slabUsed = 0

const kept = new KeptMemory(MAX_KEPT_BYTES)

/** The one that was used last comes first: it is in the processor's caches. */
const small: Uint8Array[] = []
const SMALL_PIECES = 256

/** At least `size` bytes. They may hold what was written before. */
export function takePiece(size: number): Uint8Array {
  if (size <= SMALL_PIECE_BYTES) return small.pop() ?? fromSlab(SMALL_PIECE_BYTES)
  if (size <= MAX_SLAB_PIECE_BYTES) return fromSlab(size)
  if (size < MIN_KEPT_BYTES) return new Uint8Array(size)
  const rounded = Math.ceil(size / SIZE_STEP_BYTES) * SIZE_STEP_BYTES
  return kept.take(rounded) ?? new Uint8Array(rounded)
}

/** Whether a piece should be given back. */
export function isKept(piece: Uint8Array): boolean {
  return piece.length >= MIN_KEPT_BYTES || piece.length === SMALL_PIECE_BYTES
}

/** Nobody reads what is in it any more, and whoever had it writes to it no more. Once for each time it was taken. */
export function givePiece(piece: Uint8Array): void {
  if (piece.length >= MIN_KEPT_BYTES) kept.give(piece)
  else if (piece.length === SMALL_PIECE_BYTES && small.length < SMALL_PIECES) small.push(piece)
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
