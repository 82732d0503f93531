/** A descriptor of wasi:filesystem: one of preview 1, and the entries of a folder. */
import { Errno } from '../../wasi/errno.ts'
import { HostResource } from '../value.ts'
import type { OpenFd } from './open-fd.ts'
import type { Preview1Calls } from './preview1-calls.ts'

export class FileDescriptor extends HostResource {
  readonly open: OpenFd
  /** As it was opened: bits of `descriptor-flags`. */
  readonly flags: number

  constructor(open: OpenFd, flags: number) {
    super()
    this.open = open
    this.flags = flags
  }

  get fd(): number {
    return this.open.fd
  }

  override drop(): void {
    this.open.release()
  }
}

const DIRENT_BYTES = 24
/** Of a folder, at a time. */
const READ_BYTES = 32_768

export interface Entry {
  readonly name: string
  readonly filetype: number
}

/** The entries of a folder, some at a time. */
export class DirectoryEntryStream extends HostResource {
  readonly #calls: Preview1Calls
  readonly #open: OpenFd
  #cookie = 0n
  #entries: Entry[] = []
  #hasEnded = false

  constructor(calls: Preview1Calls, open: OpenFd) {
    super()
    this.#calls = calls
    this.#open = open.retain()
    calls.keep(READ_BYTES)
  }

  override drop(): void {
    this.#open.release()
    this.#calls.keep(-READ_BYTES)
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
    const place = { cookie: this.#cookie, room: READ_BYTES }
    const page = readEntries(this.#calls, this.#open.fd, place)
    if (typeof page === 'number') return page
    this.#entries.push(...page.entries)
    this.#cookie = page.cookie
    this.#hasEnded = page.hasEnded
    return Errno.SUCCESS
  }
}

export interface EntryPage {
  readonly entries: readonly Entry[]
  /** Where the next page begins. */
  readonly cookie: bigint
  readonly hasEnded: boolean
}

/** The entries of a folder from `cookie` on, as many as have room in so many bytes of a buffer; or an errno. */
export function readEntries(
  calls: Preview1Calls,
  fd: number,
  { cookie: from, room }: { readonly cookie: bigint; readonly room: number },
): EntryPage | number {
  const at = calls.movedAt
  const errno = calls.callNow('fd_readdir', fd, at, room, from, calls.resultAt)
  if (errno !== Errno.SUCCESS) return errno
  const { result: length, view } = calls
  const entries: Entry[] = []
  let cookie = from
  let offset = 0
  while (offset + DIRENT_BYTES <= length) {
    const nameLength = view.getUint32(at + offset + 16, true)
    const end = offset + DIRENT_BYTES + nameLength
    if (end > length) break
    const name = Buffer.from(calls.moved(end).subarray(offset + DIRENT_BYTES)).toString('utf8')
    cookie = view.getBigUint64(at + offset, true)
    const filetype = view.getUint8(at + offset + 20)
    offset = end
    if (name !== '.' && name !== '..') entries.push({ name, filetype })
  }
  return { entries, cookie, hasEnded: length < room }
}
