/**
 * A bucket of wasi:keyvalue: a folder that the guest is granted, with a file for each key. A key's letters, digits, `-` and `_` are those of
 * its file's name, and each other byte is `%XX`; names that begin with a dot are no keys.
 *
 *     .lock  held by whoever changes something, in any worker      .new  a value that is being written, and renamed then
 *
 * So a reader finds a whole value, the old one or the new one, and what looks first and writes then is one step.
 */
import { percentDecoded } from '../../base/percent.ts'
import { Filetype, Lock, Oflags } from '../../wasi/abi.ts'
import { Errno } from '../../wasi/errno.ts'
import { Right } from '../../wasi/rights.ts'
import { type Case, caseOf, err } from '../value.ts'
import { readEntries } from './file-descriptor.ts'
import { errorCodeOf } from './io-error.ts'
import type { OpenFd } from './open-fd.ts'
import { MOVED_BYTES, type Preview1Calls } from './preview1-calls.ts'

export const MAX_VALUE_BYTES: number = 1024 * 1024
/** Of the name of a key's file. */
export const MAX_KEY_BYTES = 240
/** Of a page of keys: bytes that their names take, and what comes with them. */
const PAGE_BYTES = 32_768

const LOCK = '.lock'
const NEW = '.new'
const READING = Right.FdRead | Right.FdSeek | Right.FdFilestatGet
const WRITING = Right.FdWrite | Right.FdSeek | Right.FdFilestatSetSize
const KEY_FILE = /^(?:[A-Za-z0-9_-]|%[0-9A-F]{2})+$/
const SIZE_AT = 32
const FILETYPE_AT = 16

/** Why something was not done, as the guest is told it. */
export type Refusal = Case & { readonly tag: 'err' }

/** `code`: begins what the guest is told. */
export function refusal(code: string, message: string): Refusal {
  return { ...err(caseOf('other', `${code}: ${message}`)), tag: 'err' }
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'tag' in value && value.tag === 'err'
}

export interface Keys {
  readonly keys: readonly string[]
  /** Where the next page begins; undefined: there is none. */
  readonly cursor: bigint | undefined
}

export class KeyvalueBucket {
  readonly folder: OpenFd
  readonly #calls: Preview1Calls

  /** `folder`: stays the caller's. */
  constructor(calls: Preview1Calls, folder: OpenFd) {
    this.#calls = calls
    this.folder = folder
  }

  /** undefined: there is no such key. */
  get(key: string): Uint8Array | Refusal | undefined {
    const name = fileOf(key)
    return isRefusal(name) ? name : this.#read(name)
  }

  has(key: string): boolean | Refusal {
    const name = fileOf(key)
    if (isRefusal(name)) return name
    const calls = this.#calls
    const at = this.#path(name)
    const errno = calls.callNow('path_filestat_get', this.folder.fd, 0, ...at, calls.movedAt)
    if (errno === Errno.NOENT) return false
    return errno === Errno.SUCCESS ? this.#isFile : failed(errno)
  }

  /** A page of them from `cursor` on; 0: from the first. */
  keys(cursor: bigint): Keys | Refusal {
    const page = readEntries(this.#calls, this.folder.fd, { cookie: cursor, room: PAGE_BYTES })
    if (typeof page === 'number') return failed(page)
    const keys = page.entries.flatMap(({ name, filetype }) => {
      const key = filetype === Filetype.RegularFile ? keyOf(name) : undefined
      return key === undefined ? [] : [key]
    })
    return { keys, cursor: page.hasEnded ? undefined : page.cookie }
  }

  /** What `change` does is one step to all others who change something, in all workers. */
  async change<Result>(
    change: (writer: BucketWriter) => Result | Promise<Result>,
  ): Promise<Result | Refusal> {
    const calls = this.#calls
    const lock = this.#open(LOCK, Oflags.Creat, READING | WRITING)
    if (lock < 0) return failed(-lock)
    const errno = await calls.call('flock', lock, Lock.Exclusive)
    try {
      if (errno !== Errno.SUCCESS) return failed(errno)
      return await change({
        get: (key) => this.get(key),
        set: (key, value) => this.#set(key, value),
        delete: (key) => this.#delete(key),
      })
    } finally {
      calls.callNow('fd_close', lock)
    }
  }

  async #set(key: string, value: Uint8Array): Promise<Refusal | undefined> {
    const name = fileOf(key)
    if (isRefusal(name)) return name
    if (value.length > MAX_VALUE_BYTES)
      return refusal(
        'KEYVALUE_VALUE_TOO_LONG',
        `the value has ${value.length} bytes, wanted at most ${MAX_VALUE_BYTES}`,
      )
    const errno = await this.#write(name, value)
    return errno === Errno.SUCCESS ? undefined : failed(errno)
  }

