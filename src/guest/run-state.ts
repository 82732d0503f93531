/** One run of a guest: how far it is, and what it has used. */
import type { ByteSink } from '../base/byte-stream.ts'
import type { GuestJob, RunEnd } from './job.ts'
import type { KillReason } from './outcome.ts'
import { ProcessorTime, type ThreadTime } from './processor-time.ts'

const NOTHING = new Uint8Array(0)

export class RunState {
  readonly job: GuestJob
  readonly end: RunEnd
  readonly deadlineMs: number
  /** What of the program's entries is being called. */
  entry = 0
  /** Whether it has no stack of its own (`at-once.ts`). */
  isBare: boolean
  killedBy: KillReason | undefined = undefined
  /** What follows when no code of it is under way any more; until then it is made to end. */
  whenUnwound: (() => void) | undefined = undefined
  readonly #time: ProcessorTime
  #enteredMs: number
  #faults: number
  /** When its time was last looked at. */
  #checkedMs: number
  /** What its standard output has not taken yet of what it has printed without a stack of its own. */
  #unprinted: Uint8Array = NOTHING

  constructor(job: GuestJob, end: RunEnd, { nowMs, faults, isBare, threadTime }: RunStart) {
    this.job = job
    this.end = end
    this.deadlineMs = nowMs + job.wallMs
    this.isBare = isBare
    this.#time = new ProcessorTime(threadTime, nowMs)
    this.#enteredMs = nowMs
    this.#checkedMs = nowMs
    this.#faults = faults
  }

  /** Up to the last time it gave the thread up. */
  get usedMs(): number {
    return this.#time.usedMs
  }

  /** It may be a little too much: the thread may have had to wait. */
  usedUntil(nowMs: number): number {
    return this.#time.usedMs + nowMs - this.#enteredMs
  }

  /** Whether it has used more processor time than that. It has the thread. */
  isOver(limitMs: number, nowMs: number): boolean {
    return this.#time.isOver(limitMs, nowMs)
  }

  /** Whether its slice was over when its time was looked at. */
  get isSliceOver(): boolean {
    const { sliceMs } = this.job
    if (this.#checkedMs - this.#enteredMs < sliceMs) return false
    // On a busy machine the thread may have been without a processor: no reason to start over.
    return !this.isBare || this.#time.isOver(sliceMs, this.#checkedMs)
  }

  /** Its time is looked at. Answers how long that was not so. */
  look(nowMs: number): number {
    const elapsedMs = nowMs - this.#checkedMs
    this.#checkedMs = nowMs
    return elapsedMs
  }

  /** It gets the thread. */
  enter(nowMs: number, faults: number): void {
    this.#enteredMs = nowMs
    this.#checkedMs = nowMs
    this.#faults = faults
    this.#time.enter(nowMs)
  }

  /** It gives the thread up: counts what it took while it had it. Answers its page faults; NaN: nobody knows. */
  leave(nowMs: number, faults: number): number {
    this.#time.leave(nowMs)
    const had = faults - this.#faults
    this.job.faults.note(had)
    return had
  }

  /** Gives what was printed without a stack of its own to its standard output, and keeps what that does not take yet. */
  print(bytes: Uint8Array = this.#unprinted): void {
    this.#unprinted = write(bytes, this.job.grants.stdout)
  }

  /** Whether all of it is taken. */
  get hasPrinted(): boolean {
    return this.#unprinted.length === 0
  }
}

export interface RunStart {
  /** When the guest gets the thread, on its clock, and the page faults of the thread up to then; NaN: they do not matter. */
  readonly nowMs: number
  readonly faults: number
  readonly isBare: boolean
  readonly threadTime: ThreadTime
}

/** Answers a copy of what the sink does not take yet. */
function write(bytes: Uint8Array, sink: ByteSink): Uint8Array {
  for (let at = 0; at < bytes.length; ) {
    const taken = sink.write(at === 0 ? bytes : bytes.subarray(at))
    if (taken < 0) return NOTHING // nobody will read it
    if (taken === 0) return Uint8Array.from(bytes.subarray(at))
    at += taken
  }
  return NOTHING
}
