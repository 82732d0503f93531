/** Digests as registries write them: `sha256:` and 64 hexadecimal digits (image-spec, descriptor.md). */
import { createHash } from 'node:crypto'

export type Digest = `sha256:${string}`

/** Which bytes are meant. */
export interface BlobName {
  readonly digest: Digest
  readonly size: number
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** Whether that is a digest that can be checked here: registries know of other algorithms, hardly anybody uses them. */
export function isDigest(value: unknown): value is Digest {
  return typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value)
}

/** Takes bytes as they pass. */
export class DigestMaker {
  readonly #hash = createHash('sha256')
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#bytes += chunk.length
  }

  /** Once. */
  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`
  }
}
