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
import { WasiHost } from '../wasi/host.ts'
import { END_GUEST, GO_ON } from '../wasm/contract.ts'
import { hasColdPages } from '../wasm/quota.ts'
import { AtOnce } from './at-once.ts'
import { startComponent } from './components.ts'
import type { FirstState } from './first-state.ts'
import { type GuestMemory, makeMemories } from './guest-memory.ts'
import type { GuestModule } from './guest-module.ts'
import { entriesOf, type GuestProgram, Program } from './guest-program.ts'
import type { GuestJob, RunEnd } from './job.ts'
import { type KillReason, type Outcome, outcomeOfThrow } from './outcome.ts'
import { pageFaults } from './page-faults.ts'
import { ProcessorTime, type ThreadTime, threadTimeOf } from './processor-time.ts'
import { releasePages } from './release-pages.ts'

const NOTHING = new Uint8Array(0)
const EXITED: Outcome = { kind: 'exited', code: 0 }

interface Run {
  readonly job: GuestJob
  readonly end: RunEnd
  /** What of the program's entries is being called. */
  entry: number
  /** Whether it has no stack of its own (`at-once.ts`). */
  isBare: boolean
  /** What its standard output has not taken yet of what it has printed without one. */
  unprinted: Uint8Array
  readonly deadlineMs: number
  readonly time: ProcessorTime
  /** When the guest last got the thread. */
  enteredMs: number
  /** Page faults of the thread up to then; NaN: they do not matter. */
  faults: number
  /** When its time was last looked at. */
  checkedMs: number
  killedBy: KillReason | undefined
  /** What follows when no code of it is under way any more; until then it is made to end. */
  whenUnwound: (() => void) | undefined
}

export class GuestInstance {
  readonly module: GuestModule
  /** From 0 to 1, at random. */
  readonly jitter: number = Math.random()
  readonly #clock: Clock
  readonly #threadTime: ThreadTime
  readonly #host: WasiHost
  readonly #atOnce: AtOnce
  #memories: readonly GuestMemory[]
  readonly #entries: readonly string[]
  #program: GuestProgram
  #run: Run | undefined
  #isWaiting = false
  /** Whether code of the guest is under way or may still be: one that was killed while it waited unwinds later. */
  #isOnStack = false
  #whenOffStack: (() => void) | undefined
  #isSpent = false
  #hasReturned = false
  #runs = 0
  /** What has ended a guest that has no stack of its own. */
  #thrown: unknown
  #wallTimer: Timer | undefined

