/**
 * A log: a bounded queue of whole lines before a port that never blocks. What does not fit is dropped and counted, and said
 * when there is room again. A line after some quiet is written at the end of its turn of the event loop. Those that may wait,
 * and those that follow another within a few milliseconds, are written together: one system call for many requests, and after
 * their answers have gone out.
 */
import type { Clock, Timer } from './clock.ts'
import { systemCodeOf } from './errors.ts'
import type { LogPort } from './log-port.ts'
import type { LogDestination } from './logger.ts'

/** What the logs of a process may keep in memory together. */
export class LogMemory {
  limitBytes: number
  usedBytes = 0
  /** Lines of all its logs that were dropped. */
  droppedLines = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** A log that takes nothing gets half of it at most, two a third each, and so on: there is always some left for the others. */
  hasRoom(ownBytes: number, moreBytes: number): boolean {
    return ownBytes + moreBytes <= this.limitBytes - this.usedBytes
  }
}

export interface LogSinkOptions {
  readonly clock: Clock
  readonly memory: LogMemory
  readonly open: () => LogPort | Promise<LogPort>
  /** It takes no lines, for this reason. Called once, until it has taken some again. */
  readonly onTrouble?: (problem: string) => void
  /** It takes lines again; so many were dropped. */
  readonly onDropped: (lines: number) => void
}

const NEWLINE = 0x0a

/** A line costs so much besides its bytes. */
const LINE_COST_BYTES = 64

/** How long lines wait for others when they may, and how many bytes do at most. */
const GATHER_MS = 5
const GATHER_BYTES = 64 * 1024

/** Between two attempts at what takes nothing just now; twice as long each time, up to the second. */
const FIRST_RETRY_MS = 5
const LAST_RETRY_MS = 100

/** Between two lines about lines that were dropped. */
const SAY_MS = 1000

/** So many lines that have gone out are cleared away at once. */
const MANY_TAKEN = 1024

/** Between two attempts at what has failed: a full disk, a missing folder. */
const FAILED_RETRY_MS = 1000

export class LogSink implements LogDestination {
  readonly #options: LogSinkOptions
  #port: LogPort | undefined
  /** Whole lines. */
  #lines: string[] = []
  /** How many of them have gone out. */
  #taken = 0
  #bytes = 0
  /** What is being written, or what one write has left over. */
  #rest: Uint8Array | undefined
  /** What its lines still count for. */
  #restCost = 0
  /** Whether it begins in the middle of a line. */
  #isTorn = false
  #dropped = 0
  #saidMs = Number.NEGATIVE_INFINITY
  #isScheduled = false
  #isGathering = false
  /** The port is being opened, or written to by another thread. */
  #isBusy = false
  #mustReopen = false
  #isInTrouble = false
  #retryMs = FIRST_RETRY_MS
  #retry: Timer | undefined
  #onIdle: (() => void) | undefined

  constructor(options: LogSinkOptions) {
    this.#options = options
  }

  /** Takes one line or several whole ones; they stay together. Returns at once. */
  write(lines: string): void {
    if (!this.#take(lines)) return
    if (!this.#isGathering || this.#bytes >= GATHER_BYTES) this.#schedule()
  }

  /** Like `write`, but they may wait a few milliseconds for others. */
  gather(lines: string): void {
    if (!this.#take(lines)) return
    if (this.#bytes >= GATHER_BYTES) this.#schedule()
    this.#gatherOthers()
  }

  #gatherOthers(): void {
    if (this.#isGathering) return
    this.#isGathering = true
    this.#options.clock.after(GATHER_MS, this.#isGathered)
  }

  /** Whether there was room. */
  #take(lines: string): boolean {
    const { memory } = this.#options
    const bytes = costOf(lines)
    if (!memory.hasRoom(this.#bytes, bytes)) {
      this.#drop(countLines(lines))
      this.#trouble('it does not take its lines fast enough')
      return false
    }
    this.#lines.push(lines)
    this.#count(bytes)
    return true
  }

  #drop(lines: number): void {
    this.#dropped += lines
    this.#options.memory.droppedLines += lines
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#turnEnds)
  }

  /** Opens its file anew, before the next line. */
  reopen(): void {
    this.#mustReopen = true
    this.#pump()
  }

  /** Resolves when everything is written; perhaps never. */
  async idle(): Promise<void> {
    this.#pump()
    if (this.#isDone) return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  /** The process ends: writes what can be written at once. Whether everything is. */
  flushNow(): boolean {
    if (this.#isBusy || this.#isDone) return this.#isDone
    try {
      this.#port ??= this.#openNow()
      while (!this.#isDone) {
        const batch = this.#nextBatch(this.#port)
        this.#took(batch, this.#port.writeLast(batch))
      }
    } catch {
      // later, or never
    }
    return this.#isDone
  }

  get #isDone(): boolean {
    return this.#rest === undefined && this.#taken === this.#lines.length && !this.#isBusy
  }

  readonly #isGathered = (): void => {
    this.#isGathering = false
    if (this.#taken < this.#lines.length) this.#turnEnds()
  }

  readonly #turnEnds = (): void => {
    this.#isScheduled = false
    if (this.#isBusy || this.#retry !== undefined) return
    this.#gatherOthers()
    this.#pump()
  }

  /** Another thread has written: lines that came meanwhile may still wait for others. */
  #hasWritten(): void {
    const isWaiting = this.#isGathering && this.#bytes < GATHER_BYTES && this.#rest === undefined
    if (!isWaiting || this.#mustReopen || this.#onIdle !== undefined) this.#pump()
  }

  #pump(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    try {
      while (!this.#isBusy && (this.#mustReopen || !this.#isDone)) {
        if (this.#port === undefined || this.#mustReopen) this.#open()
        else this.#writeTo(this.#port)
      }
    } catch (error) {
      this.#failed(error)
    }
    if (this.#isDone) this.#onIdle?.()
  }

  #open(): void {
    const opened = this.#options.open()
    if (opened instanceof Promise) {
      this.#await(opened, (port) => {
        this.#use(port)
        this.#pump()
      })
    } else this.#use(opened)
  }

  #openNow(): LogPort {
    const opened = this.#options.open()
    if (!(opened instanceof Promise)) return opened
    opened.catch(() => undefined)
    throw new Error('a file takes longer')
  }

  #use(port: LogPort): void {
    this.#dropTornLine()
    this.#port?.close()
    this.#port = port
    this.#mustReopen = false
  }

