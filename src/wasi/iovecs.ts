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

/**
 * Reads `count` buffers at `iovs` into `host.iovecs`. SUCCESS, or:
 *
 * - FAULT: the list or one of the buffers is not inside guest memory
 * - INVAL: more buffers than `limits.iovecs`
 */
export function readIovecs(host: CallContext, iovs: number, count: number): number {
  const start = iovs >>> 0
  const length = count >>> 0
  const { iovecs, view } = host
  const { limits } = host.grants
  iovecs.count = 0
  iovecs.total = 0
  if (length > limits.iovecs) return Errno.INVAL
  if (!host.has(start, length * IOVEC_BYTES)) return Errno.FAULT
  for (let index = 0; index < length; index++) {
    const pointer = view.getUint32(start + index * IOVEC_BYTES, true)
    const wanted = view.getUint32(start + index * IOVEC_BYTES + 4, true)
    if (!host.has(pointer, wanted)) return Errno.FAULT
    const taken = Math.min(wanted, limits.transferBytes - iovecs.total)
    if (taken > 0) iovecs.add(pointer, taken)
  }
  host.charge(length * BUFFER_WORK + iovecs.total * BYTE_WORK)
  return Errno.SUCCESS
}

/**
 * Runs `move` over the buffers from byte `skip` on until it moves less than a whole buffer. `move` gets a view of guest
 * memory and how many bytes were moved before; it returns how many it moved or minus an errno. The sum, or minus an
 * errno if nothing had been moved before it.
 */
export function moveIovecs(
  host: CallContext,
  move: (part: Uint8Array, before: number) => number,
  skip = 0,
): number {
  const { iovecs } = host
  let before = 0
  let position = 0
  for (let index = 0; index < iovecs.count; index += 1) {
    const pointer = iovecs.pointers[index] ?? 0
    const length = iovecs.lengths[index] ?? 0
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
export function fillIovecs(host: CallContext, bytes: Uint8Array): void {
  moveIovecs(host, (part, before) => {
    const chunk = bytes.subarray(before, before + part.length)
    part.set(chunk)
    return chunk.length
  })
}
