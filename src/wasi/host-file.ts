/** Files of the host's file system, opened by their directory and then known by their descriptor only. */
import { closeSync, constants, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs'
import { LOCK_EXCLUSIVE, LOCK_NONE, LOCK_SHARED, loadFileCalls } from '../base/file-calls.ts'
import { Filetype } from './abi.ts'
import { done, Errno, errnoOf, errnoOfResult } from './errno.ts'
import type { Filestat, LockKind, NewTimes, OpenFile, OpenMode } from './filesystem.ts'
import { type HostName, openKept, setDescriptorMode, statDescriptor } from './host-name.ts'
import { syncInTurn } from './host-sync.ts'
import { setDescriptorTimes } from './host-times.ts'
import type { MountQuota } from './mount-quota.ts'

const LOCKS = { shared: LOCK_SHARED, exclusive: LOCK_EXCLUSIVE, none: LOCK_NONE } as const

/** What is written between two looks at the size; other processes wait so long. */
const PART_BYTES = 256 * 1024

export interface HostOpening {
  /** Default: false; true: the file must not exist yet. */
  readonly creates?: boolean
  /** Where its size counts. Default: nowhere. */
  readonly quota?: MountQuota | undefined
}

/**
 * Opens a regular file without following a link in last place and without ever waiting, as opening a FIFO would. ACCES:
 * something that is neither file nor directory.
 */
export function openHostFile(
  at: HostName,
  mode: OpenMode,
  { creates = false, quota }: HostOpening = {},
): OpenHostFile | number {
  const writes = mode.write || mode.truncate
  let flags = writes ? (mode.read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY
  flags |= constants.O_NONBLOCK | constants.O_NOCTTY
  if (creates) flags |= constants.O_CREAT | constants.O_EXCL
  const permissions = creates ? mode.permissions : undefined
  const fd = openKept(at, flags, permissions)
  if (fd < 0) return -fd
  // The process's umask has taken some away.
  if (permissions !== undefined) setDescriptorMode(fd, permissions)
  const file = new OpenHostFile(fd, quota)
  // A new one is regular, and empty.
  if (creates) return file
  const errno = file.prepare(mode)
  if (errno === Errno.SUCCESS) return file
  file.close()
  return errno
}

class OpenHostFile implements OpenFile {
  readonly kind = 'file'
  readonly filetype = Filetype.RegularFile
  readonly #fd: number
  readonly #quota: MountQuota | undefined
  #syncing: Promise<number> | undefined

  /** Takes over the descriptor. */
  constructor(fd: number, quota?: MountQuota) {
    this.#fd = fd
    this.#quota = quota
  }

  /** The second half of opening. */
  prepare(mode: OpenMode): number {
    const stat = this.stat()
    if (typeof stat === 'number') return stat
    if (stat.filetype !== Filetype.RegularFile) return Errno.ACCES
    return mode.truncate ? this.setSize(0) : Errno.SUCCESS
  }

  stat(): Filestat | number {
    return statDescriptor(this.#fd)
  }

  read(into: Uint8Array, offset: number): number {
    return counted(() => readSync(this.#fd, into, 0, into.length, offset))
  }

  write(from: Uint8Array, offset: number | undefined): number {
    const quota = this.#quota
    if (quota === undefined) return this.#write(from, offset)
    let written = 0
    while (written < from.length) {
      const part = from.subarray(written, written + PART_BYTES)
      const at = offset === undefined ? undefined : offset + written
      const count = this.#resize(
        (size) => (at ?? size) + part.length,
        () => this.#write(part, at),
      )
      if (count < 0) return written > 0 ? written : count
      written += count
      if (count < part.length) break
    }
    return written
  }

  setSize(size: number): number {
    return -this.#resize(
      () => size,
      () => -done(() => ftruncateSync(this.#fd, size)),
    )
  }

  allocate(size: number): number {
    const before = this.stat()
    if (typeof before === 'number') return before
    return before.size < size ? this.setSize(size) : Errno.SUCCESS
  }

  setTimes(times: NewTimes): number {
    return setDescriptorTimes(this.#fd, times)
  }

  sync(): Promise<number> {
    this.#syncing = syncInTurn(this.#fd)
    return this.#syncing
  }

  lock(kind: LockKind): number {
    const calls = loadFileCalls()
    return calls === undefined ? Errno.NOTSUP : errnoOfResult(calls.flock(this.#fd, LOCKS[kind]))
  }

  close(): void {
    if (this.#syncing === undefined) this.#close()
    else void this.#syncing.then(() => this.#close()) // a killed guest's: until then the number is not another file's
  }

  #close(): void {
    const close = (): void => closeSync(this.#fd)
    if (this.#quota === undefined) close()
    else this.#quota.closing(this.#fd, close)
  }

  /** `change` within the quota: a count or minus an errno. */
  #resize(sizeAfter: (size: number) => number, change: () => number): number {
    const quota = this.#quota
    return quota === undefined
      ? change()
      : counted(() => quota.resizing(this.#fd, sizeAfter, change))
  }

  #write(from: Uint8Array, offset: number | undefined): number {
    if (offset === undefined) return this.#append(from)
    return counted(() => writeSync(this.#fd, from, 0, from.length, offset))
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

function counted(operation: () => number): number {
  try {
    return operation()
  } catch (error) {
    return -errnoOf(error)
  }
}
