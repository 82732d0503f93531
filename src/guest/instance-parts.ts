/** What an instance of a guest module is made of: its host, its memories, and the WebAssembly instance over both, which is made anew. */
import type { Clock } from '../base/clock.ts'
import { type MeterChecks, WasiHost } from '../wasi/host.ts'
import type { WasiGrants } from '../wasi/session.ts'
import { hasColdPages, mustHurry } from '../wasm/quota.ts'
import { startComponent } from './components.ts'
import { SYSTEM_PAGE_BYTES } from './dirty-pages.ts'
import { type GuestMemory, makeMemories } from './guest-memory.ts'
import type { GuestModule } from './guest-module.ts'
import { entriesOf, type GuestProgram, Program } from './guest-program.ts'
import type { GuestJob, RunEnd } from './job.ts'
import { pageFaults, pageFaultsLately } from './page-faults.ts'
import { type ThreadTime, threadTimeOf } from './processor-time.ts'
import { releasePages } from './release-pages.ts'
import { RunState } from './run-state.ts'

export interface InstanceUse {
  /** What a run calls. Default: what is called for a request. */
  readonly entries?: readonly string[]
  /** As of `MutableState`. */
  readonly owner?: object | undefined
}

export class InstanceParts {
  module: GuestModule
  readonly host: WasiHost
  program: GuestProgram
  readonly #clock: Clock
  readonly #threadTime: ThreadTime
  readonly #entries: readonly string[]
  #owner: object | undefined
  #memories: readonly GuestMemory[]
  /** Of the memories as they are: page faults that runs in them have had. */
  #faults = 0

  /** Instantiates at once, in this thread; takes tens of microseconds. */
  constructor(
    module: GuestModule,
    clock: Clock,
    { checks, entries, owner }: InstanceUse & { readonly checks: MeterChecks },
  ) {
    this.module = module
    this.host = new WasiHost(module.wasiNames, checks)
    this.#clock = clock
    this.#threadTime = threadTimeOf(clock)
    this.#entries = entries ?? entriesOf(module)
    this.#owner = owner
    this.#memories = makeMemories(module)
    this.program = this.#instantiate()
  }

  /** Bytes of all its memories. */
  get sizeBytes(): number {
    return this.program.state.bytes()
  }

  /** Page faults of the thread so far; NaN: they do not matter. */
  #threadFaults(): number {
    return hasColdPages(this.sizeBytes) ? pageFaults() : Number.NaN
  }

  /** The run gets the thread. */
  enter(run: RunState, nowMs: number): void {
    run.enter(nowMs, this.#threadFaults())
    this.hurry(run)
  }

  /** The run gives up the thread. */
  leave(run: RunState, nowMs: number): void {
    const had = run.leave(nowMs, this.program.state.hadNoFault ? Number.NaN : this.#threadFaults())
    if (had > 0) this.#faults += had
  }

  /** Sees to it that the run is checked often, where it may take many page faults at once. */
  hurry(run: RunState): void {
    if (run.job.faults.isWatched || this.#mustHurry) this.program.meter.hurry()
  }

  /**
   * Whether it has so much memory that nobody has written yet that it must be checked often. What has been booted has filled its memory
   * before: its instances begin with that, and what they grow is checked when they do.
   */
  get #mustHurry(): boolean {
    if (this.module.first !== undefined || Number.isNaN(pageFaultsLately())) return false
    return mustHurry(this.sizeBytes, this.#faults * SYSTEM_PAGE_BYTES)
  }

  /** See `Instance`. */
  become(module: GuestModule, owner: object): void {
    this.module = module
    this.#owner = owner
    this.program.become?.(module, this.#memories, owner)
  }

  /** Another WebAssembly instance over the memories as they were at first. False: they cannot be put back. */
  renew(): boolean {
    if (!this.program.state.restoreMemories()) return false
    this.host.renew()
    this.program = this.#instantiate()
    return true
  }

  /** A run begins, which may print and look at what it is given, but no more (`isBare`), or whatever it wants to. */
  begin(job: GuestJob, end: RunEnd, isBare: boolean): RunState {
    const nowMs = this.#clock.nowMs()
    const faults = this.#threadFaults()
    const run = new RunState(job, end, { nowMs, faults, isBare, threadTime: this.#threadTime })
    this.#open(job.grants, isBare, nowMs)
    return run
  }

  /** It has ended. */
  end(): void {
    this.host.end()
    this.program.end()
  }

  /** It begins again, and may do whatever it wants to. Throws when the system has no memory for it. */
  startOver(run: RunState): void {
    this.end()
    if (!this.renew()) {
      this.release()
      this.#memories = makeMemories(this.module)
      this.#faults = 0
      this.host.renew()
      this.program = this.#instantiate()
    }
    run.isBare = false
    this.#open(run.job.grants, false, this.#clock.nowMs())
  }

  #open(grants: WasiGrants, isBare: boolean, nowMs: number): void {
    this.host.begin(grants, isBare, nowMs)
    this.program.begin(grants)
  }

  /** Gives the memories back to the system now, a little at a time, and not when V8 collects them. */
  release(): void {
    for (const { memory } of this.#memories) releasePages(memory)
  }

  #instantiate(): GuestProgram {
    const { component } = this.module
    const [memories, owner] = [this.#memories, this.#owner]
    if (component !== undefined)
      return startComponent(this.module, this.host, { component, memories, owner })
    return new Program(this.module, this.host, {
      clock: this.#clock,
      memories,
      entries: this.#entries,
      owner,
    })
  }
}
