/** A stream on its way to the peer: what the application writes becomes records of one type. */
import type { ByteSink } from '../base/byte-stream.ts'

const NONE = new Uint8Array(0)

/** Where the records go. */
export interface OutputOwner {
  /** How many more bytes may be written to a stream that holds `heldBytes`; 0 or less: none. */
  roomFor(heldBytes: number): number
  /** Adds the first `count` bytes to the stream of `type`. */
  writeContent(type: number, bytes: Uint8Array, count: number): void
  /** Adds a whole record. */
  writeRecord(type: number, content: Uint8Array): void
  /** A write, or an end, is complete; or a writer began to wait. */
  outputChanged(): void
}

/** STDOUT and STDERR on a server, STDIN and DATA on a client. */
export class OutputStream implements ByteSink {
  readonly #owner: OutputOwner
  readonly #type: number
  /** Whether the stream, if nothing was ever written to it, leaves no record at all (STDERR, DATA). */
  readonly #isOptional: boolean
  #held = 0
  #hasRecords = false
  #state: 'open' | 'swallowing' | 'ended' = 'open'
  #isBlocked = false
  #wake: (() => void) | undefined

  constructor(owner: OutputOwner, type: number, { isOptional }: { isOptional: boolean }) {
    this.#owner = owner
    this.#type = type
    this.#isOptional = isOptional
  }

  /** Content bytes the socket has not taken. */
  get heldBytes(): number {
    return this.#held
  }

  /** Whether the writer was told to wait and has not been woken. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  write(bytes: Uint8Array): number {
    if (this.#state !== 'open' || bytes.length === 0) return bytes.length
    const count = Math.min(bytes.length, this.#owner.roomFor(this.#held))
    if (count < bytes.length) this.#isBlocked = true
    if (count > 0) {
      this.#hasRecords = true
      this.#held += count
      this.#owner.writeContent(this.#type, bytes, count)
    }
    this.#owner.outputChanged()
    return Math.max(count, 0)
  }

  onWritable(wake: () => void): void {
    if (this.#state !== 'open' || this.#owner.roomFor(this.#held) > 0) {
      wake()
      return
    }
    this.#wake = wake
    this.#isBlocked = true
    this.#owner.outputChanged()
  }

  end(): void {
    if (this.#state !== 'open') return
    this.endQuietly()
    this.#owner.outputChanged()
    this.#unblock()
  }

  /** Ends the stream on the wire, unless that was done, as part of a larger step: tells nobody. */
  endQuietly(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    if (this.#hasRecords || !this.#isOptional) this.#owner.writeRecord(this.#type, NONE)
  }

  /** From here on takes everything and sends nothing but the end. Wakes nobody yet. */
  swallow(): void {
    if (this.#state === 'open') this.#state = 'swallowing'
  }

  /** The socket took `count` bytes. */
  contentWritten(count: number): void {
    this.#held -= count
    this.wakeIfRoom()
  }

  /** Wakes a waiting writer if it could write now. */
  wakeIfRoom(): void {
    if (!this.#isBlocked) return
    if (this.#state !== 'open' || this.#owner.roomFor(this.#held) > 0) this.#unblock()
  }

  #unblock(): void {
    this.#isBlocked = false
    const wake = this.#wake
    if (wake === undefined) return
    this.#wake = undefined
    wake()
  }
}
