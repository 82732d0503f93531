/**
 * The calls of preview 1 as host code makes them, in a memory of its own: what WASI 0.2 has in common with it, files, streams,
 * clocks and waiting, is done by the same code, under the same limits.
 *
 *     0 iovec   16 result   64 subscriptions   16,384 events   32,768 path, other path   65,536 bytes moved
 */
import { EVENT_BYTES, Eventtype, Fdflags, SUBSCRIPTION_BYTES } from '../../wasi/abi.ts'
import { Errno } from '../../wasi/errno.ts'
import type { WasiHost } from '../../wasi/host.ts'
import { fault } from '../guest-fault.ts'

/** Most that is moved at a time. */
export const MOVED_BYTES = 65_536

/** Bytes that are kept for a guest outside of its memory: fields, bodies that are not sent, entries of folders. */
export const MAX_KEPT_FOR_GUEST: number = 16 * 1024 * 1024

/** Of a file, as off_t has it. */
const LAST_OFFSET = (1n << 63n) - 1n

const RESULT = 16
const SUBSCRIPTIONS = 64
const EVENTS = 16_384
const PATHS: readonly [number, number] = [32_768, 49_152]
const PATH_ROOM = 16_384
const MOVED = 65_536

/** What to wait for. A clock: until then, on the monotonic one. */
export type Wish =
  | { readonly kind: 'clock'; readonly deadlineNs: bigint }
  | { readonly kind: 'read' | 'write'; readonly fd: number }

type Call = (...args: Array<number | bigint>) => number | Promise<number>

export class Preview1Calls {
  readonly view: DataView<ArrayBuffer>
  readonly #bytes: Uint8Array<ArrayBuffer>
  readonly #host: WasiHost
  readonly #calls = new Map<string, Call>()
  #kept = 0
  /** Descriptors that are not to wait. */
  readonly #impatient = new Set<number>()