  #delete(key: string): Refusal | undefined {
    const name = fileOf(key)
    if (isRefusal(name)) return name
    const errno = this.#calls.callNow('path_unlink_file', this.folder.fd, ...this.#path(name))
    return errno === Errno.SUCCESS || errno === Errno.NOENT ? undefined : failed(errno)
  }

  #read(name: string): Uint8Array | Refusal | undefined {
    const calls = this.#calls
    const fd = this.#open(name, 0, READING)
    if (fd === -Errno.NOENT || fd === -Errno.LOOP) return undefined
    if (fd < 0) return failed(-fd)
    try {
      const errno = calls.callNow('fd_filestat_get', fd, calls.movedAt)
      if (errno !== Errno.SUCCESS) return failed(errno)
      if (!this.#isFile) return undefined
      const size = calls.view.getBigUint64(calls.movedAt + SIZE_AT, true)
      if (size > MAX_VALUE_BYTES)
        return refusal(
          'KEYVALUE_VALUE_TOO_LONG',
          `the value has ${size} bytes, wanted at most ${MAX_VALUE_BYTES}`,
        )
      return this.#contents(fd, Number(size))
    } finally {
      calls.callNow('fd_close', fd)
    }
  }

  #contents(fd: number, size: number): Uint8Array | Refusal {
    const value = new Uint8Array(size)
    let at = 0
    while (at < size) {
      const part = this.#calls.readAt(fd, Math.min(MOVED_BYTES, size - at), BigInt(at))
      if (typeof part === 'number') return failed(part)
      if (part === undefined) return value.subarray(0, at) // somebody else has made it shorter
      value.set(part, at)
      at += part.length
    }
    return value
  }

  /** Answers the errno. */
  async #write(name: string, value: Uint8Array): Promise<number> {
    const calls = this.#calls
    const fd = this.#open(NEW, Oflags.Creat | Oflags.Trunc, WRITING)
    if (fd < 0) return -fd
    let errno = await this.#fill(fd, value)
    calls.callNow('fd_close', fd)
    const { fd: folder } = this.folder
    if (errno === Errno.SUCCESS)
      errno = calls.callNow(
        'path_rename',
        folder,
        ...this.#path(NEW),
        folder,
        ...this.#path(name, 1),
      )
    if (errno !== Errno.SUCCESS) calls.callNow('path_unlink_file', folder, ...this.#path(NEW))
    return errno
  }

  async #fill(fd: number, value: Uint8Array): Promise<number> {
    let at = 0
    while (at < value.length) {
      const part = value.subarray(at, at + MOVED_BYTES)
      const count = await this.#calls.writeAt(fd, part, BigInt(at))
      if (count <= 0) return count === 0 ? Errno.IO : -count
      at += count
    }
    return Errno.SUCCESS
  }

  /** Its descriptor, or minus an errno. */
  #open(name: string, how: number, rights: number): number {
    const calls = this.#calls
    const asked = [0, ...this.#path(name), how, BigInt(rights), 0n, 0, calls.resultAt] as const
    const errno = calls.callNow('path_open', this.folder.fd, ...asked)
    return errno === Errno.SUCCESS ? calls.result : -errno
  }

  /** Of what a filestat has just been stored. */
  get #isFile(): boolean {
    return this.#calls.view.getUint8(this.#calls.movedAt + FILETYPE_AT) === Filetype.RegularFile
  }

  #path(name: string, which: 0 | 1 = 0): readonly [pointer: number, length: number] {
    const at = this.#calls.path(name, which)
    if (at === undefined)
      throw new Error(`Cannot find a key: its file's name has ${name.length} bytes`)
    return at
  }
}

export interface BucketWriter {
  get(key: string): Uint8Array | Refusal | undefined
  set(key: string, value: Uint8Array): Promise<Refusal | undefined>
  delete(key: string): Refusal | undefined
}

/** The name of its file. */
function fileOf(key: string): string | Refusal {
  // Every byte is one char of its own, or three.
  const bytes = Buffer.from(key)
  const name =
    bytes.length > MAX_KEY_BYTES ? '' : bytes.toString('latin1').replace(ESCAPED, escaped)
  if (name !== '' && name.length <= MAX_KEY_BYTES) return name
  return refusal(
    'KEYVALUE_KEY_LENGTH',
    `the key has ${bytes.length} bytes, wanted 1 to ${MAX_KEY_BYTES} with those that are not of A-Z, a-z, 0-9, - and _ counted three times`,
  )
}

const ESCAPED = /[^A-Za-z0-9_-]/g

function escaped(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}

/** Of a file; undefined: it is no key's. */
function keyOf(name: string): string | undefined {
  if (!KEY_FILE.test(name)) return undefined
  const key = Buffer.from(percentDecoded(name), 'latin1').toString('utf8')
  return fileOf(key) === name ? key : undefined
}

function failed(errno: number): Refusal {
  switch (errno) {
    case Errno.ACCES:
    case Errno.PERM:
    case Errno.ROFS:
      return { ...err(caseOf('access-denied')), tag: 'err' }
    case Errno.DQUOT:
    case Errno.NOSPC:
      return refusal('KEYVALUE_QUOTA', 'there is no room for it, wanted less, or a larger quota')
    default:
      return refusal('KEYVALUE_FAILED', `the file system says "${errorCodeOf(errno)}"`)
  }
}
