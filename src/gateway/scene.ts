/** A request whose handler is known, with all that takes part in answering it. */
import type { CgiRequest } from '../cgi/environment.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'
import type { Answer } from './answer.ts'
import type { Gateway } from './gateway.ts'
import type { GuestTarget } from './target.ts'
import type { Tenant } from './tenant.ts'

export interface Scene {
  readonly request: FastCgiRequest
  readonly cgi: CgiRequest
  readonly tenant: Tenant
  readonly target: GuestTarget
  readonly answer: Answer
  readonly gateway: Gateway
}
