/** All of what a source gives, for those who want it in one piece. */
import type { ByteSource } from './byte-stream.ts'

const CHUNK_BYTES = 65_536

/** Reads a source as it comes; the function returned reads what is left and gives everything. */
export function collectSource(source: ByteSource): () => Buffer {
  const chunks: Uint8Array[] = []
  const drain = (): void => {
    for (;;) {
      const bytes = source.read(CHUNK_BYTES)
      if (bytes === undefined) return
      if (bytes.length === 0) {
        source.onReadable(drain)
        return
      }
      chunks.push(bytes)
    }
  }
  drain()
  return () => {
    drain()
    return Buffer.concat(chunks)
  }
}
