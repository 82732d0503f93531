/**
 * Lists of buffers in guest memory, as reads and writes take them:
 *
 *     iovs -> | buf u32 | len u32 | buf u32 | len u32 | ...
 */
import { IOVEC_BYTES } from './abi.ts'
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** What one buffer takes, and one byte in it: the dearest are random. */
const BUFFER_WORK = 1_000
const BYTE_WORK = 3

export interface Iovecs {
  /** `pointer, length` pairs without the empty ones, cut off at `limits.transferBytes`; all inside memory. */
  readonly pairs: readonly number[]
  /** Bytes in all of them. */
  readonly total: number
}

/**
 * Reads `count` buffers at `iovs`.
 *
 * - FAULT: the list or one of the buffers is not inside guest memory
 * - INVAL: more buffers than `limits.iovecs`
 */
export function readIovecs(host: CallContext, iovs: number, count: number): Iovecs | number {
  const start = iovs >>> 0
  const length = count >>> 0
  const { limits } = host.grants
  if (length > limits.iovecs) return Errno.INVAL
  if (!host.has(start, length * IOVEC_BYTES)) return Errno.FAULT
  const pairs: number[] = []
  let total = 0
  for (let index = 0; index < length; index++) {
    const pointer = host.view.getUint32(start + index * IOVEC_BYTES, true)
    const wanted = host.view.getUint32(start + index * IOVEC_BYTES + 4, true)
    if (!host.has(pointer, wanted)) return Errno.FAULT
    const taken = Math.min(wanted, limits.transferBytes - total)
    if (taken === 0) continue
    pairs.push(pointer, taken)
    total += taken
  }
  host.charge(length * BUFFER_WORK + total * BYTE_WORK)
  return { pairs, total }
}

/**
 * Runs `move` over the buffers from byte `skip` on until it moves less than a whole buffer. `move` gets a view of guest
 * memory and how many bytes were moved before; it returns how many it moved or minus an errno. The sum, or minus an
 * errno if nothing had been moved before it.
 */
export function moveIovecs(
  host: CallContext,
  iovecs: Iovecs,
  move: (part: Uint8Array, before: number) => number,
  skip = 0,
): number {
  let before = 0
  let position = 0
  for (let index = 0; index < iovecs.pairs.length; index += 2) {
    const pointer = iovecs.pairs[index] ?? 0
    const length = iovecs.pairs[index + 1] ?? 0
    const from = Math.max(skip - position, 0)
    position += length
    if (from >= length) continue
    const moved = move(host.bytes.subarray(pointer + from, pointer + length), before)
    if (moved < 0) return before === 0 ? moved : before
    before += moved
    if (moved < length - from) break
  }
  return before
}

/** Copies `bytes`, which must fit, into the buffers. */
export function fillIovecs(host: CallContext, iovecs: Iovecs, bytes: Uint8Array): void {
  moveIovecs(host, iovecs, (part, before) => {
    const chunk = bytes.subarray(before, before + part.length)
    part.set(chunk)
    return chunk.length
  })
}
