/**
 * A request's run, from the moment it asks for the thread until its guest has ended: what the pool is to know of it, and what
 * the pool counts in it. One object for all of that, and methods instead of callbacks: there is one for every request.
 *
 *     new -> arriving (waits for the thread) -> queued (waits for a slot) -> running -> over
 */
import type { Engine } from '../guest/engine.ts'
import type { FaultConduct } from '../guest/fault-conduct.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import type { GuestJob, GuestReport, RunEnd } from '../guest/job.ts'
import type { KillReason } from '../guest/outcome.ts'
import { Bill } from './bill.ts'
import type { PoolError } from './errors.ts'
import type { PoolTenant } from './pool-tenant.ts'
import type { JobSubject, PooledInstance } from './pooled-instance.ts'
import type { RunQueue } from './run-queue.ts'
import type { Sizing } from './sizing.ts'
import type { SlotWaiter } from './slots.ts'

/** The pool, as its runs see it. */
export interface RunPool {
  readonly runQueue: RunQueue
  /** A run that waited for a slot has one. */
  admitted(run: PoolRun): void
  /** It will not run. */
  refuse(run: PoolRun, error: PoolError): void
  /** Whoever wanted it has gone before it ran. */
  giveUp(run: PoolRun): void
  /** Its guest has ended. */
  end(run: PoolRun, report: GuestReport): void
  /** What runs it is broken. */
  fail(run: PoolRun, error: unknown): void
}

export abstract class PoolRun extends Bill implements GuestJob, RunEnd, SlotWaiter {
  abstract readonly module: GuestModule
  abstract readonly engine: Engine
  abstract readonly sizing: Sizing
  /** Instances are kept for runs with the same one, of the same tenant, engine and module. */
  abstract readonly placeName: string
  /** Requests one instance may answer; 0: no limit. */
  abstract readonly maxRequests: number
  abstract readonly grants: GuestJob['grants']
  abstract readonly cpuMs: number
  abstract readonly wallMs: number
  abstract readonly mayStartOver: boolean
  readonly sliceMs: number
  readonly state: PoolTenant
  phase: 'new' | 'arriving' | 'queued' | 'running' | 'over' = 'new'
  /** When it asked for the thread, on the pool's clock, and for how long it waited to be started, in milliseconds. */
  readonly askedMs: number
  queuedMs = 0
  /** What it runs in, while it does. */
  held: PooledInstance | undefined = undefined
  readonly #pool: RunPool
  #reason: KillReason | undefined

  constructor(pool: RunPool, state: PoolTenant, times: RunTimes) {
    super(pool.runQueue, state.account, times.sliceMs)
    this.#pool = pool
    this.state = state
    this.sliceMs = times.sliceMs
    this.askedMs = times.askedMs
  }

  /** Says what it is about. */
  abstract describe(subject: JobSubject): void
  /** Called before the guest runs; `stop` stops it from here on. */
  abstract onStart(): void
  /** Called once when it has run. */
  abstract ended(report: GuestReport): void
  /** Called once when it has not: `PoolError` when it got no slot in time or was given up before, or what is broken. */
  abstract notRun(error: unknown): void
  /** The guest waits for something else than its turn. */
  abstract guestWaited(cpuMs: number): void
  /** Called on the guest's stack whenever its slice is over: a back trace taken there shows what it does. */
  abstract sliceEnded(cpuMs: number): void

  get faults(): FaultConduct {
    return this.state.faults
  }

  /** Why it is to be stopped; before it runs it then does not run. */
  get stoppedFor(): KillReason | undefined {
    return this.#reason
  }

  /** Stops it, whatever it is doing. */
  stop(reason: KillReason): void {
    this.#reason ??= reason
    if (this.phase === 'running') this.held?.instance.kill(reason)
  }

  /** The web server has given the request up. */
  giveUp(): void {
    if (this.phase === 'running') this.stop('aborted')
    else this.#pool.giveUp(this)
  }

  waitTurn(wake: () => void, cpuMs: number): void {
    this.sliceEnded(cpuMs)
    this.settle(cpuMs)
    // Of processor time: on a busy machine a short guest may have held the thread for as long.
    this.hasUsedSlice = cpuMs >= this.sliceMs
    this.joinQueue(wake)
  }

  onWait(cpuMs: number): void {
    this.settle(cpuMs)
    this.guestWaited(cpuMs)
  }

  settled(report: GuestReport): void {
    this.#pool.end(this, report)
  }

  broke(error: unknown): void {
    this.#pool.fail(this, error)
  }

  admitted(): void {
    this.#pool.admitted(this)
  }

  refused(error: PoolError): void {
    this.#pool.refuse(this, error)
  }
}

export interface RunTimes {
  /** When the request came, on the pool's clock. */
  readonly askedMs: number
  /** How long its guest may hold the thread while others want it, in milliseconds. */
  readonly sliceMs: number
}
