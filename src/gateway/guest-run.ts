/**
 * One run of a guest for a request: what it may touch, and what is to happen meanwhile. Nothing of the request has to be
 * looked up or copied for that, and most of it is never asked for: many guests ask for neither their environment nor their files.
 */
import { randomFillSync } from 'node:crypto'
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { TextBlock } from '../base/text-block.ts'
import type { CgiRequest } from '../cgi/environment.ts'
import {
  type GuestEnvironmentOptions,
  guestEnvironment,
  putEnvironment,
} from '../cgi/guest-environment.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import type { Engine } from '../guest/engine.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import type { GuestReport } from '../guest/job.ts'
import { isFault } from '../guest/outcome.ts'
import { PoolRun } from '../pool/pool-run.ts'
import type { PoolTenant } from '../pool/pool-tenant.ts'
import type { JobSubject } from '../pool/pooled-instance.ts'
import type { Sizing } from '../pool/sizing.ts'
import type { Preopen, WasiGrants, WasiLimits } from '../wasi/session.ts'
import type { Answer } from './answer.ts'
import { FilterInput } from './filter-input.ts'
import type { Gateway } from './gateway.ts'
import { RequestBody } from './request-body.ts'
import { SlowWatch } from './slow-log.ts'
import type { GuestTarget } from './target.ts'
import type { Tenant } from './tenant.ts'

/** A request whose handler is known, with all that takes part in answering it. */
export interface Scene {
  readonly request: FastCgiRequest
  readonly cgi: CgiRequest
  readonly tenant: Tenant
  readonly target: GuestTarget
  readonly answer: Answer
  readonly gateway: Gateway
}

/** A module, and how long the request has waited for it, in milliseconds. */
export interface Loaded {
  readonly module: GuestModule
  readonly waitedMs: number
}

export class GuestRun extends PoolRun implements WasiGrants {
  readonly module: GuestModule
  readonly stdin: ByteSource
  readonly #filterInput: FilterInput | undefined
  readonly #scene: Scene
  /** Of the time it may take. */
  readonly #leftMs: number
  #env: readonly string[] | undefined
  #watch: SlowWatch | undefined
  #wallTimer: Timer | undefined

  /** Throws GATEWAY_BODY_TOO_LARGE. */
  constructor(scene: Scene, { module, waitedMs }: Loaded) {
    const { answer, cgi, gateway, request, target, tenant } = scene
    const { scheduler } = gateway
    super(scheduler, stateOf(tenant, gateway), {
      askedMs: answer.startMs,
      sliceMs: tenant.config.limits.sliceMs,
    })
    this.#scene = scene
    this.module = module
    this.#leftMs = target.settings.wallMs - waitedMs
    const body = new RequestBody(
      request.stdin,
      { declared: cgi.contentLength, maxBytes: target.settings.requestBodyBytes },
      answer,
    )
    answer.body = body
    this.#filterInput = answer.role === 'filter' ? new FilterInput(body, request.data) : undefined
    this.stdin = this.#filterInput ?? body
    answer.run = this
    request.onAbort(() => this.giveUp())
  }

  get sizing(): Sizing {
    return this.#scene.target.settings.sizing
  }

  get placeName(): string {
    return this.#scene.target.settings.place
  }

  get maxRequests(): number {
    return this.#scene.tenant.config.maxRequests
  }

  get engine(): Engine {
    return this.#scene.tenant.config.engine
  }

  get cpuMs(): number {
    return this.#scene.target.settings.cpuMs
  }

  get wallMs(): number {
    return this.#stopsAtFinish ? Number.POSITIVE_INFINITY : this.#leftMs
  }

  /** Not where it has a body to read, or an instance that has seen others. */
  get mayStartOver(): boolean {
    const { answer, cgi, target } = this.#scene
    return (
      (cgi.contentLength ?? 0) === 0 &&
      answer.role !== 'filter' &&
      target.settings.sizing.lifetime !== 'persistent'
    )
  }

  get grants(): WasiGrants {
    return this
  }

