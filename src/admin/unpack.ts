/**
 * Unpacks a tar archive that a stranger has sent into a private folder: plain files and folders only, under names that stay
 * in it, and no more of anything than the limits say, counted as it comes. No link is ever made, so no name leads through one.
 */
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { Parser, ReadEntry } from 'tar'
import { AdminError, archiveLimitError } from './errors.ts'
import type { AdminLimits } from './limits.ts'

export interface UnpackOptions {
  /** Whether the archive is gzipped. */
  readonly isGzipped: boolean
  readonly limits: Pick<
    AdminLimits,
    'unpackedBytes' | 'ratio' | 'ratioFreeBytes' | 'entries' | 'entryPathBytes' | 'entryDepth'
  >
}

/** Bytes of a name that does not fit into a header. */
const MAX_META_BYTES = 64 * 1024

const BLOCK_BYTES = 512
/** POSIX.1-1988: where the header says that it is one. */
const MAGIC = { at: 257, text: 'ustar' }
const GZIP_MAGIC = [0x1f, 0x8b]

/** `folder` must be there and empty. Rejects with ADMIN_BAD_ARCHIVE, ADMIN_BAD_ENTRY, ADMIN_ARCHIVE_LIMIT, or as `archive` does. */
export async function unpack(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { isGzipped, limits }: UnpackOptions,
): Promise<void> {
  const counts = new Counts(limits)
  const extraction = new Extraction(folder, counts)
  try {
    if (isGzipped) await unzip(archive, counts, extraction)
    else for await (const chunk of archive) await extraction.write(counts.unpacked(chunk))
    await extraction.end()
  } catch (error) {
    await extraction.abandon()
    throw error
  }
}

async function unzip(
  archive: AsyncIterable<Uint8Array>,
  counts: Counts,
  extraction: Extraction,
): Promise<void> {
  let broken: unknown
  const packed = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of archive) yield counts.packed(chunk)
    } catch (error) {
      // What is wrong with the upload comes first: the decompressor would say that its input is cut.
      broken = error
      throw error
    }
  }
  let refused: unknown
  const take = async (chunk: Uint8Array): Promise<void> => {
    try {
      await extraction.write(counts.unpacked(chunk))
    } catch (error) {
      // What is left of the upload ends with an error of its own then.
      refused = broken ?? error
      throw error
    }
  }
  const gunzip = createGunzip()
  try {
    await pipeline(Readable.from(packed()), gunzip, async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) await take(chunk)
    })
  } catch (error) {
    throw refused ?? broken ?? asBadArchive(error)
  }
}

/** What has come so far, and how much more may. */
class Counts {
  readonly limits: UnpackOptions['limits']
  #packedBytes = 0
  #unpackedBytes = 0
  #entries = 0

  constructor(limits: UnpackOptions['limits']) {
    this.limits = limits
  }

  packed(chunk: Uint8Array): Uint8Array {
    this.#packedBytes += chunk.length
    return chunk
  }

