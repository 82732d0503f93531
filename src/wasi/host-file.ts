/** Files of the host's file system, opened by their directory and then known by their descriptor only. */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  readSync,
  writeSync,
} from 'node:fs'
import { loadFileCalls } from '../base/file-calls.ts'
import { Filetype } from './abi.ts'
import { attempt, done, Errno, errnoOf, errnoOfResult } from './errno.ts'
import type { Filestat, NewTimes, OpenFile, OpenMode } from './filesystem.ts'
import { type HostName, openName } from './host-name.ts'
import { syncInTurn } from './host-sync.ts'
import { setDescriptorTimes } from './host-times.ts'

/**
 * Opens a regular file without following a link in last place and without ever waiting, as opening a FIFO would. `creates`:
 * it must not exist yet. ACCES: something that is neither file nor directory.
 */
export function openHostFile(
  at: HostName,
  mode: OpenMode,
  creates: boolean,
): OpenHostFile | number {
  const writes = mode.write || mode.truncate
  let flags = writes ? (mode.read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY
  flags |= constants.O_NONBLOCK | constants.O_NOCTTY
  if (creates) flags |= constants.O_CREAT | constants.O_EXCL
  const fd = openName(at, flags)
  if (fd < 0) return -fd
  const file = new OpenHostFile(fd)
  const errno = file.prepare(mode)
  if (errno === Errno.SUCCESS) return file
  file.close()
  return errno
}

export class OpenHostFile implements OpenFile {
  readonly kind = 'file'
  readonly filetype = Filetype.RegularFile
  readonly #fd: number
  #syncing: Promise<number> | undefined

  /** Takes over the descriptor. */
  constructor(fd: number) {
    this.#fd = fd
  }

  /** The second half of opening. */
  prepare(mode: OpenMode): number {
    const stats = attempt(() => fstatSync(this.#fd))
    if (typeof stats === 'number') return stats
    if (!stats.isFile()) return Errno.ACCES
    return mode.truncate ? this.setSize(0) : Errno.SUCCESS
  }

  stats(): BigIntStats | number {
    return attempt(() => fstatSync(this.#fd, { bigint: true }))
  }

  stat(): Filestat | number {
    const stats = this.stats()
    return typeof stats === 'number' ? stats : filestatOf(stats)
  }

  read(into: Uint8Array, offset: number): number {
    return counted(() => readSync(this.#fd, into, 0, into.length, offset))
  }

  write(from: Uint8Array, offset: number | undefined): number {
    if (offset === undefined) return this.#append(from)
    return counted(() => writeSync(this.#fd, from, 0, from.length, offset))
  }

  setSize(size: number): number {
    return done(() => ftruncateSync(this.#fd, size))
  }

  allocate(size: number): number {
    return done(() => {
      if (fstatSync(this.#fd).size < size) ftruncateSync(this.#fd, size)
    })
  }

  setTimes(times: NewTimes): number {
    return setDescriptorTimes(this.#fd, times)
  }

  sync(): Promise<number> {
    this.#syncing = syncInTurn(this.#fd)
    return this.#syncing
  }

  close(): void {
    if (this.#syncing === undefined) closeSync(this.#fd)
    else void this.#syncing.then(() => closeSync(this.#fd)) // a killed guest's: until then the number is not another file's
  }

  /** At the end, even if other processes write there at the same moment. */
  #append(from: Uint8Array): number {
    const calls = loadFileCalls()
    if (calls === undefined) {
      return counted(() => writeSync(this.#fd, from, 0, from.length, fstatSync(this.#fd).size))
    }
    const count = calls.append(this.#fd, from)
    return count < 0 ? -errnoOfResult(count) : count
  }
}

export function filestatOf(stats: BigIntStats): Filestat {
  return {
    dev: stats.dev,
    ino: stats.ino,
    filetype: filetypeOf(stats),
    nlink: stats.nlink,
    size: stats.size,
    atim: stats.atimeNs,
    mtim: stats.mtimeNs,
    ctim: stats.ctimeNs,
  }
}

/** The file type of whatever `node:fs` describes. */
export function filetypeOf(
  entry: Pick<
    BigIntStats,
    'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isCharacterDevice' | 'isBlockDevice' | 'isSocket'
  >,
): number {
  if (entry.isFile()) return Filetype.RegularFile
  if (entry.isDirectory()) return Filetype.Directory
  if (entry.isSymbolicLink()) return Filetype.SymbolicLink
  if (entry.isCharacterDevice()) return Filetype.CharacterDevice
  if (entry.isBlockDevice()) return Filetype.BlockDevice
  return entry.isSocket() ? Filetype.SocketStream : Filetype.Unknown
}

function counted(operation: () => number): number {
  try {
    return operation()
  } catch (error) {
    return -errnoOf(error)
  }
}
