/** Where a guest's bytes go: what it may write without waiting is as much as is held for it. */
import { Errno } from '../../wasi/errno.ts'
import { fault } from '../guest-fault.ts'
import { type Case, caseOf, err, HostResource, OK } from '../value.ts'
import { IoError } from './io-error.ts'
import type { OpenFd } from './open-fd.ts'
import { after, MOVED_BYTES, type Preview1Calls, type Wish } from './preview1-calls.ts'

/** Of an answer that has no head yet, and of a request that is not sent yet. */
export const MAX_UNSET_BYTES: number = 1024 * 1024

/** What is held is put together up to here: written byte by byte, each byte would be an array of its own. */
const JOINED_BYTES = 4096

export const CLOSED: Case = err(caseOf('closed'))

/** A file, at an offset that moves on; `undefined`: its end. Or a descriptor that bytes are written to one after the other. */
export type Target =
  | { readonly fd: number; readonly offset?: undefined }
  | { readonly fd: number; readonly offset: bigint | 'end'; readonly open: OpenFd }

/** How the body of a request is written: in chunks (RFC 9112, section 7.1), or as so many bytes, or as many as come. */
export interface Framing {
  readonly isChunked: boolean
  /** Bytes that may be written. */
  readonly most: number
}

const AS_THEY_COME: Framing = { isChunked: false, most: Number.POSITIVE_INFINITY }
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = Buffer.from('0\r\n')

export class OutputStream extends HostResource {
  /** Bytes taken. */
  taken = 0
  readonly #calls: Preview1Calls
  #target: Target
  #framing = AS_THEY_COME
  /** What a body in chunks ends with; undefined: it has not ended. */
  #end: Uint8Array | undefined
  /** Why it can be written to no more. */
  #errno: number | undefined
  readonly #held: Uint8Array[] = []
  #offset = 0n
  #isHeldBack: boolean
  #failure: Case | undefined
  /** Something has gone out. */
  hasWritten = false
  /** It has to be written in chunks. */
  hasTrailers = false

  /** `isHeldBack`: nothing is written before `release`. */
  constructor(calls: Preview1Calls, target: Target, isHeldBack = false) {
    super()
    this.#calls = calls
    this.#target = target
    if (typeof target.offset === 'bigint') this.#offset = target.offset
    this.#isHeldBack = isHeldBack
    if (target.offset !== undefined) target.open.retain()
  }

