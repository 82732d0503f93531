/**
 * What threads share of the types of functions that they have given to V8 (`type-book.ts`):
 *
 *     count (4 bytes), 4 bytes of nothing, key (16), then a hash of each type (8 bytes each)
 *
 * The memory behind it is the system's until it is written to.
 */
import { randomFillSync } from 'node:crypto'

/** Half of what V8 takes: its own are among those, and two threads may count at a time. */
export const MOST_TYPES = 1_000_000
export const KEY_BYTES = 16
export const KEY_AT = 8
export const HASHES_AT: number = KEY_AT + KEY_BYTES

/** `most`: types that may be in it. */
export function makeTypeList(most: number = MOST_TYPES): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(HASHES_AT + most * Float64Array.BYTES_PER_ELEMENT)
  // Or somebody could make types that count as one.
  randomFillSync(new Uint8Array(buffer, KEY_AT, KEY_BYTES))
  return buffer
}
