/**
 * From a request's variables to the tenant and the handler that answer it.
 *
 * The web server's word comes first: `WASM_FPM_TENANT` is a parameter only it can set. Without one the request's host
 * decides. No header of the client ever names a tenant, and no parameter is ever configuration.
 */
import type { CgiRequest } from '../cgi/environment.ts'
import { CgiError } from '../cgi/errors.ts'
import { appPathsOf } from './app-paths.ts'
import type { DocumentRoot } from './document-root.ts'
import { GatewayError } from './errors.ts'
import type { ScriptPlace } from './script-memory.ts'
import type { GuestTarget, Target } from './target.ts'
import type { Tenant } from './tenant.ts'

export class Router {
  /** What the most generous tenant takes: a connection does not know yet whose request it reads. */
  readonly params: { paramsBytes: number; paramsPairs: number }
  readonly #byName = new Map<string, Tenant>()
  /** By pool, then by host name. */
  readonly #byHost = new Map<string, Map<string, Tenant>>()

  constructor(tenants: readonly Tenant[]) {
    this.params = { paramsBytes: 0, paramsPairs: 0 }
    for (const tenant of tenants) {
      const { name, pool, hosts, limits } = tenant.config
      this.params.paramsBytes = Math.max(this.params.paramsBytes, limits.paramsBytes)
      this.params.paramsPairs = Math.max(this.params.paramsPairs, limits.paramsCount)
      this.#byName.set(name, tenant)
      const ofPool = this.#byHost.get(pool) ?? new Map<string, Tenant>()
      this.#byHost.set(pool, ofPool)
      for (const host of hosts) ofPool.set(host, tenant)
    }
  }

  /** Who answers a request that came over a listener of `pool`. Throws GATEWAY_UNKNOWN_TENANT. */
  findTenant(cgi: CgiRequest, pool: string): Tenant {
    const named = cgi.variables.get('WASM_FPM_TENANT')
    const tenant = named ? this.#byName.get(named) : this.#findHost(cgi.host, pool)
    if (tenant === undefined || tenant.config.pool !== pool) {
      throw new GatewayError(
        'GATEWAY_UNKNOWN_TENANT',
        named
          ? `Cannot answer for tenant "${named}": pool ${pool} has none of that name`
          : `Cannot answer for host "${cgi.host}": pool ${pool} has no tenant with it`,
      )
    }
    return tenant
  }

  /**
   * What of the tenant answers it: a published handler, else a file of the document root. A promise when the tenant's
   * releases have not been looked up yet. Throws or rejects with `GatewayError`, `CgiError`, `GuestError` or `StoreError`.
   */
  findHandler(cgi: CgiRequest, tenant: Tenant): Target | Promise<Target> {
    const published = tenant.published?.find(cgi)
    if (published instanceof Promise) {
      return published.then((target) => target ?? findOwn(cgi, tenant))
    }
    return published ?? findOwn(cgi, tenant)
  }

  /** The exact name, then `*.` and the rest of it, label by label, then `*`. */
  #findHost(host: string, pool: string): Tenant | undefined {
    const hosts = this.#byHost.get(pool)
    const exact = hosts?.get(host)
    if (hosts === undefined || exact !== undefined) return exact
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
      const wildcard = hosts.get(`*${host.slice(dot)}`)
      if (wildcard !== undefined) return wildcard
    }
    return hosts.get('*')
  }
}

/** What of the tenant's root answers. Throws `GatewayError` or `CgiError`. */
function findOwn(cgi: CgiRequest, tenant: Tenant): Target {
  const { app, config } = tenant
  if (app?.app === undefined) return findFile(cgi, tenant)
  const paths = appPathsOf(cgi, config.root ?? '/')
  if (paths === undefined) {
    const message = `Cannot answer ${cgi.path}: wanted a path without ".", ".." and NUL`
    throw new CgiError('CGI_BAD_PATH', message)
  }
  return {
    ...{ kind: 'guest', handler: app.app, paths },
    module: app.module(),
    settings: app.settingsOf(''),
  }
}

/** Throws `GatewayError` or `CgiError`. */
function findFile(cgi: CgiRequest, { config, documentRoot, settings, handlers }: Tenant): Target {
  for (const place of documentRoot?.scripts.find(cgi.variables) ?? []) {
    const { scriptPath, paths, runtime } = place
    const module = documentRoot === undefined ? undefined : moduleOf(place, documentRoot)
    if (module === undefined) continue
    return {
      kind: 'guest',
      handler: scriptPath,
      module,
      settings: runtime?.settingsOf(scriptPath) ?? handlers.get(scriptPath) ?? settings,
      paths,
      onRun: runtime?.ended,
      onFile: runtime?.opened,
    }
  }
  const folder = documentRoot?.rules.documentRoot ?? 'no root'
  const extensions = documentRoot?.rules.extensions ?? config.limitExtensions
  throw new GatewayError(
    'GATEWAY_UNKNOWN_HANDLER',
    `Cannot answer ${cgi.path}: tenant ${config.name} has no handler for it (nothing published there; looked below ${folder} for a file ending in ${extensions.join(', ')})`,
  )
}

/** What runs the file there; undefined: there is none. */
function moduleOf(
  { scriptPath, runtime }: ScriptPlace,
  documentRoot: DocumentRoot,
): GuestTarget['module'] | undefined {
  if (runtime === undefined) return documentRoot.load(scriptPath)
  return documentRoot.has(scriptPath) ? runtime.module() : undefined
}
