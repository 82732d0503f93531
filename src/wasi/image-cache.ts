/** Contents of files seen through read-only images, shared by all requests and tenants, the least recently used dropped first. */

export interface ImageCacheLimits {
  /** Bytes of all contents together. */
  readonly bytes: number
  /** Files at once. */
  readonly files: number
  /** Bytes of one file; larger ones are read from disk every time. */
  readonly fileBytes: number
}

export const DEFAULT_IMAGE_CACHE_LIMITS: ImageCacheLimits = {
  bytes: 64 * 1024 * 1024,
  files: 8192,
  fileBytes: 4 * 1024 * 1024,
}

export class ImageCache {
  readonly limits: ImageCacheLimits
  /** Oldest use first. */
  readonly #contents = new Map<string, Uint8Array>()
  #bytes = 0

  constructor(limits: ImageCacheLimits = DEFAULT_IMAGE_CACHE_LIMITS) {
    this.limits = limits
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  /** The contents under a key that changes whenever they do. Not to be written to. */
  get(key: string): Uint8Array | undefined {
    const contents = this.#contents.get(key)
    if (contents === undefined) return undefined
    this.#contents.delete(key)
    this.#contents.set(key, contents)
    return contents
  }

  /** Takes over `contents`, unless they are over the limits. */
  set(key: string, contents: Uint8Array): void {
    const { bytes, files, fileBytes } = this.limits
    if (contents.length > Math.min(fileBytes, bytes) || files === 0) return
    this.#drop(key)
    this.#contents.set(key, contents)
    this.#bytes += contents.length
    for (const oldest of this.#contents.keys()) {
      if (this.#bytes <= bytes && this.#contents.size <= files) break
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    const contents = this.#contents.get(key)
    if (contents === undefined) return
    this.#contents.delete(key)
    this.#bytes -= contents.length
  }
}
