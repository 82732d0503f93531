/**
 * The life of one request, top to bottom. Every step lives in the file its name says.
 *
 *     params -> CGI variables -> tenant and handler -> turn, slot and instance -> guest -> checked CGI response -> end
 *
 * A request whose handler is known runs to its first wait in one go: nothing on the way is a promise unless it has to wait.
 */
import { type CgiRequest, parseEnvironment } from '../cgi/environment.ts'
import type { FastCgiError } from '../fastcgi/errors.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { Answer } from './answer.ts'
import { GatewayError } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { GuestRun, type Scene } from './guest-run.ts'
import { findOwnPage, findPoolPage } from './own-page.ts'
import type { FileTarget, Target } from './target.ts'
import type { Tenant } from './tenant.ts'
import { whenLoaded } from './when-loaded.ts'

/** Answers one request that came over a listener of `pool`. Never throws: whatever goes wrong becomes an answer. */
export function handleRequest(request: FastCgiRequest, pool: string, gateway: Gateway): void {
  const answer = new Answer(request, gateway)
  try {
    const cgi = parseEnvironment(request.params)
    answer.cgi = cgi
    const whole = findPoolPage(cgi, pool, gateway)
    if (whole !== undefined) {
      answerPage(whole(gateway), answer)
      return
    }
    const tenant = gateway.router.findTenant(cgi, pool)
    answer.tenant = tenant
    request.countIn(tenant.traffic)
    checkParams(request, tenant)
    const page = findOwnPage(cgi, tenant)
    if (page !== undefined) {
      answerPage(page(gateway), answer)
      return
    }
    const found = gateway.router.findHandler(cgi, tenant)
    if (found instanceof Promise) answerLater(found, { request, cgi, tenant, answer, gateway })
    else if (found.kind === 'files') answerFile(found, answer, cgi)
    else runGuest({ request, cgi, tenant, target: found, answer, gateway })
  } catch (error) {
    answer.fail(error)
  }
}

/** What is known of a request before its target is. */
type Found = Omit<Scene, 'target'>

// Apart: a closure would cost every request its variables.
function answerPage(page: Promise<Uint8Array>, answer: Answer): void {
  page.then(
    (response) => answer.page(response),
    (error) => answer.fail(error),
  )
}

function answerLater(found: Promise<Target>, scene: Found): void {
  const { answer, cgi } = scene
  found
    .then((target) => {
      if (target.kind === 'files') answerFile(target, answer, cgi)
      else runGuest({ ...scene, target })
    })
    .catch((error) => answer.fail(error))
}

function answerFile(target: FileTarget, answer: Answer, cgi: CgiRequest): void {
  answer.target = target
  answer.file(target, cgi)
}

/** Answers a request whose parameters cannot be taken. */
export function refuseRequest(
  request: FastCgiRequest,
  error: FastCgiError,
  gateway: Gateway,
): void {
  new Answer(request, gateway).fail(error)
}

/** Throws GATEWAY_BODY_TOO_LARGE. */
function runGuest(scene: Scene): void {
  const { answer, target } = scene
  answer.target = target
  const { module } = target
  if (module instanceof Promise) runLater(module, scene)
  else runLoaded(module, 0, scene)
}

function runLater(module: Promise<GuestModule>, scene: Scene): void {
  const { answer, gateway } = scene
  const askedMs = gateway.clock.nowMs()
  whenLoaded(module, scene)
    .then((loaded) => runLoaded(loaded, gateway.clock.nowMs() - askedMs, scene))
    .catch((error) => answer.fail(error))
}

/** `waitedMs`: for the module. */
function runLoaded(module: GuestModule, waitedMs: number, scene: Scene): void {
  scene.gateway.scheduler.run(new GuestRun(scene, { module, waitedMs }))
}

/** The connection's own limits are the pool's; a tenant may have tighter ones. */
function checkParams(request: FastCgiRequest, { config }: Tenant): void {
  const { paramsBytes, paramsCount } = config.limits
  const { params } = request
  // As they came they also have their lengths.
  const isSmall = params.bytes.length <= paramsBytes && params.length <= paramsCount
  const bytes = isSmall ? 0 : params.totalBytes()
  if (bytes <= paramsBytes && params.length <= paramsCount) return
  throw new GatewayError(
    'GATEWAY_PARAMS_TOO_LARGE',
    `Cannot take the variables of the request: ${params.length} of ${bytes} bytes, wanted at most ${paramsCount} of ${paramsBytes}`,
  )
}
