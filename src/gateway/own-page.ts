/** Pages wasm-fpm answers itself, where a tenant or a pool asks for them: php-fpm's `ping.path` and `pm.status_path`, and `ready_path`. */
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
  const path = pathOf(cgi)
  if (path === pingPath) return async () => pingResponse(text, { method })
  if (path === readyPath) return async ({ readiness }) => readyResponse(readiness(), { method })
  if (path !== pmStatusPath) return undefined
  const query = variables.get('QUERY_STRING') ?? ''
  return async (gateway) => statusResponse(await gateway.poolStatus(tenant), { query, method })
}

/** Who calls itself this asks from this machine. */
const OWN_ADDRESSES: ReadonlySet<string> = new Set(['', '127.0.0.1', '::1'])

/**
 * The status of all tenants of `pool`: as php-fpm's exporters ask for it, over FastCGI and without a web server. So for requests that name no
 * host and no tenant; a client that a web server speaks for has an address of its own.
 */
export function findPoolPage(cgi: CgiRequest, pool: string, gateway: Gateway): OwnPage | undefined {
  const path = gateway.statusPaths.get(pool)
  if (path === undefined) return undefined
  const { method, variables } = cgi
  if (cgi.host !== '' || variables.get('WASM_FPM_TENANT') || pathOf(cgi) !== path) return undefined
  if (!OWN_ADDRESSES.has(variables.get('REMOTE_ADDR') ?? '')) return undefined
  const query = variables.get('QUERY_STRING') ?? ''
  return async () => statusResponse(await gateway.wholeStatus(pool), { query, method })
}

function pathOf({ variables, path }: CgiRequest): string {
  return variables.get('SCRIPT_NAME') || variables.get('PATH_INFO') || path
}
