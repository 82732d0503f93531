/**
 * Unpacks archives of an artifact into a folder that nobody else writes to. Plain files and folders only, below that
 * folder, each once, so many and so large: there is no link in there that a later path could lead through.
 */

import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { systemCodeOf } from '../base/errors.ts'
import { OciError, ociFileError, ociLimitError, printable } from './errors.ts'
import { isInnerPath } from './inner-path.ts'
import type { OciLimits } from './limits.ts'
import { readTar, type TarEntry } from './tar-reader.ts'

/** One for an artifact: counts over all its archives. */
export class Unpacker {
  readonly #folder: string
  readonly #limits: OciLimits
  #entries = 0
  #bytes = 0

  /** `folder`: there, and empty. */
  constructor(folder: string, limits: OciLimits) {
    this.#folder = folder
    this.#limits = limits
  }

  /** `path`: a gzipped tar archive. Rejects with OCI_BAD_ARCHIVE, OCI_LIMIT_EXCEEDED, OCI_IO. */
  async unpack(path: string): Promise<void> {
    try {
      await pipeline(
        createReadStream(path),
        createGunzip(),
        async (chunks: AsyncIterable<Buffer>) => {
          const counted = this.#counted(chunks)
          for await (const entry of readTar(counted)) await this.#write(entry)
          // What comes after the end counts as well, and is nothing to us.
          for await (const _ of counted);
        },
      )
    } catch (cause) {
      throw isGzipError(cause)
        ? badArchive('it', 'is no gzip', 'a tar archive in gzip')
        : ociFileError(`unpack ${path}`, cause)
    }
  }

  async *#counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.#bytes += chunk.length
      this.#check('unpackedBytes', this.#bytes)
      yield chunk
    }
  }

  async #write(entry: TarEntry): Promise<void> {
    this.#entries += 1
    this.#check('entries', this.#entries)
    const path = entry.path.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '')
    const shown = JSON.stringify(printable(entry.path))
    if (entry.kind === 'other')
      throw badArchive(shown, `is ${entry.type}`, 'files and folders only')
    if (entry.kind === 'folder' && (path === '' || path === '.')) return
    this.#check('pathBytes', Buffer.byteLength(path))
    if (!isInnerPath(path))
      throw badArchive(shown, 'leads out of it or is no name', 'a path inside')
    this.#check('pathDepth', path.split('/').length)
    const to = join(this.#folder, path)
    try {
      await mkdir(entry.kind === 'folder' ? to : dirname(to), { recursive: true })
      if (entry.kind === 'file') await writeNew(to, entry.contents())
    } catch (cause) {
      const isTaken = ['EEXIST', 'ENOTDIR', 'EISDIR'].includes(systemCodeOf(cause))
      throw isTaken ? badArchive(shown, 'is there twice', 'each name once') : cause
    }
  }

  #check(limit: 'unpackedBytes' | 'entries' | 'pathBytes' | 'pathDepth', actual: number): void {
    const wanted = this.#limits[limit]
    if (actual > wanted) throw ociLimitError('unpack the artifact', { limit, actual, wanted })
  }
}

/** Writes a file that must not be there yet. */
async function writeNew(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, 'wx')
  try {
    for await (const chunk of chunks) await file.writeFile(chunk)
  } finally {
    await file.close()
  }
}

function isGzipError(error: unknown): boolean {
  return !(error instanceof OciError) && systemCodeOf(error).startsWith('Z_')
}

function badArchive(what: string, actual: string, wanted: string): OciError {
  return new OciError('OCI_BAD_ARCHIVE', `Cannot unpack ${what}: it ${actual}, wanted ${wanted}`)
}
