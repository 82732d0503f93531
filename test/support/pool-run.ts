/** A run for the pool without a gateway: what it is told, as a promise. */
import type { Clock } from '../../src/base/clock.ts'
import type { Engine } from '../../src/guest/engine.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import type { GuestReport } from '../../src/guest/job.ts'
import { PoolRun } from '../../src/pool/pool-run.ts'
import type { JobSubject } from '../../src/pool/pooled-instance.ts'
import type { Scheduler } from '../../src/pool/scheduler.ts'
import type { Sizing } from '../../src/pool/sizing.ts'
import type { SlotLimits } from '../../src/pool/slots.ts'
import type { WasiGrants } from '../../src/wasi/session.ts'

export interface TestRunOptions {
  readonly tenant: string
  readonly limits: SlotLimits
  readonly sizing: Sizing
  readonly module: GuestModule
  readonly grants: WasiGrants
  readonly cpuMs: number
  readonly wallMs: number
  readonly sliceMs: number
  readonly maxRequests?: number
  readonly onStart?: () => void
  readonly clock: Clock
}

export class TestRun extends PoolRun {
  readonly engine: Engine = 'own'
  readonly placeName = ''
  readonly mayStartOver = false
  readonly maxRequests: number
  readonly sizing: Sizing
  readonly module: GuestModule
  readonly grants: WasiGrants
  readonly cpuMs: number
  readonly wallMs: number
  readonly report: Promise<GuestReport>
  readonly #onStart: () => void
  readonly #settle: PromiseWithResolvers<GuestReport>

  constructor(scheduler: Scheduler, options: TestRunOptions) {
    super(scheduler, scheduler.stateOf(options.tenant, options.limits), {
      askedMs: options.clock.nowMs(),
      sliceMs: options.sliceMs,
    })
    this.maxRequests = options.maxRequests ?? 0
    this.sizing = options.sizing
    this.module = options.module
    this.grants = options.grants
    this.cpuMs = options.cpuMs
    this.wallMs = options.wallMs
    this.#onStart = options.onStart ?? (() => undefined)
    this.#settle = Promise.withResolvers()
    this.report = this.#settle.promise
    // Whoever wants to know asks.
    this.report.catch(() => undefined)
  }

  describe(subject: JobSubject): void {
    Object.assign(subject, { method: 'GET', uri: '/', script: '/test.wasm' })
  }

  onStart(): void {
    this.#onStart()
  }

  ended(report: GuestReport): void {
    this.#settle.resolve(report)
  }

  notRun(error: unknown): void {
    this.#settle.reject(error)
  }

  guestWaited(): void {}

  sliceEnded(): void {}
}

/** Starts a run, now or when it can be. */
export function startRun(scheduler: Scheduler, options: TestRunOptions): TestRun {
  const run = new TestRun(scheduler, options)
  scheduler.run(run)
  return run
}
