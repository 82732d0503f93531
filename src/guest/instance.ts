/**
 * One instance of a guest module and the run it is in; renewed, one after the other.
 *
 * The guest runs in this thread on a stack of its own (JSPI). While it waits for bytes, for time or for its next
 * slice, the thread belongs to everybody else; CPU time counts only while the guest holds the thread, and the thread a processor.
 *
 *     idle -> running <-> waiting -> idle -> reset() -> idle ...
 *                 └── trap, kill ──> spent -> renew() -> idle ...
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { ProcessorBudget } from '../wasi/call-context.ts'
import { ExitSignal } from '../wasi/exit-signal.ts'
import type { WasiHost } from '../wasi/host.ts'
import { END_GUEST, GO_ON } from '../wasm/contract.ts'
import { AtOnce, callBare, type Thrown } from './at-once.ts'
import type { FirstState } from './first-state.ts'
import type { GuestModule } from './guest-module.ts'
import { InstanceParts, type InstanceUse } from './instance-parts.ts'
import type { GuestJob, RunEnd } from './job.ts'
import { type KillReason, type Outcome, outcomeOfThrow } from './outcome.ts'
import type { RunState } from './run-state.ts'

const EXITED: Outcome = { kind: 'exited', code: 0 }

export class GuestInstance {
  /** From 0 to 1, at random. */
  readonly jitter: number = Math.random()
  readonly #clock: Clock
  readonly #parts: InstanceParts
  readonly #host: WasiHost
  #atOnce: AtOnce
  #run: RunState | undefined
  #isWaiting = false
  /** Whether code of the guest is under way or may still be: one that was killed while it waited unwinds later. */
  #isOnStack = false
  #whenOffStack: (() => void) | undefined
  #isSpent = false
  #hasReturned = false
  #runs = 0
  /** What has ended a guest that has no stack of its own. */
  #thrown: Thrown | undefined
  #wallTimer: Timer | undefined

  /** Instantiates at once, in this thread; takes tens of microseconds. `module` is hardened. */
  constructor(module: GuestModule, clock: Clock, use: InstanceUse = {}) {
    this.#clock = clock
    this.#atOnce = AtOnce.of(module)
    const checks = { check: () => this.#check(), plainCheck: () => this.#plainCheck() }
    this.#parts = new InstanceParts(module, clock, { ...use, checks })
    this.#host = this.#parts.host
    this.#host.beforeWait = () => this.#leave(true)
    this.#host.afterWait = () => this.#enter()
    this.#host.processorTime = () => this.#processorTime()
    this.#host.takeTurn = (resume) => this.#run?.job.takeTurn(resume)
    this.#host.fiberHooks = {
      onSwitch: () => this.#program.state.loseSight(),
      onThrow: (thrown) => this.#threwInFiber(thrown),
      onGone: () => this.#unwound(),
    }
  }

  get #program(): InstanceParts['program'] {
    return this.#parts.program
  }

  /** See `Instance`. */
  become(module: GuestModule, owner: object): void {
    this.#atOnce = AtOnce.of(module)
    this.#parts.become(module, owner)
  }

  /** Runs so far. */
  get runs(): number {
    return this.#runs
  }

  /** See `Instance`. */
  get hasReturned(): boolean {
    return this.#hasReturned
  }

  /** Whether it must not run again: it trapped or was stopped. */
  get isSpent(): boolean {
    return this.#isSpent || !this.#host.isReusable
  }

  /** Bytes of linear memory, all memories together; of a reactor's, what is not shared with other instances. */
  get memoryBytes(): number {
    return this.#program.state.ownBytes()
  }

  /** How many mappings of the process its memories take, about. */
  get mappings(): number {
    return this.#program.state.mappings()
  }

  /** What the instance holds now, between two runs, for others to begin with. Throws GUEST_WRONG_CONTRACT. */
  takeState(): FirstState {
    return this.#program.takeState()
  }

  /** From its start function to the end of what is called for a request. */
  start(job: GuestJob, end: RunEnd): void {
    const isBare =
      job.mayStartOver === true &&
      this.#atOnce.isWorthATry &&
      this.#program.bareEntries !== undefined
    this.#run = this.#parts.begin(job, end, isBare)
    this.#runs += 1
    this.#hasReturned = false
    if (isBare) this.#callBare(this.#run)
    else this.#call(this.#run)
  }

  /**
   * Ends the run. The guest gets no answer from the host any more but an exception, which it may catch, and is trapped at
   * its next check. One that waits is unwound that way too, after the run has been settled: V8 never frees a stack that is
   * left suspended. Does nothing between runs.
   */
  kill(reason: KillReason): void {
    const run = this.#run
    if (run === undefined || run.killedBy !== undefined) return
    run.killedBy = reason
    this.#program.meter.checkNow()
    if (this.#isWaiting) this.#finish(run, { kind: 'killed', reason })
    else this.#host.poison()
  }

  /** See `Instance`. It cannot be when it was stopped or trapped, its memory grew by much, or its module keeps state that cannot be put back. */
  reset(): boolean {
    const { state, meter } = this.#program
    if (this.isSpent || !state.restore()) return false
    meter.restart(this.#parts.sizeBytes)
    return true
  }

  /** See `Instance`. */
  rest(): void {
    this.#program.state.giveBack()
  }

  /** See `Instance`. It waits until no code of the old instance can run any more; a memory that has grown by much cannot be put back. */
  renew(later: () => void): boolean {
    this.#isSpent = true
    this.#program.state.loseSight()
    if (this.#isOnStack || this.#host.areFibersLeft) {
      this.#whenOffStack = () => {
        if (this.renew(later)) later()
      }
      return false
    }
    if (!this.#parts.renew()) {
      this.discard()
      return false
    }
    this.#runs = 0
    this.#isSpent = false
    return true
  }

  /** Nobody will use it any more. */
  discard(): void {
    this.#isSpent = true
    this.#parts.release()
  }

  /** See `Instance`. */
  trace(depth: number): readonly string[] {
    const run = this.#run
    if (run === undefined || run.killedBy !== undefined || run.whenUnwound !== undefined) return []
    if (this.#host.exitCode !== undefined) return []
    this.#program.state.loseSight()
    return this.#program.trace?.take(depth) ?? []
  }

  /** The guest's time is looked at: GO_ON, END_GUEST, or a promise of one of them when it is others' turn. */
  #check(): number | Promise<number> {
    const run = this.#run
    if (this.#program.trace?.mayGoOn() !== undefined) return this.#plainCheck()
    if (run === undefined || this.#plainCheck() !== GO_ON) return END_GUEST
    if (!run.isSliceOver) return GO_ON
    this.#host.leaveTrace()
    return new Promise((resolve) => {
      this.#leave(false)
      run.job.waitTurn(() => {
        if (this.#run !== run) {
          resolve(END_GUEST) // killed meanwhile: its stack is unwound, or it would never be freed
          return
        }
        this.#enter()
        resolve(this.#plainCheck())
      }, run.usedMs)
    })
  }

  /** GO_ON, or END_GUEST when a budget is spent. */
  #plainCheck(): number {
    const run = this.#run
    const mayTrace = this.#program.trace?.mayGoOn()
    if (mayTrace !== undefined) return mayTrace ? GO_ON : END_GUEST
    const isOver = run === undefined || run.whenUnwound !== undefined
    if (isOver || (run.isBare && this.#host.hasLeftTraces)) {
      this.#program.meter.checkNow() // of another stack, too
      return END_GUEST
    }
    const nowMs = this.#clock.nowMs()
    const { meter } = this.#program
    meter.tune(run.look(nowMs), this.#parts.sizeBytes, this.#host.checked(nowMs))
    this.#parts.hurry(run)
    const { alarmMs } = this.#host
    if (alarmMs !== undefined && run.isOver(alarmMs, nowMs)) this.#host.ring()
    if (run.isOver(run.job.cpuMs, nowMs)) run.killedBy ??= 'cpu'
    else if (nowMs > run.deadlineMs) run.killedBy ??= 'wall'
    return run.killedBy === undefined && this.#host.exitCode === undefined ? GO_ON : END_GUEST
  }

  #processorTime(): ProcessorBudget {
    const run = this.#run
    if (run === undefined) return { usedMs: 0, limitMs: 0 }
    return { usedMs: run.usedUntil(this.#clock.nowMs()), limitMs: run.job.cpuMs }
  }

  /** What follows comes when `start` has returned. */
  #callBare(run: RunState): void {
    this.#isOnStack = true
    this.#thrown = callBare(this.#parts, run)
    this.#parts.leave(run, this.#clock.nowMs())
    this.#isWaiting = true
    queueMicrotask(this.#leaveBare)
  }

  readonly #leaveBare = (): void => {
    const run = this.#run
    const thrown = this.#thrown
    this.#isOnStack = false
    this.#thrown = undefined
    if (run === undefined) this.#unwound()
    else if (thrown === undefined) {
      this.#hasReturned = true
      this.#finishPrinted(run, EXITED)
    } else if (this.#host.exitCode === undefined && run.killedBy === undefined) this.#startOver(run)
    else this.#finishPrinted(run, this.#outcomeOf(thrown.value))
  }

  /** As soon as all that it has printed is taken. */
  #finishPrinted(run: RunState, outcome: Outcome): void {
    if (this.#run !== run) return
    run.print()
    if (run.hasPrinted) {
      this.#finish(run, outcome)
      return
    }
    this.#waitFor(run, this.#clock.nowMs())
    run.job.grants.stdout.onWritable(() => this.#finishPrinted(run, outcome))
  }

  /** From the instance's first state, with a stack of its own. What trapped may have trapped for the want of it. */
  #startOver(run: RunState): void {
    this.#atOnce.failed()
    try {
      this.#parts.startOver(run)
      this.#enter()
    } catch (error) {
      this.#run = undefined
      this.#isWaiting = false
      this.#isSpent = true
      run.end.broke(error)
      return
    }
    this.#call(run)
  }

  #call(run: RunState): void {
    const { entries, state } = this.#program
    const entry = entries[run.entry]
    if (entry === undefined) {
      this.#hasReturned = true
      this.#finish(run, EXITED)
      return
    }
    this.#isOnStack = true
    state.watch(entry).then(this.#returned, this.#threw)
  }

  // An entry is called when the one before has ended, so these are about the run that is under way, unless it was killed.
  readonly #returned = (): void => {
    this.#leaveEntry((run) => {
      run.entry += 1
      this.#call(run)
    })
  }

  readonly #threw = (thrown: unknown): void => {
    this.#leaveEntry((run) => this.#finish(run, this.#outcomeOf(thrown)))
  }

  #leaveEntry(then: (run: RunState) => void): void {
    const run = this.#run
    this.#isOnStack = false
    this.#program.state.endWatch()
    if (run === undefined || run.whenUnwound !== undefined) this.#unwound()
    else this.#unwind(run, () => then(run))
  }

  #threwInFiber(thrown: unknown): void {
    const run = this.#run
    if (run !== undefined) this.#unwind(run, () => this.#finish(run, this.#outcomeOf(thrown)))
  }

  /** Its fibers end with what has been called, and that with a fiber that ends the guest. */
  #unwind(run: RunState, then: () => void): void {
    if (!this.#host.endFibers()) {
      then()
      return
    }
    run.whenUnwound = () => {
      if (this.#host.exitCode === undefined && run.killedBy === undefined) this.#host.cure()
      then()
    }
    this.#program.meter.checkNow()
    this.#unwound()
  }

  /** A stack has ended. */
  #unwound(): void {
    if (this.#isOnStack || this.#host.areFibersLeft) return
    this.#whenOffStack?.()
    this.#whenOffStack = undefined
    const run = this.#run
    const then = run?.whenUnwound
    if (run === undefined || then === undefined) return
    run.whenUnwound = undefined
    then()
  }

  #outcomeOf(thrown: unknown): Outcome {
    const { exitCode } = this.#host
    if (exitCode !== undefined || thrown instanceof ExitSignal) {
      return exitCode === undefined || exitCode === 0 ? EXITED : { kind: 'exited', code: exitCode }
    }
    this.#isSpent = true
    return outcomeOfThrow(thrown, this.#program.state.hasGrownFull())
  }

  #finish(run: RunState, outcome: Outcome): void {
    if (this.#run !== run) return
    if (!this.#isWaiting) this.#parts.leave(run, this.#clock.nowMs())
    this.#run = undefined
    this.#isWaiting = false
    this.#wallTimer?.cancel()
    this.#wallTimer = undefined
    const { killedBy } = run
    if (run.isBare) this.#atOnce.succeeded()
    else if (run.job.mayStartOver === true) {
      const isDone = killedBy === undefined && outcome.kind === 'exited'
      this.#atOnce.ended(this.#host.hasLeftTraces || !isDone)
    }
    this.#parts.end()
    if (killedBy !== undefined) this.#isSpent = true
    run.end.settled({
      outcome: killedBy === undefined ? outcome : { kind: 'killed', reason: killedBy },
      cpuMs: run.usedMs,
      memoryBytes: this.#program.state.runBytes(),
    })
  }

  /** The guest gives up the thread. */
  #leave(isForOthers: boolean): void {
    const run = this.#run
    if (run === undefined) return
    const nowMs = this.#clock.nowMs()
    if (isForOthers) this.#program.state.loseSight()
    else this.#program.state.pause()
    this.#parts.leave(run, nowMs)
    this.#isWaiting = true
    if (!isForOthers) return
    this.#waitFor(run, nowMs)
    if (run.killedBy !== undefined) this.#finish(run, { kind: 'killed', reason: run.killedBy })
  }

  /** It waits for others, until its deadline. */
  #waitFor(run: RunState, nowMs: number): void {
    if (run.deadlineMs !== Number.POSITIVE_INFINITY) {
      const leftMs = Math.max(0, run.deadlineMs - nowMs)
      this.#wallTimer ??= this.#clock.after(leftMs, () => this.kill('wall'))
    }
    run.job.onWait(run.usedMs)
  }

  /** The guest gets the thread back. */
  #enter(): void {
    const run = this.#run
    if (run === undefined) return
    this.#isWaiting = false
    this.#parts.enter(run, this.#clock.nowMs())
    this.#program.state.goOn()
  }
}