  unpacked(chunk: Uint8Array): Uint8Array {
    this.#unpackedBytes += chunk.length
    const { unpackedBytes, ratio, ratioFreeBytes } = this.limits
    if (this.#unpackedBytes > unpackedBytes) {
      throw archiveLimitError('unpackedBytes', this.#unpackedBytes, unpackedBytes)
    }
    const tightest = Math.ceil(this.#unpackedBytes / Math.max(1, this.#packedBytes))
    const isPacked = this.#packedBytes > 0
    if (isPacked && this.#unpackedBytes > ratioFreeBytes && tightest > ratio) {
      throw archiveLimitError('ratio', tightest, ratio)
    }
    return chunk
  }

  entry(): void {
    this.#entries += 1
    if (this.#entries > this.limits.entries) {
      throw archiveLimitError('entries', this.#entries, this.limits.entries)
    }
  }
}

class Extraction {
  readonly #folder: string
  readonly #counts: Counts
  readonly #parser: Parser
  readonly #folders = new Set<string>()
  readonly #end = Promise.withResolvers<void>()
  /** The start of the archive, until it is known to be one. */
  #start: Buffer | undefined = Buffer.alloc(0)
  #work: Promise<void> = Promise.resolve()
  /** Ends the file that is being written. */
  readonly #cut = new AbortController()
  #failure: unknown

  constructor(folder: string, counts: Counts) {
    this.#folder = folder
    this.#counts = counts
    this.#parser = new Parser({
      strict: true,
      zstd: false,
      maxMetaEntrySize: MAX_META_BYTES,
      // Looks at every entry as soon as its header has been read.
      filter: (_path, entry) => entry instanceof ReadEntry && this.#admit(entry),
      onReadEntry: (entry) => this.#take(entry),
    })
    this.#parser.on('ignoredEntry', (entry: ReadEntry) => this.#fail(unknownKind(entry)))
    this.#parser.on('error', (error: unknown) => this.#fail(asBadArchive(error)))
    this.#parser.on('end', () => this.#end.resolve())
    this.#end.promise.catch(() => undefined)
  }

  async write(chunk: Uint8Array): Promise<void> {
    const bytes = this.#begin(chunk)
    if (bytes === undefined) return
    const isThrough = this.#feed(() => this.#parser.write(bytes))
    if (isThrough) return
    const drained = Promise.withResolvers<void>()
    this.#parser.once('drain', drained.resolve)
    await Promise.race([drained.promise, this.#end.promise])
    this.#check()
  }

  /** Resolves when all files are written. */
  async end(): Promise<void> {
    if (this.#start !== undefined) throw badArchive('it is empty or cut short')
    this.#feed(() => this.#parser.end())
    try {
      await this.#end.promise
    } finally {
      await this.#work.catch(() => undefined)
    }
    this.#check()
  }

  /** Resolves when nothing is being written any more. */
  async abandon(): Promise<void> {
    this.#fail(new Error('abandoned'))
    await this.#work.catch(() => undefined)
  }

  /** What the parser may have; undefined: nothing yet. It would unpack other formats of its own accord, uncounted. */
  #begin(chunk: Uint8Array): Buffer | undefined {
    if (this.#start === undefined) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const start = Buffer.concat([this.#start, chunk])
    this.#start = start
    if (start.length < BLOCK_BYTES) return undefined
    const isTar = start.toString('latin1', MAGIC.at, MAGIC.at + MAGIC.text.length) === MAGIC.text
    if (!isTar || GZIP_MAGIC.every((byte, at) => start[at] === byte)) {
      throw badArchive('it is no tar archive (POSIX, GNU or pax)')
    }
    this.#start = undefined
    return start
  }

  #feed<Result>(action: () => Result): Result {
    try {
      const result = action()
      this.#check()
      return result
    } catch (error) {
      const failure = this.#failure ?? asBadArchive(error)
      this.#fail(failure)
      throw failure
    }
  }

  #admit(entry: ReadEntry): boolean {
    this.#counts.entry()
    innerPath(entry, this.#counts.limits)
    if (!isFile(entry) && entry.type !== 'Directory') throw unknownKind(entry)
    if (!Number.isSafeInteger(entry.size) || entry.size < 0)
      throw badArchive('an entry has no size')
    return true
  }

  #take(entry: ReadEntry): void {
    const path = innerPath(entry, this.#counts.limits)
    this.#work = this.#work.then(async () => {
      this.#check()
      if (entry.type === 'Directory') {
        entry.resume()
        await this.#makeFolder(path)
        return
      }
      await this.#makeFolder(dirname(path))
      await pipeline(
        entry as unknown as AsyncIterable<Buffer>,
        createWriteStream(join(this.#folder, path), { flags: 'wx', mode: 0o600 }),
        { signal: this.#cut.signal },
      )
    })
    this.#work.catch((error: unknown) => {
      this.#fail(asBadEntry(error, path))
      entry.resume()
    })
  }

  /** Counts the folders that the archive leaves to be guessed. */
  async #makeFolder(path: string): Promise<void> {
    if (path === '.' || path === '' || this.#folders.has(path)) return
    await this.#makeFolder(dirname(path))
    this.#counts.entry()
    this.#folders.add(path)
    await mkdir(join(this.#folder, path), { mode: 0o700 })
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#end.reject(this.#failure)
    this.#cut.abort()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}

/** The entry's path below the folder; empty: the folder itself. Throws ADMIN_BAD_ENTRY, ADMIN_ARCHIVE_LIMIT. */
function innerPath(
  { path, type }: ReadEntry,
  { entryPathBytes, entryDepth }: UnpackOptions['limits'],
): string {
  const bytes = Buffer.byteLength(path)
  if (bytes > entryPathBytes) throw archiveLimitError('entryPathBytes', bytes, entryPathBytes)
  const plain = type === 'Directory' ? path.replace(/\/$/, '') : path
  const inner = plain === '.' ? '' : plain.replace(/^(?:\.\/)+/, '')
  if (inner === '' && type === 'Directory') return ''
  const segments = inner.split('/')
  if (segments.length > entryDepth) {
    throw archiveLimitError('entryDepth', segments.length, entryDepth)
  }
  const isInside = segments.every((one) => one !== '' && one !== '.' && one !== '..')
  if (isInside && !/[\0\\\uFFFD]/.test(inner)) return inner
  throw badEntry(path, 'its name leads elsewhere', 'a path below the folder, in UTF-8')
}

function isFile({ type }: ReadEntry): boolean {
  return type === 'File' || type === 'OldFile' || type === 'ContiguousFile'
}

function unknownKind({ path, type }: ReadEntry): AdminError {
  return badEntry(path, `it is a ${type}`, 'plain files and folders only')
}

function badEntry(path: string, problem: string, wanted: string, cause?: unknown): AdminError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}...` : path)
  return new AdminError('ADMIN_BAD_ENTRY', `Cannot unpack ${shown}: ${problem}, wanted ${wanted}`, {
    cause,
    details: { path: path.slice(0, 200) },
  })
}

/** Two entries that are in each other's way; everything else is the disk's fault. */
function asBadEntry(error: unknown, path: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EEXIST' || code === 'ENOTDIR' || code === 'EISDIR') {
    return badEntry(path, 'there is something of that name already', 'each name once', error)
  }
  if (code === 'ENAMETOOLONG') {
    return badEntry(path, 'a part of its name is too long', 'at most 255 bytes', error)
  }
  return error
}

function badArchive(problem: string, cause?: unknown): AdminError {
  return new AdminError(
    'ADMIN_BAD_ARCHIVE',
    `Cannot unpack the archive: ${problem}, wanted a tar archive of a folder`,
    { cause },
  )
}

/** Complaints of the decompressor and of the parser are about the archive; coded errors and the disk's stay as they are. */
function asBadArchive(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  const isOurs = /^(?:ADMIN|STORE)_/.test(code) || 'syscall' in error
  return isOurs ? error : badArchive(error.message, error)
}
