/**
 * Writes files into a tar archive (POSIX pax) compressed by gzip. The same files give the same bytes: sorted by path,
 * nobody's, of no date, readable by all.
 */

import { open } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { Header, Pax } from 'tar'
import { openWithin } from '../base/open-within.ts'
import { OpenError, type OpenedFile } from '../base/opened-file.ts'
import { OciError, ociFileError } from './errors.ts'
import { type BlobName, DigestMaker } from './registry-digest.ts'

export interface PackedFile {
  /** In the archive: an inner path. */
  readonly path: string
  /** On disk; undefined: a folder. */
  readonly from: string | undefined
  /** A folder above it below which no link is followed; default: the one it is in. */
  readonly within?: string
  /** Bytes; 0 for a folder. */
  readonly size: number
}

const BLOCK = 512
const CHUNK_BYTES = 256 * 1024
const START_OF_TIME = new Date(0)

/** Longest path that a header holds by itself. */
const HEADER_PATH_BYTES = 100

/** Writes the archive into a new file `to`. Rejects with OCI_BAD_SOURCE, OCI_IO. */
export async function packArchive(files: readonly PackedFile[], to: string): Promise<BlobName> {
  const maker = new DigestMaker()
  const target = await open(to, 'wx').catch((cause: unknown) => {
    throw ociFileError(`write ${to}`, cause)
  })
  try {
    const store = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of chunks) {
        maker.add(chunk)
        await target.writeFile(chunk)
      }
    }
    await pipeline(Readable.from(tarOf(files)), createGzip({ level: 9 }), store)
  } catch (cause) {
    throw ociFileError(`write ${to}`, cause)
  } finally {
    await target.close()
  }
  return { digest: maker.digest(), size: maker.bytes }
}

async function* tarOf(files: readonly PackedFile[]): AsyncGenerator<Uint8Array> {
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    yield headerOf(file)
    if (file.from === undefined) continue
    yield* contentsOf(openPlain(file.from, file.within), file)
    yield new Uint8Array(-file.size & (BLOCK - 1))
  }
  yield new Uint8Array(2 * BLOCK)
}

function headerOf({ path, from, size }: PackedFile): Uint8Array {
  const isFolder = from === undefined
  const name = isFolder ? `${path}/` : path
  const fields = {
    mode: isFolder ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    mtime: START_OF_TIME,
    type: isFolder ? ('Directory' as const) : ('File' as const),
    uname: '',
    gname: '',
    devmaj: 0,
    devmin: 0,
  }
  if (/^[\x20-\x7e]*$/.test(name) && name.length < HEADER_PATH_BYTES)
    return blockOf({ ...fields, path: name })
  // The name is said before; what the header has is for readers that do not know that.
  const before = new Pax({ path: name, mtime: START_OF_TIME }).encode()
  return Buffer.concat([before, blockOf({ ...fields, path: 'long-name' })])
}

function blockOf(fields: ConstructorParameters<typeof Header>[0]): Uint8Array {
  const block = Buffer.alloc(BLOCK)
  new Header(fields).encode(block, 0)
  return block
}

/** Exactly `size` bytes of `opened`, which is closed then, or this throws. */
async function* contentsOf(
  opened: OpenedFile,
  { from = '', size }: PackedFile,
): AsyncGenerator<Uint8Array> {
  using file = opened
  let bytes = 0
  for (;;) {
    const buffer = new Uint8Array(CHUNK_BYTES)
    const bytesRead = await file.read(buffer)
    bytes += bytesRead
    if (bytes > size || (bytesRead === 0 && bytes < size)) {
      throw badSource(from, 'changed while it was read', 'a file that stays the same')
    }
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

/** Opens a file that is neither a link nor a device nor a pipe. `within`: as for `PackedFile`. Throws OCI_BAD_SOURCE. */
export function openPlain(path: string, within: string = dirname(path)): OpenedFile {
  try {
    return openWithin(within, relative(within, path), 'refuse')
  } catch (error) {
    if (!(error instanceof OpenError)) throw error
    switch (error.code) {
      case 'OPEN_LINK':
        throw badSource(path, 'is a symbolic link', 'a plain file')
      case 'OPEN_SPECIAL':
      case 'OPEN_WRONG_KIND':
        throw badSource(path, 'is no plain file', 'one')
      default:
        throw badSource(path, `cannot be read (${error.systemCode})`, 'a plain file')
    }
  }
}

/** The error for what cannot be pushed. */
export function badSource(path: string, actual: string, wanted: string): OciError {
  return new OciError('OCI_BAD_SOURCE', `Cannot push ${path}: it ${actual}, wanted ${wanted}`, {
    details: { path },
  })
}
