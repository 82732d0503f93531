/**
 * The life of one request, top to bottom. Every step lives in the file its name says.
 *
 *     params -> CGI variables -> tenant and handler -> slot and instance -> guest -> checked CGI response -> end
 */
import { parseEnvironment } from '../cgi/environment.ts'
import type { FastCgiError } from '../fastcgi/errors.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import { Answer } from './answer.ts'
import { GatewayError } from './errors.ts'
import type { Gateway } from './gateway.ts'
import { makeGrants } from './grants.ts'
import { GuestRun } from './guest-run.ts'
import { findOwnPage } from './own-page.ts'
import type { Tenant } from './tenant.ts'
import { whenLoaded } from './when-loaded.ts'

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
      let { module } = target
      let waitedMs = 0
      if (module instanceof Promise) {
        const askedMs = gateway.clock.nowMs()
        module = await whenLoaded(module, scene)
        waitedMs = gateway.clock.nowMs() - askedMs
      }
      const run = new GuestRun(scene, grants, { module, waitedMs })
      try {
        const report = await gateway.scheduler.run(run)
        run.ended(report)
        answer.complete(report)
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
