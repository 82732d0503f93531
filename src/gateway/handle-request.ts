/**
 * The life of one request, top to bottom. Every step lives in the file its name says.
 *
 *     params -> CGI variables -> tenant and handler -> slot and instance -> guest -> checked CGI response -> end
 */
import { randomFillSync } from 'node:crypto'
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { Clock, Timer } from '../base/clock.ts'
import { type CgiRequest, parseEnvironment } from '../cgi/environment.ts'
import { guestEnvironment } from '../cgi/guest-environment.ts'
import type { FastCgiError } from '../fastcgi/errors.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import type { GuestModule } from '../guest/module.ts'
import { isFault } from '../guest/outcome.ts'
import type { PoolReport } from '../pool/scheduler.ts'
import type { Preopen, WasiGrants, WasiLimits } from '../wasi/session.ts'
import { Answer } from './answer.ts'
import { GatewayError } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { joinSources } from './joined-source.ts'
import { findOwnPage } from './own-page.ts'
import { RequestBody } from './request-body.ts'
import { SlowWatch } from './slow-log.ts'
import type { GuestTarget } from './target.ts'
import type { Tenant } from './tenant.ts'

/** Answers one request that came over a listener of `pool`. Never rejects: whatever goes wrong becomes an answer. */
export async function handleRequest(
  request: FastCgiRequest,
  pool: string,
  gateway: Gateway,
): Promise<void> {
  const answer = new Answer(request, gateway)
  try {
    const cgi = parseEnvironment(request.params)
    answer.describe(cgi)
    const tenant = gateway.router.findTenant(cgi, pool)
    answer.address(tenant)
    checkParams(request, tenant)
    const page = findOwnPage(cgi, tenant)
    if (page !== undefined) {
      answer.page(await page(gateway))
      return
    }
    const found = gateway.router.findHandler(cgi, tenant)
    const target = found instanceof Promise ? await found : found
    answer.direct(target)
    if (target.kind === 'guest') {
      const scene = { request, cgi, tenant, target, answer, gateway }
      const grants = makeGrants(scene)
      const module = target.module instanceof Promise ? await target.module : target.module
      const run = startGuest(scene, grants, module)
      try {
        answer.complete(run.note(await run.report))
      } finally {
        run.stopTimer()
      }
    } else {
      await target.files.answer({ cgi, pathInfo: target.pathInfo }, answer.fileOutput)
      answer.completeFile()
    }
  } catch (error) {
    answer.fail(error)
  }
}

/** Answers a request whose parameters cannot be taken. */
export function refuseRequest(
  request: FastCgiRequest,
  error: FastCgiError,
  gateway: Gateway,
): void {
  new Answer(request, gateway).fail(error)
}

interface Scene {
  readonly request: FastCgiRequest
  readonly cgi: CgiRequest
  readonly tenant: Tenant
  readonly target: GuestTarget
  readonly answer: Answer
  readonly gateway: Gateway
}

interface GuestRun {
  readonly report: Promise<PoolReport>
  /** Takes the report to those who want to know of it, and answers it. */
  readonly note: (report: PoolReport) => PoolReport
  readonly stopTimer: () => void
}

