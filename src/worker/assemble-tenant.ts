/** Makes of a tenant's table what answers its requests. */
import type { Traffic } from '../base/traffic.ts'
import type { RuntimeConfig, TenantConfig } from '../config/config.ts'
import { tenantFor } from '../config/tenant-for.ts'
import type { AccessLog } from '../gateway/access-log.ts'
import { appPathsOf } from '../gateway/app-paths.ts'
import { DocumentRoot } from '../gateway/document-root.ts'
import type { HandlerSettings } from '../gateway/handler-settings.ts'
import { PublishedHandlers } from '../gateway/published-handlers.ts'
import type { ScriptRuntime } from '../gateway/script-runtime.ts'
import type { FileReader } from '../gateway/static/file-reader.ts'
import type { Tenant } from '../gateway/tenant.ts'
import type { FindScript } from '../gateway/warm-requests.ts'
import type { CompileCache } from '../guest/compile-cache.ts'
import type { CompileLimits } from '../guest/guest-module.ts'
import type { LoadTurns } from '../guest/load-turns.ts'
import type { FailingRelease } from '../ipc/messages.ts'
import type { LiveHandler, ReleaseReader } from '../store/release-reader.ts'
import { DEFAULT_WASI_LIMITS } from '../wasi/session.ts'
import { type ApplicationParts, runScripts, type Scripts } from './applications.ts'
import { bootHandler } from './boot-handler.ts'
import {
  commonPlacesOf,
  commonTreeOf,
  type FileParts,
  mountedIn,
  preopensOf,
  treeOf,
} from './guest-files.ts'
import { loadRelease, settingsOfRelease, verifierOf } from './release-settings.ts'
import type { Runtime } from './runtimes.ts'
import { scriptsOf, settingsOfScripts } from './script-releases.ts'
import { sizingShare, slotShare } from './shares.ts'

/** Shared by all tenants of a worker. */
export interface Shared extends FileParts, ApplicationParts {
  readonly releases: ReleaseReader | undefined
  readonly onFailing: ((failing: FailingRelease) => void) | undefined
  /** Whether a tenant has instances. */
  readonly isActive: (tenant: string) => boolean
  readonly modules: CompileCache
  readonly turns: LoadTurns
  readonly fileReader: FileReader
  readonly openAccessLog: (tenant: TenantConfig) => AccessLog | undefined
}

interface TenantParts extends Shared {
  /** The tenant's. */
  readonly runtimes: readonly Runtime[]
  readonly traffic: Traffic
}

/** Throws `WasiError` when a mount cannot be opened. */
export function assembleTenant(config: TenantConfig, shared: TenantParts, workers: number): Tenant {
  const { limits } = config
  const settings = settingsOf(config, shared, workers)
  const handlers = new Map(
    config.handlers.map(({ name }) => {
      const own = settingsOf(tenantFor(config, name), shared, workers)
      // Others that share its module must not get instances that were kept in its way.
      return [name, { ...own, place: name }] as const
    }),
  )
  // Paths of requests are bytes, one char each.
  const byPath = new Map([...handlers].map(([name, own]) => [latin1Of(name), own]))
  const { app, root, warm } = config
  const folder = root === undefined ? undefined : { guest: root, host: root }
  const makePreopens = shared.runtimes.length === 0 ? settings.makePreopens : treeOf(config, shared)
  const runtimes: readonly ScriptRuntime[] = shared.runtimes.map((runtime) =>
    runScripts(
      {
        ...{ app, runtime, tenant: config, warm, folder },
        common: { places: commonPlacesOf(config), openTree: () => commonTreeOf(config, shared) },
        ...scriptSettings(runtime.config, { ...settings, makePreopens }, byPath),
        find: (cgi) =>
          app === undefined
            ? findBelow(documentRoot, runtime.config.name, cgi)
            : findApp(cgi, runtimes, root),
        index: runtime.config.index,
      },
      shared,
    ),
  )
  const documentRoot = documentRootOf(config, shared, {
    ...{ runtimes, makePreopens },
    settingsOf: (path) => byPath.get(path) ?? settings,
  })
  return {
    config,
    published: publishedOf(config, shared, (handler) => handlers.get(handler) ?? settings),
    documentRoot,
    runtimes,
    app: app === undefined ? undefined : runtimes[0],
    settings,
    handlers: byPath,
    slots: slotShare(config, workers),
    traffic: shared.traffic,
    wasiLimits: { ...DEFAULT_WASI_LIMITS, openFiles: limits.openFiles },
    stderr: {
      lineBytes: limits.stderrLineBytes,
      totalBytes: limits.stderrBytes,
      bytesPerSecond: limits.stderrBytesPerSecond,
    },
    allowedResponseHeaders: new Set(config.allowedResponseHeaders),
    accessLog: shared.openAccessLog(config),
  }
}

/** The application, which answers each request that is run ahead, too. */
function findApp(
  cgi: Parameters<FindScript>[0],
  runtimes: readonly ScriptRuntime[],
  root = '/',
): ReturnType<FindScript> {
  const paths = appPathsOf(cgi, root)
  const settings = runtimes[0]?.settingsOf('')
  return paths === undefined || settings === undefined ? undefined : { paths, settings }
}