  /** The other part of the line is in the file before. */
  #dropTornLine(): void {
    if (this.#rest === undefined || !this.#isTorn) return
    this.#drop(1)
    const rest = this.#rest.subarray(this.#rest.indexOf(NEWLINE) + 1)
    if (rest.length > 0) this.#rest = rest
    else this.#wentOut()
    this.#isTorn = false
  }

  #writeTo(port: LogPort): void {
    const batch = this.#nextBatch(port)
    const written = port.write(batch)
    if (typeof written === 'number') this.#took(batch, written)
    else {
      this.#await(written, (count) => {
        this.#took(batch, count)
        this.#hasWritten()
      })
    }
  }

  #await<Result>(work: Promise<Result>, then: (result: Result) => void): void {
    this.#isBusy = true
    work.then(
      (result) => {
        this.#isBusy = false
        then(result)
      },
      (error: unknown) => {
        this.#isBusy = false
        this.#failed(error)
      },
    )
  }

  /** Whole lines, as many as fit into one write, or what the last one has left over. */
  #nextBatch({ batchBytes }: LogPort): Uint8Array {
    if (this.#rest !== undefined) return this.#rest
    const first = this.#taken
    let cost = 0
    let bytes = 0
    while (this.#taken < this.#lines.length) {
      const lineCost = costOf(this.#lines[this.#taken] ?? '')
      const lineBytes = lineCost - LINE_COST_BYTES
      if (this.#taken > first && bytes + lineBytes > batchBytes) break
      cost += lineCost
      bytes += lineBytes
      this.#taken += 1
    }
    const batch = Buffer.from(this.#lines.slice(first, this.#taken).join(''))
    if (this.#taken === this.#lines.length) {
      this.#lines = []
      this.#taken = 0
    } else if (this.#taken > MANY_TAKEN) {
      this.#lines.splice(0, this.#taken)
      this.#taken = 0
    }
    this.#restCost = cost
    this.#rest = batch
    return batch
  }

  #took(batch: Uint8Array, written: number): void {
    this.#retryMs = FIRST_RETRY_MS
    if (written < batch.length) {
      if (written > 0) this.#isTorn = batch[written - 1] !== NEWLINE
      this.#rest = batch.subarray(written)
      return
    }
    this.#isTorn = false
    this.#wentOut()
    this.#isInTrouble = false
    this.#sayDropped()
  }

  #wentOut(): void {
    this.#rest = undefined
    this.#count(-this.#restCost)
    this.#restCost = 0
  }

  /** At most once a second: what is read slowly is not to be filled with that. */
  #sayDropped(): void {
    if (this.#dropped === 0) return
    const nowMs = this.#options.clock.nowMs()
    if (nowMs - this.#saidMs < SAY_MS) return
    const lines = this.#dropped
    this.#dropped = 0
    this.#saidMs = nowMs
    this.#options.onDropped(lines)
  }

  #failed(error: unknown): void {
    const { clock } = this.#options
    const isLater = systemCodeOf(error) === 'EAGAIN'
    if (!isLater) this.#trouble(error instanceof Error ? error.message : String(error))
    // The file before is better than none.
    if (this.#mustReopen && this.#port !== undefined) {
      this.#mustReopen = false
      this.#pump()
      return
    }
    const delayMs = isLater ? this.#retryMs : FAILED_RETRY_MS
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
    this.#retry?.cancel()
    this.#retry = clock.after(delayMs, () => this.#pump())
  }

  #trouble(problem: string): void {
    if (this.#isInTrouble) return
    this.#isInTrouble = true
    this.#options.onTrouble?.(problem)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    this.#options.memory.usedBytes += bytes
  }
}

function costOf(lines: string): number {
  return Buffer.byteLength(lines) + LINE_COST_BYTES
}

function countLines(lines: string): number {
  return lines.split('\n').length - 1
}
