/** Reads a stream to its end, and writes one that is complete, for an engine that cannot stop in between. */
import type { ByteSink, ByteSource } from '../../base/byte-stream.ts'

/** Calls `register` with what to call when it makes sense to go on; resolves then. Never: the run is over. */
export type Wait = (register: (wake: () => void) => void) => Promise<void>

/** Bytes asked for at a time. */
const CHUNK_BYTES = 64 * 1024

/** Everything up to the end of the stream; undefined: there are more than `maxBytes`. */
export async function readWhole(
  source: ByteSource,
  maxBytes: number,
  wait: Wait,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for (;;) {
    const chunk = source.read(CHUNK_BYTES)
    if (chunk === undefined) return Buffer.concat(chunks)
    if (chunk.length === 0) {
      await wait((wake) => source.onReadable(wake))
      continue
    }
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
}

/** Writes all of `bytes`, as fast as `sink` takes them. */
export async function writeWhole(sink: ByteSink, bytes: Uint8Array, wait: Wait): Promise<void> {
  let rest = bytes
  while (rest.length > 0) {
    const taken = sink.write(rest)
    if (taken === 0) await wait((wake) => sink.onWritable(wake))
    rest = rest.subarray(taken)
  }
}
