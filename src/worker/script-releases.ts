/** Releases of scripts: what they may use, and what runs them. */
import type { TenantConfig } from '../config/config.ts'
import type { HandlerSettings } from '../gateway/handler-settings.ts'
import type { PublishedHandlersOptions } from '../gateway/published-parts.ts'
import { ReleaseScripts, SCRIPTS_FOLDER } from '../gateway/release-scripts.ts'
import type { FindScript } from '../gateway/warm-requests.ts'
import { GuestError } from '../guest/errors.ts'
import type { LiveHandler } from '../store/release-reader.ts'
import { routesOf } from '../store/release-routes.ts'
import { findRoute, makeRouteTable } from '../store/route-table.ts'
import { type ApplicationParts, runScripts } from './applications.ts'
import { commonPlacesOf, commonTreeOf, type TreeParts, treeOf } from './guest-files.ts'
import { settingsOfRelease } from './release-settings.ts'
import type { Runtime } from './runtimes.ts'

export interface ScriptReleaseParts extends ApplicationParts, TreeParts {
  /** The tenant's. */
  readonly runtimes: readonly Runtime[]
}

/** `usual`: of the handler's name. Throws `WasiError`. */
export function settingsOfScripts(
  live: LiveHandler,
  usual: HandlerSettings,
  { tenant, parts }: { readonly tenant: TenantConfig; readonly parts: ScriptReleaseParts },
): HandlerSettings {
  const runtime = runtimeOf(live, parts)
  const env = { ...runtime?.config.env, ...usual.env }
  return settingsOfRelease(live, { ...usual, env }, treeOf(tenant, parts, folderOf(live)))
}

/** As its guests see it, and in the store. */
function folderOf({ imageRoot = '' }: LiveHandler): {
  readonly guest: string
  readonly host: string
} {
  return { guest: SCRIPTS_FOLDER, host: imageRoot }
}

/** What runs the scripts of the tenant's releases. */
export function scriptsOf(
  tenant: TenantConfig,
  parts: ScriptReleaseParts,
  { reader, verify }: Pick<PublishedHandlersOptions, 'reader' | 'verify'>,
): PublishedHandlersOptions['scriptsOf'] {
  return async (live, settings) => {
    const runtime = runtimeOf(live, parts)
    if (runtime === undefined) throw noRuntime(live, parts)
    await verify(live)
    const listing = await reader.listing(live)
    const { app, front, warm = [] } = live.release.manifest
    const scripts: ReleaseScripts = new ReleaseScripts({
      runtime: runScripts(
        {
          ...{ app, runtime, tenant, settings, warm },
          folder: { guest: SCRIPTS_FOLDER, host: undefined },
          common: {
            places: JSON.stringify([live.imageRoot, commonPlacesOf(tenant)]),
            openTree: () => commonTreeOf(tenant, parts, folderOf(live)),
          },
          find: (cgi) => find(cgi),
          index: undefined, // `find` knows
        },
        parts,
      ),
      ...{ listing, front },
    })
    const find = finderIn(live, scripts, settings)
    return scripts
  }
}

/** As requests find them. */
function finderIn(
  live: LiveHandler,
  scripts: ReleaseScripts,
  settings: HandlerSettings,
): FindScript {
  const routes = makeRouteTable(routesOf(live.release.manifest, live))
  return ({ method, variables }) => {
    const match = findRoute(routes, method, variables.get('SCRIPT_NAME') ?? '')
    const paths = match.kind === 'found' ? (scripts.find(match) ?? scripts.front(match)) : undefined
    return paths === undefined ? undefined : { paths, settings }
  }
}

function runtimeOf(
  { release }: LiveHandler,
  { runtimes }: Pick<ScriptReleaseParts, 'runtimes'>,
): Runtime | undefined {
  return runtimes.find(({ config }) => config.name === release.manifest.runtime)
}

function noRuntime(
  { digest, release, tenant }: LiveHandler,
  { runtimes }: Pick<ScriptReleaseParts, 'runtimes'>,
): GuestError {
  const names = runtimes.map(({ config }) => config.name).join(', ') || 'none'
  return new GuestError(
    'GUEST_NO_RUNTIME',
    `Cannot run scripts of release ${digest.slice(0, 12)}: its runtime is ${release.manifest.runtime}, tenant ${tenant} has ${names}, wanted it in the tenant's runtimes`,
  )
}
