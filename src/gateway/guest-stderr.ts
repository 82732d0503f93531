/**
 * A guest's standard error: cut into lines, made harmless, limited, put together to messages, then logged and passed to the web server.
 * Copied to our log first because some web servers drop FCGI_STDERR.
 *
 * The web server gets it behind the header of the response, never before: nginx reads up to the end of the header through one
 * small buffer (4,096 bytes), takes the bytes of our records for part of it, and answers 502 when it is full in the wrong place.
 */
import type { ByteSink } from '../base/byte-stream.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { StderrMessage } from './stderr-message.ts'

export interface StderrLimits {
  /** Bytes of one line; the rest of a longer one is cut. */
  readonly lineBytes: number
  /** Bytes of one request's lines together; each line counts for `LINE_COST_BYTES` more. */
  readonly totalBytes: number
  /** Bytes of one request's lines in each second of its run; those of a second that were not used stay available. */
  readonly bytesPerSecond: number
}

export const DEFAULT_STDERR_LIMITS: StderrLimits = {
  lineBytes: 4096,
  totalBytes: 64 * 1024,
  bytesPerSecond: 64 * 1024,
}

const NEWLINE = 10

/** What a line costs besides its own bytes: our log and the web server's each write a few times as much around a short one. */
const LINE_COST_BYTES = 100

/** How long a message may go on when nothing of it is written, in milliseconds. */
export const QUIET_MS = 20

/** The same of one whose end is still to come: a guest that is in the middle of a traceback may not have had the thread for long. */
export const UNFINISHED_MS = 1000

/** Most that waits for the header of the response. */
export const MAX_HELD_BYTES = 65_536

/** Whose it is. */
export interface StderrOwner {
  /** When its guest began, on the clock. */
  readonly startMs: number
  /** Takes a whole message, to the web server. When that does not take it, the log has it. */
  forward(bytes: Uint8Array): void
  /** Takes a whole message without its end, to the log. `isFailure`: it says that the program has failed. */
  log(message: string, isFailure: boolean): void
}

export class GuestStderr implements ByteSink {
  readonly #owner: StderrOwner
  readonly #limits: StderrLimits
  readonly #clock: Clock
  #line = ''
  #message = new StderrMessage()
  #quiet: Timer | undefined
  #totalBytes = 0
  #cutBytes = 0
  /** Messages the web server may not be sent yet; undefined: it may. */
  #held: Uint8Array[] | undefined = []
  #heldBytes = 0

  constructor(owner: StderrOwner, limits: StderrLimits, clock: Clock) {
    this.#owner = owner
    this.#limits = limits
    this.#clock = clock
  }

  /** Bytes that went over a limit and were dropped. */
  get cutBytes(): number {
    return this.#cutBytes
  }

  /** Takes everything at once: a guest never waits for its log. */
  write(bytes: Uint8Array): number {
    let isSameWrite = false
    for (let start = 0; start < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, start)
      const end = newline < 0 ? bytes.length : newline
      this.#append(bytes.subarray(start, end))
      if (newline < 0) break
      this.#endLine(isSameWrite)
      isSameWrite = true
      start = newline + 1
    }
    this.#sendWhenQuiet()
    return bytes.length
  }

  onWritable(wake: () => void): void {
    wake()
  }

  /** The header of the response is out: what was held back and all that comes is passed on. Idempotent. */
  release(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined && held.length > 0) this.#owner.forward(Buffer.concat(held))
  }

  end(): void {
    if (this.#line !== '') this.#endLine(false)
    this.#endMessage()
    if (this.#cutBytes > 0) {
      this.#send(`[${this.#cutBytes} bytes of standard error were cut]`, false)
      this.#cutBytes = 0
    }
  }

  #append(bytes: Uint8Array): void {
    const { lineBytes, totalBytes, bytesPerSecond } = this.#limits
    const seconds = 1 + Math.floor((this.#clock.nowMs() - this.#owner.startMs) / 1000)
    const allowed = Math.min(totalBytes, bytesPerSecond * seconds) - this.#totalBytes
    const room = Math.max(0, Math.min(lineBytes, allowed) - this.#line.length)
    const kept = Math.min(room, bytes.length)
    this.#cutBytes += bytes.length - kept
    this.#line += Buffer.from(bytes.buffer, bytes.byteOffset, kept).toString('latin1')
  }

  #endLine(isSameWrite: boolean): void {
    const line = this.#line.replace(/\r$/, '').replace(/[^\x20-\x7e\x80-\xff\t]/g, '.')
    this.#line = ''
    if (line !== '') this.#totalBytes += line.length + LINE_COST_BYTES
    if (!this.#message.takes(line, isSameWrite)) this.#endMessage()
    this.#message.add(line)
  }

  /** There is no telling whether more of it comes: it may wait a little, but not for a guest that waits itself. */
  #sendWhenQuiet(): void {
    this.#quiet?.cancel()
    this.#quiet = undefined
    if (this.#message.isEmpty) return
    const waitMs = this.#message.isUnfinished ? UNFINISHED_MS : QUIET_MS
    this.#quiet = this.#clock.after(waitMs, () => this.#endMessage())
  }

  #endMessage(): void {
    this.#quiet?.cancel()
    this.#quiet = undefined
    const message = this.#message
    if (message.isEmpty) return
    this.#message = new StderrMessage()
    this.#send(message.text, message.isFailure)
  }

  #send(message: string, isFailure: boolean): void {
    this.#owner.log(Buffer.from(message, 'latin1').toString('utf8'), isFailure)
    const bytes = Buffer.from(`${message}\n`, 'latin1')
    // What the web server does not take, and what cannot wait for it, the log has.
    if (this.#held === undefined) this.#owner.forward(bytes)
    else if (this.#heldBytes + bytes.length <= MAX_HELD_BYTES) {
      this.#held.push(bytes)
      this.#heldBytes += bytes.length
    }
  }
}
