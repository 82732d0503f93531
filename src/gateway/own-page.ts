/** Pages wasm-fpm answers itself, where a tenant asks for them: php-fpm's `ping.path` and `pm.status_path`, and `ready_path`. */
import type { CgiRequest } from '../cgi/environment.ts'
import type { Gateway } from './gateway.ts'
import { pingResponse, readyResponse, statusResponse } from './status/status-response.ts'
import type { Tenant } from './tenant.ts'

/** Makes a complete CGI response. */
export type OwnPage = (gateway: Gateway) => Promise<Uint8Array>

/** The page that `cgi` asks for: SCRIPT_NAME is exactly the configured path. */
export function findOwnPage(cgi: CgiRequest, tenant: Tenant): OwnPage | undefined {
  const { pingPath, pingResponse: text, pmStatusPath, readyPath } = tenant.config
  if (pingPath === undefined && pmStatusPath === undefined && readyPath === undefined)
    return undefined
  const { method, variables } = cgi
  const path = variables.get('SCRIPT_NAME') || variables.get('PATH_INFO') || cgi.path
  if (path === pingPath) return async () => pingResponse(text, { method })
  if (path === readyPath) return async ({ readiness }) => readyResponse(readiness(), { method })
  if (path !== pmStatusPath) return undefined
  const query = variables.get('QUERY_STRING') ?? ''
  return async (gateway) => statusResponse(await gateway.poolStatus(tenant), { query, method })
}