  constructor(host: WasiHost, counter: Pick<WebAssembly.Global, 'value'>) {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 2 })
    host.attach(memory, counter)
    this.#host = host
    this.#bytes = new Uint8Array(memory.buffer)
    this.view = new DataView(memory.buffer)
  }

  begin(): void {
    this.#impatient.clear()
    this.#kept = 0
  }

  /** So many bytes more are kept for the guest, outside of its memory, until its run ends or they are given back (below 0). */
  keep(bytes: number): void {
    this.#kept += bytes
    if (this.#kept > MAX_KEPT_FOR_GUEST)
      throw fault(`it has the host keep more than ${MAX_KEPT_FOR_GUEST} bytes`)
  }

  /** Says that a descriptor does not wait from the start. */
  impatient(fd: number): void {
    this.#impatient.add(fd)
  }

  /** Answers the errno. */
  call(name: string, ...args: Array<number | bigint>): number | Promise<number> {
    let call = this.#calls.get(name)
    if (call === undefined) {
      call = this.#host.call(name) as Call
      this.#calls.set(name, call)
    }
    return call(...args)
  }

  /** Calls one that never waits. */
  callNow(name: string, ...args: Array<number | bigint>): number {
    const errno = this.call(name, ...args)
    if (typeof errno !== 'number') throw new Error(`Cannot call ${name}: it waits, wanted not to`)
    return errno
  }

  /** What a call has stored as its result. */
  get result(): number {
    return this.view.getUint32(RESULT, true)
  }

  get resultAt(): number {
    return RESULT
  }

  get movedAt(): number {
    return MOVED
  }

  moved(length: number): Uint8Array {
    return this.#bytes.slice(MOVED, MOVED + length)
  }

  /** Puts a path there, as the first or second of a call; undefined: it is too long. */
  path(text: string, which: 0 | 1 = 0): readonly [pointer: number, length: number] | undefined {
    const bytes = Buffer.from(text, 'utf8')
    if (bytes.length > PATH_ROOM) return undefined
    this.#bytes.set(bytes, PATHS[which])
    return [PATHS[which], bytes.length]
  }

  /** Bytes; none: nothing has come yet; undefined: the end; or an errno. */
  read(
    fd: number,
    most: number,
    waits: boolean,
  ): Uint8Array | number | undefined | Promise<Uint8Array | number | undefined> {
    this.#setPatience(fd, waits)
    this.#setIovec(Math.min(most, MOVED_BYTES))
    return after(this.call('fd_read', fd, 0, 1, RESULT), (errno) => this.#read(errno))
  }

  /** As `read`, of a file. */
  readAt(fd: number, most: number, offset: bigint): Uint8Array | number | undefined {
    // Where no file has anything, and off_t no number.
    if (offset > LAST_OFFSET) return Errno.INVAL
    this.#setIovec(Math.min(most, MOVED_BYTES))
    return this.#read(this.callNow('fd_pread', fd, 0, 1, offset, RESULT))
  }

  #read(errno: number): Uint8Array | number | undefined {
    if (errno === Errno.AGAIN) return new Uint8Array(0)
    if (errno !== Errno.SUCCESS) return errno
    return this.result === 0 ? undefined : this.moved(this.result)
  }

  /** How much of at most `MOVED_BYTES` was written, or minus an errno. One that waits writes all. */
  write(fd: number, bytes: Uint8Array, waits: boolean): number | Promise<number> {
    this.#setPatience(fd, waits)
    this.#fill(bytes)
    return after(this.call('fd_write', fd, 0, 1, RESULT), (errno) => this.#written(errno))
  }

  writeAt(fd: number, bytes: Uint8Array, offset: bigint): number | Promise<number> {
    this.#fill(bytes)
    return after(this.call('fd_pwrite', fd, 0, 1, offset, RESULT), (errno) => this.#written(errno))
  }

  #written(errno: number): number {
    if (errno === Errno.AGAIN) return 0
    return errno === Errno.SUCCESS ? this.result : -errno
  }

  /** Which of them have come; at least one has, unless it does not wait. Undefined: too many to wait for. */
  poll(
    wishes: readonly Wish[],
    waits: boolean,
  ): number[] | undefined | Promise<number[] | undefined> {
    const all: readonly Wish[] = waits ? wishes : [...wishes, { kind: 'clock', deadlineNs: 0n }]
    if (SUBSCRIPTIONS + all.length * SUBSCRIPTION_BYTES > EVENTS) return undefined
    for (const [index, wish] of all.entries()) this.#subscribe(index, wish)
    const errno = this.call('poll_oneoff', SUBSCRIPTIONS, EVENTS, all.length, RESULT)
    return after(errno, (answer) =>
      answer === Errno.SUCCESS
        ? this.#events().filter((index) => index < wishes.length)
        : undefined,
    )
  }

  #subscribe(index: number, wish: Wish): void {
    const at = SUBSCRIPTIONS + index * SUBSCRIPTION_BYTES
    this.#bytes.fill(0, at, at + SUBSCRIPTION_BYTES)
    this.view.setBigUint64(at, BigInt(index), true)
    if (wish.kind === 'clock') {
      this.view.setUint8(at + 8, Eventtype.Clock)
      this.view.setUint32(at + 16, 1, true) // the monotonic one
      this.view.setBigUint64(at + 24, wish.deadlineNs, true)
      this.view.setUint16(at + 40, 1, true) // a point in time
    } else {
      this.view.setUint8(at + 8, wish.kind === 'read' ? Eventtype.FdRead : Eventtype.FdWrite)
      this.view.setUint32(at + 16, wish.fd, true)
    }
  }

  #events(): number[] {
    return Array.from({ length: this.result }, (_, index) =>
      Number(this.view.getBigUint64(EVENTS + index * EVENT_BYTES, true)),
    )
  }

  #setPatience(fd: number, waits: boolean): void {
    if (this.#impatient.has(fd) === !waits) return
    this.callNow('fd_fdstat_set_flags', fd, waits ? 0 : Fdflags.Nonblock)
    if (waits) this.#impatient.delete(fd)
    else this.#impatient.add(fd)
  }

  #fill(bytes: Uint8Array): void {
    this.#bytes.set(bytes, MOVED)
    this.#setIovec(bytes.length)
  }

  #setIovec(length: number): void {
    this.view.setUint32(0, MOVED, true)
    this.view.setUint32(4, length, true)
  }
}

/** Goes on at once where nothing has to be waited for. */
export function after<From, To>(
  value: From | Promise<From>,
  then: (value: From) => To | Promise<To>,
): To | Promise<To> {
  return value instanceof Promise ? value.then(then) : then(value)
}
