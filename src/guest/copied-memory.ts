/**
 * A small memory's first state, put back by copying.
 *
 * Kept and put back in chunks. A chunk of zeros is not kept, and written only when a run has left something in it: putting
 * back never touches a page that no run has touched, so idle instances cost only the pages they use.
 */
import type { MemorySnapshot } from './memory-snapshot.ts'

/** Small enough that one dirty byte costs little, large enough that the loop does not show. */
const CHUNK_BYTES = 16 * 1024

const ZEROS = Buffer.alloc(CHUNK_BYTES)

/** Copies what `memory` holds now. */
export function copyMemory(memory: WebAssembly.Memory): MemorySnapshot {
  const bytes = Buffer.from(memory.buffer)
  const chunks: Array<Buffer | undefined> = []
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES)
    chunks.push(isZero(chunk) ? undefined : Buffer.from(chunk))
  }
  const byteLength = bytes.length
  const restoreOther = (other: WebAssembly.Memory): boolean =>
    other.buffer.byteLength === byteLength && restore(other.buffer, chunks)
  return { adopt: restoreOther, restore: restoreOther }
}

function restore(buffer: ArrayBuffer, chunks: ReadonlyArray<Buffer | undefined>): boolean {
  const bytes = Buffer.from(buffer)
  for (let index = 0, start = 0; start < bytes.length; index += 1, start += CHUNK_BYTES) {
    const chunk = bytes.subarray(start, start + CHUNK_BYTES)
    const wanted = chunks[index]
    if (wanted !== undefined) chunk.set(wanted)
    else if (!isZero(chunk)) chunk.fill(0)
  }
  return true
}

function isZero(chunk: Buffer): boolean {
  return chunk.equals(chunk.length === CHUNK_BYTES ? ZEROS : ZEROS.subarray(0, chunk.length))
}
