/** Makes of a tenant's table what answers its requests. */
import type { TenantConfig } from '../config/config.ts'
import { tenantFor } from '../config/tenant-for.ts'
import type { AccessLog } from '../gateway/access-log.ts'
import type { Application } from '../gateway/application.ts'
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
import type { ReleaseReader } from '../store/release-reader.ts'
import { DEFAULT_WASI_LIMITS } from '../wasi/session.ts'
import { type ApplicationParts, applicationOf } from './applications.ts'
import { type FileParts, mountedIn, preopensOf, treeOf } from './guest-files.ts'
import { loadRelease, settingsOfRelease, verifierOf } from './release-settings.ts'
import type { Runtime } from './runtimes.ts'
import { sizingShare, slotShare } from './shares.ts'

/** Shared by all tenants of a worker. */
export interface Shared extends FileParts, ApplicationParts {
  readonly releases: ReleaseReader | undefined
  readonly onFailing: ((failing: FailingRelease) => void) | undefined
  readonly modules: CompileCache
  readonly turns: LoadTurns
  readonly fileReader: FileReader
  readonly openAccessLog: (tenant: TenantConfig) => AccessLog | undefined
}

/** Throws `WasiError` when a mount cannot be opened. */
export function assembleTenant(
  config: TenantConfig,
  shared: Shared & { readonly runtimes: readonly Runtime[] },
  workers: number,
): Tenant {
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
  const makePreopens = shared.runtimes.length === 0 ? settings.makePreopens : treeOf(config, shared)
  const { root, warm } = config
  const runtimes: readonly ScriptRuntime[] = shared.runtimes.map((runtime) =>
    scriptRuntime(runtime, { ...settings, makePreopens }, byPath, (usual) =>
      applicationOf(
        {
          ...{ runtime, tenant: config, settings: usual, warm },
          folder: root === undefined ? undefined : { guest: root, host: root },
          find: (cgi) => findBelow(documentRoot, runtime.config.name, cgi),
        },
        shared,
      ),
    ),
  )
  const documentRoot = documentRootOf(config, shared, { runtimes, makePreopens })
  return {
    config,
    published: publishedOf(config, shared, (handler) => handlers.get(handler) ?? settings),
    documentRoot,
    runtimes,
    settings,
    handlers: byPath,
    slots: slotShare(config, workers),
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

/** `settings`: of most scripts; `others`: of those with something of their own. Where they differ in files, `settings` counts. */
function scriptRuntime(
  runtime: Runtime,
  settings: HandlerSettings,
  others: ReadonlyMap<string, HandlerSettings>,
  makeApplication: (usual: HandlerSettings) => Application,
): ScriptRuntime {
  const { name, extensions, index, env } = runtime.config
  const { makePreopens } = settings
  const within = (own: HandlerSettings): HandlerSettings => ({
    ...own,
    env: { ...env, ...own.env },
    makePreopens,
  })
  const usual = within(settings)
  const own = new Map([...others].map(([path, other]) => [path, within(other)]))
  const application = makeApplication(usual)
  return {
    ...{ name, extensions, index },
    module: () => application.module,
    opened: (path) => application.opened(`/${path}`),
    ended: () => application.ended(),
    close: () => application.close(),
    settingsOf: (path) => own.get(path) ?? usual,
  }
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
  shared: Shared,
  settingsFor: (handler: string) => HandlerSettings,
): PublishedHandlers | undefined {
  const { releases: reader, clock, logger, fileReader } = shared
  if (reader === undefined) return undefined
  const { name: tenant } = config
  const wallsMs = config.handlers.map(({ name }) => tenantFor(config, name).limits.wallMs)
  return new PublishedHandlers({
    tenant,
    reader,
    clock,
    logger,
    wallMs: Math.max(config.limits.wallMs, ...wallsMs),
    settingsOf: (live) =>
      settingsOfRelease(live, settingsFor(live.name), preopensOf(config, shared, live.imageRoot)),
    fileReader,
    verify: verifierOf(config.signers, reader),
    load: (live, holder) =>
      loadRelease(live, compileLimits(tenantFor(config, live.name)), { ...shared, holder }),
    onFailing: ({ name: handler, digest: release }, { requests, failures }) =>
      shared.onFailing?.({ tenant, handler, release, requests, failures }),
  })
}

/** What runs a tenant's scripts, and what it sees of the file system. */
interface Scripts extends Pick<HandlerSettings, 'makePreopens'> {
  readonly runtimes: readonly ScriptRuntime[]
}

function documentRootOf(
  config: TenantConfig,
  shared: Shared,
  { runtimes, makePreopens }: Scripts,
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
    tenant: config.name,
    cache: shared.modules,
    turns: shared.turns,
    clock: shared.clock,
  })
}

function compileLimits({ limits }: TenantConfig): CompileLimits {
  return { memoryMaxBytes: limits.memoryBytes, functionBytes: limits.functionBytes }
}
