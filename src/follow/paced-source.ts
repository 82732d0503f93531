/** Gives up on a file that comes too slowly: others wait for its turn. */
import type { Clock } from '../base/clock.ts'
import type { ReplicaSource } from '../store/replica-source.ts'
import { noSource } from './errors.ts'

/** Whatever the size, in milliseconds; and from then on so many bytes a second, on average. */
const PATIENCE_MS = 60_000
const LEAST_BYTES_A_SECOND = 8 * 1024

/** The source, with files that reject with FOLLOW_NO_SOURCE when they drip. */
export function paced(source: ReplicaSource, clock: Clock): ReplicaSource {
  const { name } = source
  return {
    name,
    list: (folder) => source.list(folder),
    read: (path, maxBytes) => source.read(path, maxBytes),
    stream: async (path, maxBytes) => {
      const fromMs = clock.nowMs()
      const pieces = await source.stream(path, maxBytes)
      return pieces && atPace(pieces, { name, path, clock, fromMs })
    },
  }
}

interface Reading {
  readonly name: string
  readonly path: string
  readonly clock: Clock
  readonly fromMs: number
}

async function* atPace(
  pieces: AsyncIterable<Uint8Array>,
  { name, path, clock, fromMs }: Reading,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    const tookMs = clock.nowMs() - fromMs
    if (tookMs > PATIENCE_MS + (bytes / LEAST_BYTES_A_SECOND) * 1000) {
      throw noSource(name, `${path}: ${bytes} bytes in ${Math.round(tookMs / 1000)} s`)
    }
    yield piece
  }
}
