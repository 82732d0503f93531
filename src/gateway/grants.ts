/** Everything a guest may touch while it answers a request. */
import { randomFillSync } from 'node:crypto'
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { Clock } from '../base/clock.ts'
import { guestEnvironment } from '../cgi/guest-environment.ts'
import type { Preopen, WasiGrants, WasiLimits } from '../wasi/session.ts'
import { joinSources } from './joined-source.ts'
import { RequestBody } from './request-body.ts'
import type { Scene } from './scene.ts'

/** Throws GATEWAY_BODY_TOO_LARGE. */
export function makeGrants(scene: Scene): WasiGrants {
  const { request, cgi, target, answer } = scene
  const body = new RequestBody(
    request.stdin,
    { declared: cgi.contentLength, maxBytes: target.settings.requestBodyBytes },
    (error) => answer.refuse(error),
  )
  answer.body = body
  return new Grants(scene, body)
}

/** An object of fixed shape: there is one for every request that waits. */
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