/** Not an async function: each of those costs a request that waits half a kilobyte. */
function startGuest(scene: Scene, grants: WasiGrants, module: GuestModule): GuestRun {
  const { request, cgi, tenant, target, answer, gateway } = scene
  const { config } = tenant
  const { settings } = target
  const slowLog = gateway.slowLog(tenant)
  let watch: SlowWatch | undefined
  const stopsAtFinish = stopsWallAtFinish(tenant)
  let wallTimer: Timer | undefined
  const stopTimer = (): void => wallTimer?.cancel()
  answer.whenFinishedEarly(stopTimer)
  const report = gateway.scheduler.run({
    tenant: config.name,
    limits: tenant.slots,
    sizing: settings.sizing,
    place: settings.place,
    maxRequests: config.maxRequests,
    module,
    engine: config.engine,
    grants,
    cpuMs: settings.cpuMs,
    wallMs: stopsAtFinish ? Number.POSITIVE_INFINITY : settings.wallMs,
    sliceMs: config.limits.sliceMs,
    subject: {
      method: cgi.method,
      uri: cgi.requestUri,
      script: target.paths.scriptFilename,
      user: cgi.variables.get('REMOTE_USER') ?? '',
      contentLength: cgi.contentLength ?? 0,
    },
    onAbort: (giveUp) => request.onAbort(giveUp),
    onStart: (kill) => {
      if (slowLog !== undefined) {
        const { requestId, handler } = answer
        watch = new SlowWatch(slowLog, gateway.clock, {
          about: { requestId, tenant: config.name, handler, uri: cgi.requestUri },
          onSlow: () => gateway.scheduler.countSlow(config.name),
        })
      }
      if (stopsAtFinish) wallTimer = gateway.clock.after(settings.wallMs, () => kill('wall'))
      answer.onRefusal(kill)
    },
    onWait: (cpuMs) => {
      watch?.guestWaits(cpuMs)
      answer.flush()
    },
    onSliceOver: (cpuMs) => watch?.look(cpuMs),
  })
  const note = (ended: PoolReport): PoolReport => {
    target.onRun?.(isFault(ended.outcome))
    watch?.end(ended.cpuMs)
    return ended
  }
  return { report, note, stopTimer }
}

/**
 * Whether the wall limit ends with the response (php-fpm's `request_terminate_timeout_track_finished`). A guest of the
 * other engine never finishes before it ends, and only its own checks can end it.
 */
function stopsWallAtFinish({ config }: Tenant): boolean {
  return !config.requestTerminateTimeoutTrackFinished && config.engine === 'own'
}

/** The connection's own limits are the pool's; a tenant may have tighter ones. */
function checkParams(request: FastCgiRequest, { config }: Tenant): void {
  const { paramsBytes, paramsCount } = config.limits
  let bytes = 0
  for (const [name, value] of request.params) bytes += name.length + value.length
  if (bytes <= paramsBytes && request.params.length <= paramsCount) return
  throw new GatewayError(
    'GATEWAY_PARAMS_TOO_LARGE',
    `Cannot take the variables of the request: ${request.params.length} of ${bytes} bytes, wanted at most ${paramsCount} of ${paramsBytes}`,
  )
}

/** Everything the guest may touch. An object of fixed shape: there is one for every request that waits. */
class Grants implements WasiGrants {
  readonly args: readonly string[]
  readonly stdin: ByteSource
  readonly stdout: ByteSink
  readonly stderr: ByteSink
  readonly clock: Clock
  readonly limits: WasiLimits
  readonly #scene: Scene
  #env: readonly string[] | undefined

  constructor(scene: Scene, body: RequestBody) {
    const { request, tenant, target, answer, gateway } = scene
    this.args = [target.paths.scriptFilename]
    this.stdin = answer.role === 'filter' ? joinSources(body, request.data) : body
    this.stdout = answer.stdout
    this.stderr = answer.stderr
    this.clock = gateway.clock
    this.limits = tenant.wasiLimits
    this.#scene = scene
  }

  // Many guests ask for neither their environment nor their files.
  get env(): readonly string[] {
    const { cgi, target, answer } = this.#scene
    const { env } = target.settings
    this.#env ??= guestEnvironment(cgi, { ...target.paths, role: answer.role, env })
    return this.#env
  }

  get preopens(): readonly Preopen[] {
    return this.#scene.target.settings.makePreopens()
  }

  random(into: Uint8Array): void {
    randomFillSync(into)
  }
}

function makeGrants(scene: Scene): WasiGrants {
  const { request, cgi, target, answer } = scene
  const body = new RequestBody(
    request.stdin,
    { declared: cgi.contentLength, maxBytes: target.settings.requestBodyBytes },
    (error) => answer.refuse(error),
  )
  answer.body = body
  return new Grants(scene, body)
}