  /**
   * Instantiates at once, in this thread; takes tens of microseconds. `module` is hardened. `entries`: what a run calls, default
   * those of a request.
   */
  constructor(module: GuestModule, clock: Clock, entries?: readonly string[]) {
    this.module = module
    this.#entries = entries ?? entriesOf(module)
    this.#clock = clock
    this.#threadTime = threadTimeOf(clock)
    this.#atOnce = AtOnce.of(module.module)
    this.#memories = makeMemories(module)
    this.#host = new WasiHost(module.wasiNames, {
      check: () => this.#check(),
      plainCheck: () => this.#plainCheck(),
    })
    this.#host.beforeWait = () => this.#leave(true)
    this.#host.afterWait = () => this.#enter()
    this.#host.processorTime = () => this.#processorTime()
    this.#host.takeTurn = (resume) => this.#run?.job.takeTurn(resume)
    this.#host.fiberHooks = {
      onSwitch: () => this.#program.state.loseSight(),
      onThrow: (thrown) => this.#threwInFiber(thrown),
      onGone: () => this.#unwound(),
    }
    this.#program = this.#instantiate()
  }

  #instantiate(): GuestProgram {
    const { component } = this.module
    if (component !== undefined)
      return startComponent(this.module, this.#host, {
        component,
        memories: this.#memories,
      })
    return new Program(this.module, this.#host, {
      clock: this.#clock,
      memories: this.#memories,
      entries: this.#entries,
    })
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

  get #sizeBytes(): number {
    return this.#program.state.bytes()
  }

  /** What the instance holds now, between two runs, for others to begin with. Throws GUEST_WRONG_CONTRACT. */
  takeState(): FirstState {
    return this.#program.takeState()
  }

  /** From its start function to the end of what is called for a request. */
  start(job: GuestJob, end: RunEnd): void {
    const nowMs = this.#clock.nowMs()
    const isBare =
      job.mayStartOver === true &&
      this.#atOnce.isWorthATry &&
      this.#program.bareEntries !== undefined
    this.#run = {
      job,
      end,
      entry: 0,
      isBare,
      unprinted: NOTHING,
      deadlineMs: nowMs + job.wallMs,
      enteredMs: nowMs,
      faults: this.#faultsNow(),
      checkedMs: nowMs,
      time: new ProcessorTime(this.#threadTime, nowMs),
      killedBy: undefined,
      whenUnwound: undefined,
    }
    this.#runs += 1
    this.#hasReturned = false
    this.#host.begin(job.grants, isBare)
    this.#program.begin(job.grants)
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

  /**
   * Puts the instance back to what it was before its first run. False: it cannot be (it was stopped or it trapped, its
   * memory grew, or its module keeps state that cannot be put back).
   */
  reset(): boolean {
    const { state, meter } = this.#program
    if (this.isSpent || !state.restore()) return false
    meter.restart(this.#sizeBytes)
    return true
  }

  /** See `Instance`. It waits until no code of the old instance can run any more; a memory that has grown cannot be put back. */
  renew(later: () => void): boolean {
    this.#isSpent = true
    if (this.#isOnStack || this.#host.areFibersLeft) {
      this.#whenOffStack = () => {
        if (this.renew(later)) later()
      }
      return false
    }
    if (!this.#program.state.restoreMemories()) {
      this.discard()
      return false
    }
    this.#host.renew()
    this.#program = this.#instantiate()
    this.#runs = 0
    this.#isSpent = false
    return true
  }

  /** Nobody will use it any more: its memory goes back to the system now, a little at a time, and not when V8 collects it. */
  discard(): void {
    this.#isSpent = true
    for (const { memory } of this.#memories) releasePages(memory)
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
    if (run.checkedMs - run.enteredMs < run.job.sliceMs) return GO_ON
    // On a busy machine the thread may have been without a processor: no reason to start over.
    if (run.isBare && !run.time.isOver(run.job.sliceMs, run.checkedMs)) return GO_ON
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
      }, run.time.usedMs)
    })
  }

  /** GO_ON, or END_GUEST when a budget is spent. */
  #plainCheck(): number {
    const run = this.#run
    const mayTrace = this.#program.trace?.mayGoOn()
    if (mayTrace !== undefined) return mayTrace ? GO_ON : END_GUEST
    if (run === undefined || run.whenUnwound !== undefined || this.#mustStartOver(run)) {
      this.#program.meter.checkNow() // of another stack, too
      return END_GUEST
    }
    const nowMs = this.#clock.nowMs()
    const { meter } = this.#program
    meter.tune(nowMs - run.checkedMs, this.#sizeBytes, this.#host.checked(nowMs))
    if (run.job.faults.isWatched) meter.hurry()
    run.checkedMs = nowMs
    const { alarmMs } = this.#host
    if (alarmMs !== undefined && run.time.isOver(alarmMs, nowMs)) this.#host.ring()
    if (run.time.isOver(run.job.cpuMs, nowMs)) run.killedBy ??= 'cpu'
    else if (nowMs > run.deadlineMs) run.killedBy ??= 'wall'
    return run.killedBy === undefined && this.#host.exitCode === undefined ? GO_ON : END_GUEST
  }

  /** What it has used may be a little too much: the thread may have had to wait. */
  #processorTime(): ProcessorBudget {
    const run = this.#run
    if (run === undefined) return { usedMs: 0, limitMs: 0 }
    const heldMs = this.#clock.nowMs() - run.enteredMs
    return { usedMs: run.time.usedMs + heldMs, limitMs: run.job.cpuMs }
  }

  #mustStartOver({ isBare }: Run): boolean {
    return isBare && this.#host.hasLeftTraces
  }

  /** Without a stack of its own: all of it, and what it has printed. What follows comes when `start` has returned. */
  #callBare(run: Run): void {
    const { bareEntries = [], state } = this.#program
    let next = this.#bareReturned
    this.#isOnStack = true
    try {
      for (const entry of bareEntries) state.watch(entry)
    } catch (thrown) {
      this.#thrown = thrown
      next = this.#bareThrew
    }
    const { exitCode } = this.#host
    if (next === this.#bareReturned || exitCode !== undefined || run.killedBy !== undefined) {
      this.#print(run, this.#host.staged)
    }
    this.#countStretch(run, this.#clock.nowMs())
    this.#isWaiting = true
    queueMicrotask(next)
  }

  readonly #bareReturned = (): void => {
    this.#leaveBare((run) => {
      this.#hasReturned = true
      this.#finishPrinted(run, EXITED)
    })
  }

  readonly #bareThrew = (): void => {
    const thrown = this.#thrown
    this.#thrown = undefined
    this.#leaveBare((run) => {
      if (this.#host.exitCode === undefined && run.killedBy === undefined) this.#startOver(run)
      else this.#finishPrinted(run, this.#outcomeOf(thrown))
    })
  }

  #leaveBare(then: (run: Run) => void): void {
    const run = this.#run
    this.#isOnStack = false
    if (run === undefined) this.#unwound()
    else then(run)
  }

  /** Gives `bytes` to its standard output. What that does not take yet is kept. */
  #print(run: Run, bytes: Uint8Array): void {
    const { stdout } = run.job.grants
    let at = 0
    while (at < bytes.length) {
      const taken = stdout.write(at === 0 ? bytes : bytes.subarray(at))
      if (taken < 0) break // nobody will read it
      if (taken === 0) {
        run.unprinted = Uint8Array.from(bytes.subarray(at))
        return
      }
      at += taken
    }
    run.unprinted = NOTHING
  }

  /** As soon as all that it has printed is taken. */
  #finishPrinted(run: Run, outcome: Outcome): void {
    if (this.#run !== run) return
    if (run.unprinted.length > 0) this.#print(run, run.unprinted)
    if (run.unprinted.length === 0) {
      this.#finish(run, outcome)
      return
    }
    this.#waitFor(run, this.#clock.nowMs())
    run.job.grants.stdout.onWritable(() => this.#finishPrinted(run, outcome))
  }

  /** From the instance's first state, with a stack of its own. What trapped may have trapped for the want of it. */
  #startOver(run: Run): void {
    this.#atOnce.failed()
    this.#program.end()
    try {
      if (!this.#program.state.restoreMemories()) {
        for (const { memory } of this.#memories) releasePages(memory)
        this.#memories = makeMemories(this.module)
      }
      this.#host.renew()
      this.#program = this.#instantiate()
      run.isBare = false
      this.#enter()
      this.#host.begin(run.job.grants)
      this.#program.begin(run.job.grants)
    } catch (error) {
      this.#run = undefined
      this.#isWaiting = false
      this.#isSpent = true
      run.end.broke(error)
      return
    }
    this.#call(run)
  }

  #call(run: Run): void {
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

  #leaveEntry(then: (run: Run) => void): void {
    const run = this.#run
    this.#isOnStack = false
    if (run === undefined || run.whenUnwound !== undefined) this.#unwound()
    else this.#unwind(run, () => then(run))
  }

  #threwInFiber(thrown: unknown): void {
    const run = this.#run
    if (run !== undefined) this.#unwind(run, () => this.#finish(run, this.#outcomeOf(thrown)))
  }

  /** Its fibers end with what has been called, and that with a fiber that ends the guest. */
  #unwind(run: Run, then: () => void): void {
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

  #finish(run: Run, outcome: Outcome): void {
    if (this.#run !== run) return
    if (!this.#isWaiting)
      this.#countStretch(run, this.#clock.nowMs(), this.#program.state.hadNoFault)
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
    this.#host.end()
    this.#program.end()
    if (killedBy !== undefined) this.#isSpent = true
    run.end.settled({
      outcome: killedBy === undefined ? outcome : { kind: 'killed', reason: killedBy },
      cpuMs: run.time.usedMs,
      memoryBytes: this.memoryBytes,
    })
  }

  /** The guest gives up the thread. */
  #leave(isForOthers: boolean): void {
    const run = this.#run
    if (run === undefined) return
    const nowMs = this.#clock.nowMs()
    this.#countStretch(run, nowMs, false)
    this.#isWaiting = true
    this.#program.state.loseSight()
    if (!isForOthers) return
    this.#waitFor(run, nowMs)
    if (run.killedBy !== undefined) this.#finish(run, { kind: 'killed', reason: run.killedBy })
  }

  /** It waits for others, until its deadline. */
  #waitFor(run: Run, nowMs: number): void {
    if (run.deadlineMs !== Number.POSITIVE_INFINITY) {
      const leftMs = Math.max(0, run.deadlineMs - nowMs)
      this.#wallTimer ??= this.#clock.after(leftMs, () => this.kill('wall'))
    }
    run.job.onWait(run.time.usedMs)
  }

  /** The guest gets the thread back. */
  #enter(): void {
    const run = this.#run
    if (run === undefined) return
    this.#isWaiting = false
    run.enteredMs = this.#clock.nowMs()
    run.checkedMs = run.enteredMs
    run.time.enter(run.enteredMs)
    run.faults = this.#faultsNow()
    if (run.job.faults.isWatched) this.#program.meter.hurry()
  }

  /** What it took while it had the thread. `hadNoFault`: it is known already. */
  #countStretch(run: Run, nowMs: number, hadNoFault: boolean): void {
    run.time.leave(nowMs)
    if (!hadNoFault) run.job.faults.note(this.#faultsNow() - run.faults)
  }

  #faultsNow(): number {
    return hasColdPages(this.#sizeBytes) ? pageFaults() : Number.NaN
  }
}
