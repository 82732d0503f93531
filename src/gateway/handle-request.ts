/**
 * The life of one request, top to bottom. Every step lives in the file its name says.
 *
 *     params -> CGI variables -> tenant and handler -> slot and instance -> guest -> checked CGI response -> end
 */
import { randomFillSync } from 'node:crypto'
import { type CgiRequest, parseEnvironment } from '../cgi/environment.ts'
import { guestEnvironment } from '../cgi/guest-environment.ts'
import type { FastCgiError } from '../fastcgi/errors.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import type { PoolReport } from '../pool/scheduler.ts'
import { DEFAULT_WASI_LIMITS, type WasiGrants } from '../wasi/session.ts'
import { Answer } from './answer.ts'
import type { Gateway } from './gateway.ts'
import { joinSources } from './joined-source.ts'
import { RequestBody } from './request-body.ts'
import type { Target } from './router.ts'

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
    const target = gateway.router.resolve(cgi, pool)
    answer.address(target.tenant, target.handler)
    answer.complete(await runGuest({ request, cgi, target, answer, gateway }))
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
  readonly target: Target
  readonly answer: Answer
  readonly gateway: Gateway
}

async function runGuest(scene: Scene): Promise<PoolReport> {
  const { request, target, answer, gateway } = scene
  const grants = makeGrants(scene)
  const module = target.module instanceof Promise ? await target.module : target.module
  const { tenant } = target
  return gateway.scheduler.run({
    tenant: tenant.name,
    limits: tenant.slots,
    sizing: tenant.sizing,
    maxRequests: tenant.maxRequests,
    module,
    grants,
    cpuMs: tenant.cpuMs,
    wallMs: tenant.wallMs,
    onAbort: (giveUp) => request.onAbort(giveUp),
    onStart: (kill) => answer.onRefusal(kill),
    onWait: () => answer.flush(),
  })
}

/** Everything the guest may touch. */
function makeGrants({ request, cgi, target, answer, gateway }: Scene): WasiGrants {
  const { tenant, paths } = target
  const body = new RequestBody(
    request.stdin,
    { declared: cgi.contentLength, maxBytes: tenant.requestBytes },
    (error) => answer.refuse(error),
  )
  answer.body = body
  return {
    args: [paths.scriptFilename],
    env: guestEnvironment(cgi, { ...paths, role: answer.role, env: tenant.env }),
    stdin: answer.role === 'filter' ? joinSources(body, request.data) : body,
    stdout: answer.stdout,
    stderr: answer.stderr,
    preopens: tenant.makePreopens(),
    clock: gateway.clock,
    random: (into) => randomFillSync(into),
    limits: { ...DEFAULT_WASI_LIMITS, openFiles: tenant.openFiles },
  }
}
