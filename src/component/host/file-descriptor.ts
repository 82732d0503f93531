/** A descriptor of wasi:filesystem: one of preview 1. */
import { Errno } from '../../wasi/errno.ts'
import { HostResource } from '../value.ts'
import type { ComponentHost } from './component-host.ts'

export class FileDescriptor extends HostResource {
  readonly fd: number
  /** As it was opened: bits of `descriptor-flags`. */
  readonly flags: number
  readonly #host: ComponentHost
  #isGranted: boolean

  /** `isGranted`: it is one of the folders that a run begins with, and stays open. */
  constructor(host: ComponentHost, { fd, flags, isGranted = false }: DescriptorParts) {
    super()
    this.#host = host
    this.fd = fd
    this.flags = flags
    this.#isGranted = isGranted
  }

  override drop(): void {
    if (!this.#isGranted) this.#host.calls.callNow('fd_close', this.fd)
    this.#isGranted = true
  }
}

export interface DescriptorParts {
  readonly fd: number
  readonly flags: number
  readonly isGranted?: boolean
}

const DIRENT_BYTES = 24

export interface Entry {
  readonly name: string
  readonly filetype: number
}

/** The entries of a folder, some at a time. */
export class DirectoryEntryStream extends HostResource {
  readonly #host: ComponentHost
  readonly #fd: number
  #cookie = 0n
  #entries: Entry[] = []
  #hasEnded = false

  constructor(host: ComponentHost, fd: number) {
    super()
    this.#host = host
    this.#fd = fd
  }

  /** Undefined: there are no more. Or an errno. */
  next(): Entry | number | undefined {
    while (this.#entries.length === 0 && !this.#hasEnded) {
      const errno = this.#fill()
      if (errno !== Errno.SUCCESS) return errno
    }
    return this.#entries.shift()
  }

  #fill(): number {
    const { calls } = this.#host
    const room = 32_768
    const at = calls.movedAt
    const errno = calls.callNow('fd_readdir', this.#fd, at, room, this.#cookie, calls.resultAt)
    if (errno !== Errno.SUCCESS) return errno
    const { result: length, view } = calls
    let offset = 0
    while (offset + DIRENT_BYTES <= length) {
      const nameLength = view.getUint32(at + offset + 16, true)
      const end = offset + DIRENT_BYTES + nameLength
      if (end > length) break
      const name = Buffer.from(calls.moved(end).subarray(offset + DIRENT_BYTES)).toString('utf8')
      this.#cookie = view.getBigUint64(at + offset, true)
      const filetype = view.getUint8(at + offset + 20)
      offset = end
      if (name !== '.' && name !== '..') this.#entries.push({ name, filetype })
    }
    this.#hasEnded = length < room
    return Errno.SUCCESS
  }
}