  get args(): readonly string[] {
    return [this.#scene.target.paths.scriptFilename]
  }

  get env(): readonly string[] {
    this.#env ??= guestEnvironment(this.#scene.cgi, this.#environment)
    return this.#env
  }

  putEnv(into: TextBlock): void {
    putEnvironment(this.#scene.cgi, this.#environment, into)
  }

  get #environment(): GuestEnvironmentOptions {
    const { answer, target } = this.#scene
    return { ...target.paths, role: answer.role, env: target.settings.env }
  }

  get stdout(): ByteSink {
    return this.#scene.answer
  }

  get stderr(): ByteSink {
    return this.#scene.answer.stderr
  }

  get preopens(): readonly Preopen[] {
    const { answer, target } = this.#scene
    return target.settings.makePreopens(answer)
  }

  get settings(): Readonly<Record<string, string>> {
    return this.#scene.target.settings.env
  }

  get buckets(): ReadonlyMap<string, string> {
    const { mounts } = this.#scene.tenant.config
    return new Map(
      mounts.flatMap(({ keyvalue, guest }) => (keyvalue === undefined ? [] : [[keyvalue, guest]])),
    )
  }

  get onFile(): WasiGrants['onFile'] {
    return this.#scene.target.onFile
  }

  get clock(): Clock {
    return this.#scene.gateway.clock
  }

  get limits(): WasiLimits {
    return this.#scene.tenant.wasiLimits
  }

  readonly finish = (status: number): boolean => this.#scene.answer.finish(status)

  readonly selectInput = (isData: boolean): boolean =>
    this.#filterInput === undefined ? !isData : this.#filterInput.select(isData)

  random(into: Uint8Array): void {
    randomFillSync(into)
  }

  describe(subject: JobSubject): void {
    const { cgi, target } = this.#scene
    subject.method = cgi.method
    subject.uri = cgi.requestUri
    subject.script = target.paths.scriptFilename
    subject.user = cgi.variables.get('REMOTE_USER') ?? ''
    subject.contentLength = cgi.contentLength ?? 0
  }

  onStart(): void {
    const { answer, cgi, gateway, target, tenant } = this.#scene
    const slowLog = gateway.slowLog(tenant)
    if (slowLog !== undefined) {
      const { requestId, handler } = answer
      this.#watch = new SlowWatch(slowLog, gateway.clock, {
        about: {
          ...{ requestId, tenant: tenant.config.name, handler, uri: cgi.requestUri },
          script: target.paths.scriptFilename,
        },
        trace: (depth) => this.held?.instance.trace(depth) ?? [],
        onSlow: () => gateway.scheduler.countSlow(this.state),
      })
    }
    if (this.#stopsAtFinish) {
      this.#wallTimer = gateway.clock.after(this.#leftMs, () => this.stop('wall'))
    }
  }

  /** The response is complete, and the guest goes on. */
  finishedEarly(): void {
    this.#wallTimer?.cancel()
  }

  guestWaited(cpuMs: number): void {
    this.#watch?.guestWaits(cpuMs)
    this.#scene.answer.flush()
  }

  sliceEnded(cpuMs: number): void {
    this.#watch?.look(cpuMs)
  }

  ended(report: GuestReport): void {
    this.#wallTimer?.cancel()
    const { answer, target } = this.#scene
    target.onRun?.(isFault(report.outcome))
    this.#watch?.end(report.cpuMs)
    answer.complete(report)
  }

  notRun(error: unknown): void {
    this.#wallTimer?.cancel()
    this.#scene.answer.fail(error)
  }

  /**
   * Whether the wall limit ends with the response (php-fpm's `request_terminate_timeout_track_finished`). A guest of the
   * other engine never finishes before it ends, and only its own checks can end it.
   */
  get #stopsAtFinish(): boolean {
    const { config } = this.#scene.tenant
    return !config.requestTerminateTimeoutTrackFinished && config.engine === 'own'
  }
}

/** Looked up at the first request that sees this table of the tenant. */
function stateOf(tenant: Tenant, { scheduler }: Gateway): PoolTenant {
  tenant.state ??= scheduler.stateOf(tenant.config.name, tenant.slots)
  return tenant.state
}