  override drop(): void {
    if (this.#target.offset !== undefined) this.#target.open.release()
  }

  /** How many bytes may be written now. */
  check(): Case {
    void this.pump(false)
    if (this.#failure !== undefined) return this.#failure
    const most = this.#isHeldBack ? MAX_UNSET_BYTES - this.#heldBytes() : MOVED_BYTES
    const isFull = this.#held.length > 0 && !this.#isHeldBack
    return { tag: 'ok', value: BigInt(isFull ? 0 : Math.min(most, MOVED_BYTES)) }
  }

  /** Takes bytes, and waits until they are written if `waits`. More than `check` has allowed is a fault. */
  write(bytes: Uint8Array, waits: boolean): Case | Promise<Case> {
    if (this.#failure !== undefined) return this.#failure
    const isTooMuch = !waits && this.#held.length > 0 && !this.#isHeldBack
    if (bytes.length > MOVED_BYTES || isTooMuch)
      throw fault('more bytes were written than check-write has allowed')
    if (this.#isHeldBack && this.#heldBytes() + bytes.length > MAX_UNSET_BYTES)
      throw fault(
        'more of a body was written than is held before its answer is set, or its request is sent',
      )
    if (this.#isHeldBack) this.#calls.keep(bytes.length)
    this.taken += bytes.length
    if (this.taken > this.#framing.most) {
      this.fail(Errno.FBIG)
      return this.#failure ?? OK
    }
    if (bytes.length > 0) this.#hold(bytes)
    return after(this.pump(waits), () => this.#failure ?? OK)
  }

  flush(waits: boolean): Case | Promise<Case> {
    return after(this.pump(waits), () => this.#failure ?? OK)
  }

  /** Begins to write: `head` first. A request: to its connection, framed. */
  release(head: Uint8Array, to?: { readonly fd: number; readonly framing: Framing }): void {
    this.#isHeldBack = false
    if (to !== undefined) {
      this.#target = { fd: to.fd }
      this.#framing = to.framing
    }
    this.#held.splice(0, this.#held.length, head, ...this.#held.map((part) => this.#framed(part)))
    if (this.#end !== undefined && this.#framing.isChunked) this.#held.push(this.#end)
    void this.pump(false)
  }

  /** No more will be written. Once. `trailers`: lines of fields, for a body in chunks. */
  end(trailers: Uint8Array): void {
    this.hasTrailers = trailers.length > 0
    this.#end = Buffer.concat([LAST_CHUNK, trailers, CRLF])
    if (this.#framing.isChunked && this.#failure === undefined) this.#held.push(this.#end)
    void this.pump(false)
  }

  /** It takes no more, and what it holds is dropped. What has ended and gone out has not failed. */
  fail(errno: number): void {
    if (this.#failure !== undefined) return
    if (this.#end !== undefined && this.#held.length === 0 && !this.#isHeldBack) return
    this.#errno = errno
    this.#failure = err(caseOf('last-operation-failed', new IoError(errno)))
    this.#held.length = 0
  }

  /** It takes no more, and has not failed. What it holds has gone out. */
  close(): void {
    this.#failure ??= CLOSED
  }

  /** It has something to write. */
  get isBehind(): boolean {
    return this.#held.length > 0 && !this.#isHeldBack
  }

  /** More was written to it than was said, or than the tenant's guests may send. */
  get isTooLong(): boolean {
    return this.#errno === Errno.FBIG || this.#errno === Errno.DQUOT
  }

  /** What must come before more can be taken; undefined: nothing. */
  readonly wishes = (): readonly Wish[] | undefined => {
    void this.pump(false)
    return this.isBehind ? [{ kind: 'write', fd: this.#target.fd }] : undefined
  }

  /** Writes what it holds, as far as that goes, or all. */
  pump(waits: boolean): void | Promise<void> {
    while (!this.#isHeldBack && this.#failure === undefined) {
      const [first] = this.#held
      if (first === undefined) return undefined
      const part = first.subarray(0, MOVED_BYTES)
      const written = this.#put(part, waits)
      if (written instanceof Promise)
        return written.then((count) => {
          this.#wrote(first, count)
          return this.pump(waits)
        })
      if (written === 0) return undefined
      this.#wrote(first, written)
    }
    return undefined
  }

  #put(part: Uint8Array, waits: boolean): number | Promise<number> {
    const calls = this.#calls
    const { fd, offset } = this.#target
    if (offset === undefined) return calls.write(fd, part, waits)
    if (offset === 'end') {
      const errno = calls.callNow('fd_filestat_get', fd, calls.movedAt)
      if (errno !== 0) return -errno
      return calls.writeAt(fd, part, calls.view.getBigUint64(calls.movedAt + 32, true))
    }
    return calls.writeAt(fd, part, this.#offset)
  }

  #wrote(first: Uint8Array, count: number): void {
    if (count < 0) {
      this.fail(-count)
      return
    }
    this.hasWritten ||= count > 0
    this.#offset += BigInt(count)
    if (count === first.length) this.#held.shift()
    else this.#held[0] = first.subarray(count)
  }

  #hold(bytes: Uint8Array): void {
    const last = this.#isHeldBack ? this.#held.at(-1) : undefined
    if (last === undefined || last.length + bytes.length > JOINED_BYTES) {
      this.#held.push(this.#framed(bytes))
    } else this.#held[this.#held.length - 1] = Buffer.concat([last, bytes])
  }

  #framed(bytes: Uint8Array): Uint8Array {
    if (!this.#framing.isChunked) return bytes
    return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF])
  }

  #heldBytes(): number {
    return this.#held.reduce((sum, { length }) => sum + length, 0)
  }
}
