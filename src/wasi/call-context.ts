/**
 * What every preview 1 call works on: the guest's memory, the session's grants and descriptors, and waiting.
 *
 * Pointers and lengths come from the guest as int32 and are read as unsigned. A call starts with `enter()`, charges what it
 * is about to do before it does it, and ends with `leave()`.
 *
 * The guest's own counter cannot tell how long calls take: what a unit of it lasts is found out from what the guest does between
 * two checks. So work in calls is counted here, and when there has been enough of it, or of time, the counter is
 * put below 0: the guest is checked as soon as the call returns.
 */
import type { Timer } from '../base/clock.ts'
import { Descriptor } from './descriptor.ts'
import { DescriptorTable } from './descriptor-table.ts'
import { Errno } from './errno.ts'
import { WasiError } from './errors.ts'
import { ExitSignal } from './exit-signal.ts'
import { Fibers } from './fibers.ts'
import type { DirectoryNode, OpenStream } from './filesystem.ts'
import { IovecList } from './iovec-list.ts'
import { Listings } from './listing.ts'
import { PathTexts } from './path-texts.ts'
import { ALL_RIGHTS } from './rights.ts'
import type { Preopen, WasiGrants } from './session.ts'
import { DEFAULT_WASI_LIMITS } from './session.ts'
import { StandardStreams } from './standard-streams.ts'
import { Traces } from './traces.ts'
import { Ways } from './ways.ts'

/** What a host without a session grants. */
const NOTHING: WasiGrants = {
  args: [],
  env: [],
  stdin: { read: () => undefined, onReadable: (wake) => wake() },
  stdout: { write: (bytes) => bytes.length, onWritable: (wake) => wake(), end: () => undefined },
  stderr: { write: (bytes) => bytes.length, onWritable: (wake) => wake(), end: () => undefined },
  preopens: [],
  clock: {
    nowMs: () => 0,
    monotonicNs: () => 0n,
    realtimeNs: () => 0n,
    epochMs: () => 0,
    processCpuNs: () => 0n,
    threadCpuMs: () => 0,
    after: () => ({ cancel: () => undefined }),
  },
  random: () => undefined,
  limits: DEFAULT_WASI_LIMITS,
}

/** Work in calls between two checks: see `charge`. */
export const WORK_BETWEEN_CHECKS = 100_000
/** What any call costs. */
export const CALL_WORK = 500
/** What it takes to make a socket and to watch it. */
export const CONNECT_WORK = 100_000
/** What it takes to look at, open, change or close one file on a host's disk. */
export const FILE_WORK = 20_000
/** Milliseconds since the latest check from which on a call that ends asks for the next. */
export const MOST_UNCHECKED_MS = 0.2

/** A byte of the guest's that is set when it has used so much. */
interface Alarm {
  readonly at: number
  readonly usedMs: number
}

/** Of processor time, in milliseconds. */
export interface ProcessorBudget {
  readonly usedMs: number
  readonly limitMs: number
}

const UNLIMITED: ProcessorBudget = { usedMs: 0, limitMs: Number.POSITIVE_INFINITY }

