/**
 * Reads files of images. A small one is read whole, checked against its digest, and kept in memory under that digest for
 * everybody who has the same. A larger one is read in chunks, and is open only while a chunk is read: a client that is slow
 * to take it holds no descriptor. That is right because images never change.
 */
import { openWithin } from '../../base/open-within.ts'
import { Turns } from '../../base/turns.ts'
import { digestOf } from '../../store/digest.ts'
import type { ImageFile } from '../../store/release.ts'
import { ImageCache, type ImageCacheLimits } from '../../wasi/image-cache.ts'
import { GatewayError } from '../errors.ts'
import type { FilePart } from './static-response.ts'

export interface FileReaderLimits {
  /** What is kept in memory; `fileBytes` is also the most that is read at once. */
  readonly cache: ImageCacheLimits
  /** Files open at once. */
  readonly openFiles: number
}

export const DEFAULT_FILE_READER_LIMITS: FileReaderLimits = {
  cache: { bytes: 16 * 1024 * 1024, files: 4096, fileBytes: 64 * 1024 },
  openFiles: 32,
}

export class FileReader {
  readonly #chunkBytes: number
  readonly #cache: ImageCache
  readonly #turns: Turns

  constructor({ cache, openFiles }: FileReaderLimits = DEFAULT_FILE_READER_LIMITS) {
    this.#chunkBytes = cache.fileBytes
    this.#cache = new ImageCache(cache)
    this.#turns = new Turns(openFiles)
  }

  /**
   * Bytes of a file from the start of the part on: at least one, and no more than the part. At once where they are in memory.
   * `root`: the image's folder. Not to be written to. Rejects with GATEWAY_FILE_UNREADABLE.
   */
  read(root: string, { file, start, end }: FilePart): Uint8Array | Promise<Uint8Array> {
    if (file.bytes > this.#chunkBytes) {
      const bytes = Math.min(end - start, this.#chunkBytes)
      return this.#turns.take(() => readPart(root, file, { start, bytes }))
    }
    const cached = this.#cache.get(file.digest)
    if (cached !== undefined) return cached.subarray(start, end)
    return this.#readWhole(root, file).then((contents) => contents.subarray(start, end))
  }

  async #readWhole(root: string, file: ImageFile): Promise<Uint8Array> {
    const whole = { start: 0, bytes: file.bytes }
    const contents = await this.#turns.take(() => readPart(root, file, whole))
    // What others are given under this digest must have it.
    if (digestOf(contents) !== file.digest) throw unreadable(file, 'its bytes have another digest')
    this.#cache.set(file.digest, contents)
    return contents
  }
}

async function readPart(
  root: string,
  file: ImageFile,
  { start, bytes }: { readonly start: number; readonly bytes: number },
): Promise<Uint8Array> {
  try {
    using opened = openWithin(root, file.path, 'refuse')
    const { size } = opened.stats
    if (size !== file.bytes) throw unreadable(file, `${size} bytes`)
    const part = Buffer.allocUnsafeSlow(bytes)
    const length = await opened.fill(part, start)
    if (length < bytes) throw unreadable(file, `it ends after ${start + length} bytes`)
    return part
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    throw unreadable(file, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function unreadable({ path, bytes, digest }: ImageFile, actual: string, cause?: unknown) {
  return new GatewayError(
    'GATEWAY_FILE_UNREADABLE',
    `Cannot send ${path} of a release: ${actual}, wanted ${bytes} bytes with digest ${digest}`,
    { cause },
  )
}
