/**
 * Reads a tar archive that may be anybody's (POSIX ustar and pax, and GNU's long names), as it comes. Says what is in it;
 * whether that may be written anywhere is for others to decide.
 */
import { Header, Pax } from 'tar'
import { OciError } from './errors.ts'

export interface TarEntry {
  /** As it is written there. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'other'
  /** What the archive calls it: for error messages. */
  readonly type: string
  readonly size: number
  /** A file's bytes. What of them has not been taken is skipped when the next entry is asked for. */
  contents(): AsyncGenerator<Uint8Array>
}

const BLOCK = 512

/** Bytes of what describes the next entry: a path, or a set of pax records. */
const MAX_META_BYTES = 64 * 1024

const FILES: ReadonlySet<string> = new Set(['File', 'OldFile', 'ContiguousFile'])

/** Entries one after the other. Throws OCI_BAD_ARCHIVE, and what `chunks` throws. */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const input = new Input(chunks)
  let before: { path?: string; size?: number } = {}
  for (;;) {
    const header = readHeader(await input.take(BLOCK))
    if (header === undefined) return
    const { type, size } = header
    if (
      type === 'ExtendedHeader' ||
      type === 'NextFileHasLongPath' ||
      type === 'GlobalExtendedHeader'
    ) {
      const text = await readMeta(input, size)
      if (type === 'ExtendedHeader') before = { ...before, ...recordsOf(text) }
      if (type === 'NextFileHasLongPath') before.path = text.replace(/\0.*$/s, '')
      continue
    }
    const path = before.path ?? header.path
    const bytes = before.size ?? size
    before = {}
    const end = input.position + bytes + (-bytes & (BLOCK - 1))
    const entry = { path, kind: kindOf(type, path), type, size: bytes }
    yield { ...entry, contents: () => input.stream(bytes) }
    await input.skipTo(end)
  }
}

interface EntryHeader {
  readonly path: string
  readonly type: string
  readonly size: number
}

/** Undefined: the archive ends here. */
function readHeader(block: Buffer): EntryHeader | undefined {
  let header: Header
  try {
    header = new Header(block)
  } catch (cause) {
    throw badArchive('a header makes no sense', cause)
  }
  if (header.nullBlock) return undefined
  const { path, size, cksumValid } = header
  if (!cksumValid || path === undefined || !isSize(size))
    throw badArchive('a header makes no sense')
  return { path, type: header.type ?? 'something unknown', size }
}

async function readMeta(input: Input, size: number): Promise<string> {
  if (size > MAX_META_BYTES) throw badArchive(`a description of ${size} bytes`)
  const bytes = await input.take(size + (-size & (BLOCK - 1)))
  return bytes.toString('utf8', 0, size)
}

function recordsOf(text: string): { path?: string; size?: number } {
  const { path, size } = Pax.parse(text)
  if (size !== undefined && !isSize(size)) throw badArchive('a size makes no sense')
  return { ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size }) }
}

/** Sums of these stay exact. */
function isSize(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value < 2 ** 48
}

function kindOf(type: string, path: string): TarEntry['kind'] {
  if (type === 'Directory') return 'folder'
  if (!FILES.has(type)) return 'other'
  // Before there was a type for them, that is how folders were written.
  return path.endsWith('/') ? 'folder' : 'file'
}

/** Bytes that come in chunks, taken in other portions. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array(0)
  /** Bytes taken so far. */
  position = 0

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  async take(bytes: number): Promise<Buffer> {
    const parts: Uint8Array[] = []
    for await (const part of this.stream(bytes)) parts.push(part)
    return Buffer.concat(parts)
  }

  async *stream(bytes: number): AsyncGenerator<Uint8Array> {
    let missing = bytes
    while (missing > 0) {
      const part = await this.#next(missing)
      missing -= part.length
      yield part
    }
  }

  async skipTo(position: number): Promise<void> {
    while (this.position < position) await this.#next(position - this.position)
  }

  async #next(maxBytes: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next()
      if (done === true) throw badArchive('it ends in the middle')
      this.#rest = value
    }
    const part = this.#rest.subarray(0, maxBytes)
    this.#rest = this.#rest.subarray(part.length)
    this.position += part.length
    return part
  }
}

function badArchive(actual: string, cause?: unknown): OciError {
  return new OciError(
    'OCI_BAD_ARCHIVE',
    `Cannot read the archive: ${actual}, wanted a tar archive`,
    {
      cause,
    },
  )
}