/** The script below the root that answers a request, if it is one of a runtime. */
function findBelow(
  documentRoot: DocumentRoot | undefined,
  name: string,
  { variables }: Parameters<FindScript>[0],
): ReturnType<FindScript> {
  const places = documentRoot?.scripts.find(variables) ?? []
  const place = places.find(({ scriptPath }) => documentRoot?.has(scriptPath) === true)
  if (place === undefined) return undefined
  const { paths, runtime, scriptPath } = place
  return runtime?.name === name ? { paths, settings: runtime.settingsOf(scriptPath) } : 'another'
}

/** `others`: of scripts with something of their own. Where they differ in files, `usual` counts. */
function scriptSettings(
  { env }: RuntimeConfig,
  usual: HandlerSettings,
  others: ReadonlyMap<string, HandlerSettings>,
): Pick<Scripts, 'settings' | 'settingsOf'> {
  const { makePreopens } = usual
  const within = (own: HandlerSettings): HandlerSettings => ({
    ...own,
    env: { ...env, ...own.env },
    makePreopens,
  })
  const settings = within(usual)
  const own = new Map([...others].map(([path, other]) => [path, within(other)]))
  return { settings, settingsOf: (path) => own.get(path) ?? settings }
}

function latin1Of(name: string): string {
  return Buffer.from(name).toString('latin1')
}

/** What handlers of the document root may use. */
function settingsOf(config: TenantConfig, shared: Shared, workers: number): HandlerSettings {
  const { limits, root, chdir, env } = config
  return {
    place: '',
    env: chdir === '/' ? env : { PWD: chdir, ...env },
    cpuMs: limits.cpuMs,
    wallMs: limits.wallMs,
    requestBodyBytes: limits.requestBodyBytes,
    response: {
      headerBytes: limits.responseHeaderBytes,
      headerCount: limits.responseHeaderCount,
      bodyBytes: limits.responseBodyBytes,
      heldBackBytes: limits.heldBackBytes,
    },
    sizing: sizingShare(config, workers),
    makePreopens: preopensOf(config, shared, root),
  }
}

function publishedOf(
  config: TenantConfig,
  shared: TenantParts,
  settingsFor: (handler: string) => HandlerSettings,
): PublishedHandlers | undefined {
  const { releases: reader, clock, logger, fileReader } = shared
  if (reader === undefined) return undefined
  const { name: tenant } = config
  const wallsMs = config.handlers.map(({ name }) => tenantFor(config, name).limits.wallMs)
  const verify = verifierOf(config.signers, reader)
  const ofModule = (live: LiveHandler): HandlerSettings =>
    settingsOfRelease(live, settingsFor(live.name), preopensOf(config, shared, live.imageRoot))
  return new PublishedHandlers({
    tenant,
    reader,
    clock,
    logger,
    isActive: () => shared.isActive(tenant),
    wallMs: Math.max(config.limits.wallMs, ...wallsMs),
    settingsOf: (live) =>
      live.release.manifest.runtime === undefined
        ? ofModule(live)
        : settingsOfScripts(live, settingsFor(live.name), { tenant: config, parts: shared }),
    scriptsOf: scriptsOf(config, shared, { reader, verify }),
    fileReader,
    verify,
    load: async (live, holder) => {
      const limits = compileLimits(tenantFor(config, live.name))
      const compiled = await loadRelease(live, limits, { ...shared, holder })
      return bootHandler(compiled, ofModule(live), { ...shared, tenant: config })
    },
    onFailing: ({ name: handler, digest: release }, { requests, failures }) =>
      shared.onFailing?.({ tenant, handler, release, requests, failures }),
  })
}

/** What runs scripts below the root, and what it sees of the file system. */
interface RootParts extends Pick<HandlerSettings, 'makePreopens'> {
  readonly runtimes: readonly ScriptRuntime[]
  /** Of the module at a path. */
  readonly settingsOf: (path: string) => HandlerSettings
}

function documentRootOf(
  config: TenantConfig,
  shared: Shared,
  { runtimes, makePreopens, settingsOf }: RootParts,
): DocumentRoot | undefined {
  if (config.root === undefined) return undefined
  const usual = compileLimits(config)
  const own = new Map(
    config.handlers.map(({ name }) => [latin1Of(name), compileLimits(tenantFor(config, name))]),
  )
  return new DocumentRoot({
    root: config.root,
    extensions: config.limitExtensions,
    index: config.index,
    runtimes,
    isMounted: mountedIn(config, makePreopens),
    revalidateMs: config.revalidateMs,
    limitsOf: (path) => own.get(path) ?? usual,
    prepare: (module, path) => bootHandler(module, settingsOf(path), { ...shared, tenant: config }),
    tenant: config.name,
    cache: shared.modules,
    turns: shared.turns,
    clock: shared.clock,
  })
}

function compileLimits({ limits }: TenantConfig): CompileLimits {
  return { memoryMaxBytes: limits.memoryBytes, functionBytes: limits.functionBytes }
}
