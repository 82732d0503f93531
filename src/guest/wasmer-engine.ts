/**
 * The engine `wasmer`: a guest on `@wasmer/wasi` instead of our own host. For trusted tenants only, and what it
 * lacks is written in docs/engines.md: input is read to its end before the guest starts, output goes out after it has
 * ended, and in between it has the thread for itself. Hardened modules run here as well: their checks cannot suspend the
 * guest, but they end it when its budget is spent.
 *
 *     idle -> reading -> running -> writing -> spent
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Instance } from './engine.ts'
import type { GuestModule } from './guest-module.ts'
import type { GuestJob, RunEnd } from './job.ts'
import type { KillReason, Outcome } from './outcome.ts'
import { ProcessorTime, threadTimeOf } from './processor-time.ts'
import { readWhole, type Wait, writeWhole } from './wasmer/buffered-streams.ts'
import { withLibrary } from './wasmer/library.ts'
import { runSynchronously, type SynchronousResult } from './wasmer/synchronous-run.ts'

export interface WasmerLimits {
  /** Bytes of standard input. */
  readonly inputBytes: number
  /** Bytes a guest may print and write to its files, all together. */
  readonly holdBytes: number
}

export const DEFAULT_WASMER_LIMITS: WasmerLimits = {
  inputBytes: 64 * 1024 * 1024,
  holdBytes: 64 * 1024 * 1024,
}

interface Run {
  readonly job: GuestJob
  readonly end: RunEnd
  readonly deadlineMs: number
  readonly wallTimer: Timer | undefined
  /** From when it got the thread. */
  time: ProcessorTime | undefined
  killedBy: KillReason | undefined
}

export class WasmerInstance implements Instance {
  readonly jitter: number = Math.random()
  readonly #module: GuestModule
  readonly #clock: Clock
  readonly #limits: WasmerLimits
  #run: Run | undefined
  #runs = 0
  #memoryBytes = 0

  /** Does nothing yet: what a run needs is made when it starts. `module` is hardened. */
  constructor(module: GuestModule, clock: Clock, limits: WasmerLimits = DEFAULT_WASMER_LIMITS) {
    this.#module = module
    this.#clock = clock
    this.#limits = limits
  }

  get runs(): number {
    return this.#runs
  }

  /** Nobody need know: it runs once. */
  readonly hasReturned = false

  /** It runs once. */
  get isSpent(): boolean {
    return this.#runs > 0
  }

  /** Between runs it has no memory. */
  readonly mappings = 0

  get memoryBytes(): number {
    return this.#memoryBytes
  }

  start(job: GuestJob, end: RunEnd): void {
    const nowMs = this.#clock.nowMs()
    const isBounded = job.wallMs !== Number.POSITIVE_INFINITY
    const run: Run = {
      job,
      end,
      deadlineMs: nowMs + job.wallMs,
      wallTimer: isBounded ? this.#clock.after(job.wallMs, () => this.kill('wall')) : undefined,
      time: undefined,
      killedBy: undefined,
    }
    this.#run = run
    this.#runs += 1
    this.#perform(run).catch((error) => end.broke(error)) // the package cannot be loaded
  }

  /** Ends the run, unless its guest has the thread: then nobody else can call this, and only the budgets end it. */
  /** Its stack says it. */
  trace(): readonly string[] {
    return []
  }

  kill(reason: KillReason): void {
    const run = this.#run
    if (run === undefined || run.killedBy !== undefined) return
    run.killedBy = reason
    this.#finish(run, { kind: 'killed', reason })
  }

  reset(): boolean {
    return false
  }

  /** Its memory is V8's. */
  rest(): void {}

  /** There is nothing of it that costs much to make. */
  renew(): boolean {
    return false
  }

  async #perform(run: Run): Promise<void> {
    const { job } = run
    const { grants } = job
    const wait: Wait = (register) => {
      run.job.onWait(0) // it has not run yet
      // Of a guest that was stopped goes out what is taken at once.
      if (run.killedBy !== undefined) this.#finish(run, { kind: 'killed', reason: run.killedBy })
      return new Promise(register)
    }
    const stdin = await readWhole(grants.stdin, this.#limits.inputBytes, wait)
    if (stdin === undefined) {
      this.#finish(run, tooMuchInput(this.#limits.inputBytes))
      return
    }
    await new Promise<void>((wake) => job.waitTurn(wake, 0))
    const result = await withLibrary((library) => {
      if (this.#run !== run) return undefined // killed meanwhile
      const { args, env } = grants
      return this.#measured(run, () =>
        runSynchronously(library, {
          module: this.#module,
          args,
          env,
          stdin,
          holdBytes: this.#limits.holdBytes,
          killReason: () => this.#killReason(run),
        }),
      )
    })
    if (result === undefined) return
    this.#memoryBytes = result.memoryBytes
    // First the one that explains, should nobody take the other.
    if (this.#run === run) await writeWhole(grants.stderr, result.stderr, wait)
    if (this.#run === run) await writeWhole(grants.stdout, result.stdout, wait)
    this.#finish(run, result.outcome)
  }

  #measured(run: Run, guest: () => SynchronousResult): SynchronousResult {
    const time = new ProcessorTime(threadTimeOf(this.#clock), this.#clock.nowMs())
    run.time = time
    const result = guest()
    time.leave(this.#clock.nowMs())
    return result
  }

  #killReason(run: Run): KillReason | undefined {
    const nowMs = this.#clock.nowMs()
    if (run.time?.isOver(run.job.cpuMs, nowMs) === true) run.killedBy ??= 'cpu'
    else if (nowMs > run.deadlineMs) run.killedBy ??= 'wall'
    return run.killedBy
  }

  #finish(run: Run, outcome: Outcome): void {
    if (this.#run !== run) return
    this.#run = undefined
    run.wallTimer?.cancel()
    const { killedBy } = run
    run.end.settled({
      outcome: killedBy === undefined ? outcome : { kind: 'killed', reason: killedBy },
      cpuMs: run.time?.usedMs ?? 0,
      memoryBytes: this.#memoryBytes,
    })
  }
}

function tooMuchInput(maxBytes: number): Outcome {
  return {
    kind: 'trapped',
    trap: 'other',
    message: `Cannot hold the input for @wasmer/wasi: there are more than ${maxBytes} bytes`,
    backtrace: [],
  }
}
