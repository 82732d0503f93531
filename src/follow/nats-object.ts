/**
 * Writes an object as the library of object stores does, in a fraction of its time: the digest is computed by the system's code, and no piece waits
 * until the servers have taken the one before.
 */
import { createHash } from 'node:crypto'
import { noSource } from './errors.ts'
import type { NatsLink } from './nats-link.ts'

/** Of a piece; less where the server takes less. */
const CHUNK_BYTES = 512 * 1024

/** Pieces that no server has answered for yet. */
const CHUNKS_AT_ONCE = 8

export interface NewObject {
  readonly name: string
  readonly contents: AsyncIterable<Uint8Array>
  /** Under which name its pieces are that it takes the place of. */
  readonly replaced: string | undefined
}

/** Resolves when it is there, whole. Rejects with `FollowError`, and as the library does: what was there is still there. */
export async function putObject(
  { client, connection, manager }: NatsLink,
  bucket: string,
  { name, contents, replaced }: NewObject,
): Promise<void> {
  const { headers, nuid } = await import('@nats-io/transport-node')
  const stream = `OBJ_${bucket}`
  const prefix = `$O.${bucket}`
  const id = nuid.next()
  const hash = createHash('sha256')
  const under = new Set<Promise<void>>()
  const maxBytes = Math.min(CHUNK_BYTES, connection.info?.max_payload ?? CHUNK_BYTES)
  /** Where each piece is in the stream. */
  const places: number[] = []
  let [size, chunks] = [0, 0]
  const send = async (piece: Uint8Array, number: number): Promise<void> => {
    const { seq } = await client.publish(`${prefix}.C.${id}`, piece)
    places[number] = seq
  }
  try {
    for await (const piece of piecesOf(contents, maxBytes)) {
      hash.update(piece)
      size += piece.length
      const sent = send(piece, chunks)
      chunks += 1
      under.add(sent)
      // Whoever waits for all of them hears of it.
      sent.then(
        () => under.delete(sent),
        () => undefined,
      )
      if (under.size >= CHUNKS_AT_ONCE) await Promise.race(under)
    }
    await Promise.all(under)
    // Nobody promises that what one connection sends is taken in its order.
    const isInOrder = places.every((place, number) => place > (places[number - 1] ?? 0))
    if (!isInOrder) throw noSource(bucket, 'pieces were taken out of order')
    const info = {
      ...{ name, description: '', bucket, nuid: id, size, chunks, deleted: false },
      options: { max_chunk_size: maxBytes },
      digest: `SHA-256=${urlText(hash.digest())}`,
    }
    const rollup = headers()
    rollup.set('Nats-Rollup', 'sub')
    const subject = `${prefix}.M.${urlText(Buffer.from(name))}`
    await client.publish(subject, JSON.stringify(info), { headers: rollup })
  } catch (error) {
    await Promise.allSettled(under)
    await manager.streams.purge(stream, { filter: `${prefix}.C.${id}` }).catch(() => undefined)
    throw error
  }
  if (replaced === undefined) return
  // What cannot be removed now takes space, and nothing else.
  await manager.streams.purge(stream, { filter: `${prefix}.C.${replaced}` }).catch(() => undefined)
}

/** As many bytes each, but for the last one. */
async function* piecesOf(
  contents: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const part of contents) {
    let rest = part
    while (length + rest.length >= bytes) {
      const taken = bytes - length
      parts.push(rest.subarray(0, taken))
      yield Buffer.concat(parts)
      rest = rest.subarray(taken)
      parts = []
      length = 0
    }
    if (rest.length > 0) parts.push(rest)
    length += rest.length
  }
  if (length > 0) yield Buffer.concat(parts)
}

/** With its padding, as the library has it. */
function urlText(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