export class CallContext {
  grants: WasiGrants = NOTHING
  /** Where absolute links begin; undefined: nowhere. Held until the end of the session. */
  whole: DirectoryNode | undefined = undefined
  readonly descriptors: DescriptorTable = new DescriptorTable(() => this.#openPreopens())
  readonly listings = new Listings()
  readonly ways = new Ways()
  readonly fibers = new Fibers()
  readonly paths = new PathTexts()
  readonly traces = new Traces(() => this.#startOver())
  readonly #standard = new StandardStreams(NOTHING)
  /** Guest memory. Only valid after `enter()` and until the guest runs again. */
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  /** The buffers of the call that is under way. */
  readonly iovecs = new IovecList()
  exitCode: number | undefined = undefined
  /** Until when it is believed where the latest path has led, and what is there, in milliseconds of the clock; 0: no longer than now. */
  believedUntilMs = 0
  /** Permissions of what the next call makes. */
  newMode: number | undefined = undefined
  alarm: Alarm | undefined = undefined
  /** What the guest has used and may use. Default: nothing, and everything. */
  processorTime: () => ProcessorBudget = () => UNLIMITED
  /** When the guest last got the thread, as far as this host knows. */
  runningSinceMs = 0
  beforeWait: (() => void) | undefined = undefined
  afterWait: (() => void) | undefined = undefined
  /** Calls `resume`, now or when it is the guest's turn. Default: now. */
  takeTurn: ((resume: () => void) => void) | undefined = undefined
  /** The guest's metering counter (`wasm/contract.ts`); below 0 its time is looked at. */
  counter: Pick<WebAssembly.Global, 'value'> | undefined = undefined
  #workLeft = WORK_BETWEEN_CHECKS
  #checkedMs = 0
  /** Whether this host has asked for the next check. */
  #isCheckDue = false
  #memory: WebAssembly.Memory | undefined = undefined
  #generation = 0
  #mayRun = false
  #waits: 'no' | 'waiting' | 'resuming' = 'no'
  #isSpoilt = false
  #timer: Timer | undefined = undefined
  /** Rejects what the guest waits for. */
  #abandon: ((signal: ExitSignal) => void) | undefined = undefined

  /** The granted stdin, stdout and stderr, whatever has become of descriptors 0 to 2. */
  get standard(): readonly OpenStream[] {
    return this.#standard.streams
  }

  /** Descriptor 0 reads what the session grants as if nothing had been read yet. */
  restartInput(): void {
    this.#standard.readFrom(this.grants.stdin)
  }

  /** Descriptor 0 is at its end. */
  endInput(): void {
    this.#standard.readFrom(NOTHING.stdin)
  }

  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory
    this.#refresh()
  }

  /** `isTraceless`: until its end nothing that it does is seen by anybody. `nowMs`: by the clock of `grants`. */
  begin(grants: WasiGrants, isTraceless: boolean, nowMs: number): void {
    if (!this.isReusable) {
      throw new WasiError(
        'WASI_NOT_REUSABLE',
        'Cannot begin a session: a stack of the one before may still run, wanted a new instance',
      )
    }
    this.end()
    this.grants = grants
    this.exitCode = undefined
    this.newMode = undefined
    this.alarm = undefined
    this.traces.begin(isTraceless)
    this.#standard.begin(grants)
    this.descriptors.begin(grants.limits.openFiles, this.#standard.descriptors)
    this.runningSinceMs = nowMs
    this.checked(nowMs)
    this.#mayRun = true
  }

  end(): void {
    this.#generation++
    this.#mayRun = false
    if (this.#waits !== 'no') this.#isSpoilt = true
    this.#waits = 'no'
    // A stack that is never resumed is never freed: V8 takes every suspended stack for reachable.
    this.#abandon?.(new ExitSignal(undefined))
    this.#abandon = undefined
    this.#timer?.cancel()
    this.#timer = undefined
    this.fibers.end()
    this.ways.clear()
    this.descriptors.clear()
    this.whole?.release()
    this.whole = undefined
    this.#standard.begin(NOTHING)
    this.grants = NOTHING
  }

  /** For another guest: no code of the one before can run any more. */
  renew(): void {
    this.end()
    this.#isSpoilt = false
  }

  /** False once a session was ended while the guest was suspended: its stack still has to unwind. */
  get isReusable(): boolean {
    return !this.#isSpoilt && this.#waits !== 'resuming' && !this.fibers.areLeft
  }

  /** Whether the guest's stack is parked in one of our calls and will stay so unless something wakes it. */
  get isSuspended(): boolean {
    return this.#waits === 'waiting'
  }

  /**
   * Charges the guest for what a call is about to do. A unit is a nanosecond, or what takes about so long at worst: it is no
   * matter when it is too much, because a check costs less than a call. No call charges for more than some milliseconds.
   */
  charge(work: number): void {
    this.#workLeft -= work
    if (this.#workLeft < 0) this.#checkSoon()
  }

  /** The guest's time has been looked at. Answers whether that was this host's wish. */
  checked(nowMs: number): boolean {
    const wasDue = this.#isCheckDue
    this.#workLeft = WORK_BETWEEN_CHECKS
    this.#checkedMs = nowMs
    this.#isCheckDue = false
    return wasDue
  }

  #checkSoon(): void {
    if (this.#isCheckDue) return
    this.#isCheckDue = true
    if (this.counter !== undefined) this.counter.value = -1
  }

  /** Starts a call: throws when the guest has exited or the session is over, and makes the memory views current. */
  enter(): void {
    if (!this.#mayRun) throw new ExitSignal(this.exitCode)
    if (this.bytes.length === 0) this.#refresh()
    this.charge(CALL_WORK)
  }

  /** Ends a call that need not wait: what it took is seen, whatever it charged for. */
  leave(): void {
    if (this.#isCheckDue) return
    if (this.grants.clock.nowMs() - this.#checkedMs > MOST_UNCHECKED_MS) this.#checkSoon()
  }

  /** Ends the guest: from here on every call throws, so that a guest that swallows the signal gets nowhere. */
  exit(exitCode: number): never {
    this.exitCode = exitCode
    this.#mayRun = false
    throw new ExitSignal(exitCode)
  }

  /** Lets the guest see that the time of its alarm has come. */
  ring(): void {
    if (this.alarm === undefined) return
    this.#refresh()
    this.bytes[this.alarm.at] = 1
    this.alarm = undefined
  }

  /** The guest may not do what it wants to do: from here on it gets nowhere. */
  #startOver(): never {
    this.poison()
    if (this.counter !== undefined) this.counter.value = -1
    throw new ExitSignal(undefined)
  }

  /** Makes every further call throw. */
  poison(): void {
    this.#mayRun = false
  }

  /** Takes `poison` back. */
  cure(): void {
    this.#mayRun = true
  }

  /** Whether `length` bytes at `pointer` are inside guest memory. Both already unsigned. */
  has(pointer: number, length: number): boolean {
    return pointer + length <= this.bytes.length
  }

  /** Permissions of what the call that asks makes, if the guest has said any. */
  takeNewMode(): number | undefined {
    const mode = this.newMode
    this.newMode = undefined
    return mode
  }

  /** Stores a u32 result; FAULT when it does not fit. */
  storeU32(pointer: number, value: number): number {
    const at = pointer >>> 0
    if (!this.has(at, 4)) return Errno.FAULT
    this.view.setUint32(at, value, true)
    return Errno.SUCCESS
  }

  /** Stores a u64 result; FAULT when it does not fit. */
  storeU64(pointer: number, value: bigint): number {
    const at = pointer >>> 0
    if (!this.has(at, 8)) return Errno.FAULT
    this.view.setBigUint64(at, value, true)
    return Errno.SUCCESS
  }

  /**
   * Suspends the guest. `arm` asks whoever is waited for to call `wake`; then `proceed` says the call's errno, or
   * `undefined` to go on waiting. At the session's end the promise is rejected, which unwinds the guest's stack: V8 never
   * frees one that is left suspended.
   */
  wait(arm: (wake: () => void) => void, proceed: () => number | undefined): Promise<number> {
    this.traces.leave()
    const generation = this.#generation
    this.#waits = 'waiting'
    this.ways.clear()
    this.beforeWait?.()
    return new Promise((resolve, reject) => {
      let isArming = true
      let isSettled = false
      this.#abandon = reject
      const wake = (): void => {
        if (isSettled || generation !== this.#generation) return
        // The engine must have seen the promise before it settles; see below.
        if (isArming) {
          queueMicrotask(wake)
          return
        }
        try {
          this.#refresh()
          const errno = proceed()
          if (errno === undefined) {
            rearm()
            return
          }
          isSettled = true
          this.#resume(() => resolve(errno))
        } catch (error) {
          isSettled = true
          this.#resume(() => reject(error))
        }
      }
      const rearm = (): void => {
        isArming = true
        arm(wake)
        isArming = false
      }
      // The hook may have ended the session.
      if (generation === this.#generation) rearm()
      else queueMicrotask(() => reject(new ExitSignal(undefined)))
    })
  }

  #openPreopens(): Descriptor[] {
    const { preopens } = this.grants
    this.whole = preopens.find(({ isWhole }) => isWhole === true)?.directory
    this.whole?.retain()
    return preopens.map(openDirectory)
  }

  /** Sets the session's one timer; it dies with the session. */
  setTimer(delayMs: number, wake: () => void): void {
    this.#timer?.cancel()
    this.#timer = this.grants.clock.after(delayMs, wake)
  }

  cancelTimer(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** What it waited for has come: it goes on when it is its turn, if the session is still open then. */
  #resume(settle: () => void): void {
    const generation = this.#generation
    const resume = (): void => {
      if (generation === this.#generation) this.#resumeNow(settle)
    }
    if (this.takeTurn === undefined) resume()
    else this.takeTurn(resume)
  }

  /** Once settled, a promise cannot be called back: until the guest has run on, the host is not to be reused. */
  #resumeNow(settle: () => void): void {
    this.#abandon = undefined
    this.#waits = 'resuming'
    this.runningSinceMs = this.grants.clock.nowMs()
    this.#checkedMs = this.runningSinceMs
    this.afterWait?.()
    settle()
    // Runs after the engine's own reaction to the promise, which was queued by `settle`.
    queueMicrotask(() => {
      if (this.#waits === 'resuming') this.#waits = 'no'
    })
  }

  #refresh(): void {
    const buffer = this.#memory?.buffer
    if (buffer === undefined || buffer === this.bytes.buffer) return
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
  }
}

function openDirectory({ guestPath, directory }: Preopen): Descriptor {
  directory.retain()
  return new Descriptor({ kind: 'directory', node: directory }, ALL_RIGHTS, {
    inheriting: ALL_RIGHTS,
    preopenName: guestPath,
  })
}
