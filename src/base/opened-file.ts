/**
 * The one way to open files that somebody else may change meanwhile, such as a tenant's: no link is followed, nothing waits as
 * opening a FIFO would, and what is asked about a file is asked of its descriptor, not of its name. `held-folder.ts` and
 * `open-within.ts` do the same for the folders above it.
 */
import { closeSync, constants, fstat, fstatSync, openSync, read, type Stats } from 'node:fs'
import { promisify } from 'node:util'
import { CodedError, systemCodeOf } from './errors.ts'

export type OpenErrorCode =
  /** There is nothing of that name. */
  | 'OPEN_MISSING'
  /** It is a symbolic link. */
  | 'OPEN_LINK'
  /** It is a folder, a file was wanted; or the other way round. */
  | 'OPEN_WRONG_KIND'
  /** A FIFO, a socket, a device. */
  | 'OPEN_SPECIAL'
  /** A link leads out of the folder that must not be left. */
  | 'OPEN_OUTSIDE'
  /** The way there has too many steps: links, and names in them. */
  | 'OPEN_TOO_FAR'
  /** It is there and cannot be opened; `systemCode` says why. */
  | 'OPEN_FAILED'

export class OpenError extends CodedError<OpenErrorCode> {
  /** What the system calls it, where the system said no; else the code. */
  get systemCode(): string {
    return this.cause === undefined ? this.code : systemCodeOf(this.cause)
  }
}

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

const readInto = promisify(read)
const statOf = promisify(fstat)

/** A plain file, open for reading. Whoever opened it closes it. */
export class OpenedFile {
  readonly fd: number
  /** As it was when it was opened. */
  readonly stats: Stats
  #isOpen = true

  /** Takes the descriptor over. */
  constructor(fd: number, stats: Stats) {
    this.fd = fd
    this.stats = stats
  }

  /** As it is now. */
  stat(): Promise<Stats> {
    return statOf(this.fd)
  }

  /** Answers how many bytes it has read: 0 at the end. `position`: from there; default: where the last such call ended. */
  async read(into: Uint8Array, position?: number): Promise<number> {
    const { bytesRead } = await readInto(this.fd, into, 0, into.length, position ?? null)
    return bytesRead
  }

  /** Fills `into` from `position` on, as far as the file goes; answers how far that is. */
  async fill(into: Uint8Array, position = 0): Promise<number> {
    let length = 0
    while (length < into.length) {
      const count = await this.read(into.subarray(length), position + length)
      if (count === 0) break
      length += count
    }
    return length
  }

  /** Idempotent. Not while it is read. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Opens a plain file in a folder that nobody swaps for another. `name`: for messages. Throws `OpenError`. */
export function openFile(path: string, name: string = path): OpenedFile {
  let fd: number
  try {
    fd = openSync(path, FLAGS)
  } catch (cause) {
    throw openError(name, cause)
  }
  const stats = fstatSync(fd)
  if (stats.isFile()) return new OpenedFile(fd, stats)
  closeSync(fd)
  throw stats.isDirectory() ? wrongKind(name, 'a folder') : special(name)
}

/** What a system call says, in our words. */
export function openError(path: string, cause: unknown): OpenError {
  const systemCode = systemCodeOf(cause)
  switch (systemCode) {
    case 'ENOENT':
      return new OpenError('OPEN_MISSING', `Cannot open ${path}: there is none, wanted it`, {
        cause,
      })
    case 'ELOOP':
      return new OpenError('OPEN_LINK', `Cannot open ${path}: it is a link, wanted none`, { cause })
    case 'ENOTDIR':
      return wrongKind(path, 'no folder', cause)
    case 'ENXIO':
      return special(path, cause)
    default:
      return new OpenError('OPEN_FAILED', `Cannot open ${path}: ${systemCode}, wanted to read it`, {
        cause,
      })
  }
}

function wrongKind(path: string, actual: 'a folder' | 'no folder', cause?: unknown): OpenError {
  const wanted = actual === 'a folder' ? 'a file' : 'one'
  const message = `Cannot open ${path}: it is ${actual}, wanted ${wanted}`
  return new OpenError('OPEN_WRONG_KIND', message, { cause })
}

function special(path: string, cause?: unknown): OpenError {
  const message = `Cannot open ${path}: it is neither a file nor a folder, wanted a plain file`
  return new OpenError('OPEN_SPECIAL', message, { cause })
}
