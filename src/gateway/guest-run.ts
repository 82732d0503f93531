/**
 * One run of a guest for a request: what the pool is to do, what the guest may touch, and what is to happen meanwhile.
 *
 * A class, and methods instead of closures: there is one for every request that waits.
 */
import type { Timer } from '../base/clock.ts'
import type { Engine } from '../guest/engine.ts'
import type { GuestModule } from '../guest/module.ts'
import { isFault, type KillReason } from '../guest/outcome.ts'
import type { JobSubject } from '../pool/instance-record.ts'
import type { PoolJob, PoolReport } from '../pool/pool-job.ts'
import type { Sizing } from '../pool/sizing.ts'
import type { SlotLimits } from '../pool/slots.ts'
import type { WasiGrants } from '../wasi/session.ts'
import type { Scene } from './scene.ts'
import { SlowWatch } from './slow-log.ts'
import type { Tenant } from './tenant.ts'

/** A module, and how long the request has waited for it, in milliseconds. */
export interface Loaded {
  readonly module: GuestModule
  readonly waitedMs: number
}

export class GuestRun implements PoolJob {
  readonly subject: JobSubject
  readonly tenant: string
  readonly limits: SlotLimits
  readonly sizing: Sizing
  readonly place: string
  readonly maxRequests: number
  readonly module: GuestModule
  readonly engine: Engine
  readonly grants: WasiGrants
  readonly cpuMs: number
  readonly wallMs: number
  readonly sliceMs: number
  readonly #scene: Scene
  readonly #stopsAtFinish: boolean
  /** Of the time it may take. */
  readonly #leftMs: number
  #watch: SlowWatch | undefined
  #wallTimer: Timer | undefined

  constructor(scene: Scene, grants: WasiGrants, { module, waitedMs }: Loaded) {
    const { cgi, tenant, target } = scene
    const { config } = tenant
    const { settings } = target
    this.#scene = scene
    this.#stopsAtFinish = stopsWallAtFinish(tenant)
    this.subject = {
      method: cgi.method,
      uri: cgi.requestUri,
      script: target.paths.scriptFilename,
      user: cgi.variables.get('REMOTE_USER') ?? '',
      contentLength: cgi.contentLength ?? 0,
    }
    this.tenant = config.name
    this.limits = tenant.slots
    this.sizing = settings.sizing
    this.place = settings.place
    this.maxRequests = config.maxRequests
    this.module = module
    this.engine = config.engine
    this.grants = grants
    this.cpuMs = settings.cpuMs
    this.#leftMs = settings.wallMs - waitedMs
    this.wallMs = this.#stopsAtFinish ? Number.POSITIVE_INFINITY : this.#leftMs
    this.sliceMs = config.limits.sliceMs
  }

  onAbort(giveUp: () => void): void {
    this.#scene.request.onAbort(giveUp)
  }

  onStart(kill: (reason: KillReason) => void): void {
    const { answer, cgi, gateway, tenant } = this.#scene
    const slowLog = gateway.slowLog(tenant)
    if (slowLog !== undefined) {
      const { requestId, handler } = answer
      this.#watch = new SlowWatch(slowLog, gateway.clock, {
        about: { requestId, tenant: this.tenant, handler, uri: cgi.requestUri },
        onSlow: () => gateway.scheduler.countSlow(this.tenant),
      })
    }
    if (this.#stopsAtFinish) {
      this.#wallTimer = gateway.clock.after(this.#leftMs, () => kill('wall'))
      answer.whenFinishedEarly(() => this.stopTimer())
    }
    answer.onRefusal(kill)
  }

  onWait(cpuMs: number): void {
    this.#watch?.guestWaits(cpuMs)
    this.#scene.answer.flush()
  }

  onSliceOver(cpuMs: number): void {
    this.#watch?.look(cpuMs)
  }

  /** The guest has ended. */
  ended({ outcome, cpuMs }: PoolReport): void {
    this.#scene.target.onRun?.(isFault(outcome))
    this.#watch?.end(cpuMs)
  }

  stopTimer(): void {
    this.#wallTimer?.cancel()
  }
}

/**
 * Whether the wall limit ends with the response (php-fpm's `request_terminate_timeout_track_finished`). A guest of the
 * other engine never finishes before it ends, and only its own checks can end it.
 */
function stopsWallAtFinish({ config }: Tenant): boolean {
  return !config.requestTerminateTimeoutTrackFinished && config.engine === 'own'
}
