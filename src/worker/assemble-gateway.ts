/** Makes what answers requests out of a configuration. */
import { hash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import { LineLimit } from '../base/line-limit.ts'
import { LogSinks } from '../base/log-sinks.ts'
import type { Logger } from '../base/logger.ts'
import type { Config, TenantConfig } from '../config/config.ts'
import { usedRuntimes } from '../config/runtime-use.ts'
import { tenantFor } from '../config/tenant-for.ts'
import type { AccessLog } from '../gateway/access-log.ts'
import { AccessLogs } from '../gateway/access-logs.ts'
import type { Application } from '../gateway/application.ts'
import { DocumentRoot } from '../gateway/document-root.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { HandlerSettings } from '../gateway/handler-settings.ts'
import { PublishedHandlers } from '../gateway/published-handlers.ts'
import { requestIds } from '../gateway/request-id.ts'
import { Router } from '../gateway/router.ts'
import type { ScriptRuntime } from '../gateway/script-runtime.ts'
import { SlowLogs } from '../gateway/slow-log.ts'
import { FileReader } from '../gateway/static/file-reader.ts'
import { collectPoolStatus } from '../gateway/status/collect-status.ts'
import { mergePoolStatus } from '../gateway/status/merge.ts'
import type { PoolStatus } from '../gateway/status/pool-status.ts'
import { readStatus } from '../gateway/status/read-status.ts'
import type { Tenant } from '../gateway/tenant.ts'
import { CompileCache } from '../guest/compile-cache.ts'
import type { Compile } from '../guest/compiler.ts'
import type { CompileLimits } from '../guest/guest-module.ts'
import { LoadTurns } from '../guest/load-turns.ts'
import type { FailingRelease } from '../ipc/messages.ts'
import { Scheduler } from '../pool/scheduler.ts'
import type { ReleaseReader } from '../store/release-reader.ts'
import { ImageCache } from '../wasi/image-cache.ts'
import { DEFAULT_WASI_LIMITS } from '../wasi/session.ts'
import { UsageLedger } from '../wasi/usage-ledger.ts'
import { applicationOf } from './applications.ts'
import { bareTree, type FileParts, mountedIn, preopensOf, treeOf } from './guest-files.ts'
import { OutboundDevices } from './outbound-devices.ts'
import { loadRelease, settingsOfRelease, verifierOf } from './release-settings.ts'
import { type Runtime, Runtimes, untilSettled } from './runtimes.ts'
import { capShare, sizingShare, slotShare } from './shares.ts'
import type { ToldStatuses } from './status-exchange.ts'

export interface AssembleOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether requests leave a line where their tenants want one; or where else they all do. */
  readonly accessLog: boolean | AccessLog
  /** Of log files; set to what a configuration says as soon as it is used. Default: one of its own. */
  readonly lines?: LineLimit
  /** The logs of the process; their memory is set in the same way. Default: some of its own. */
  readonly sinks?: LogSinks
  /** What the other processes know of a tenant; default: there are none. Never rejects. */
  readonly otherStatuses?: (tenant: string) => Promise<ToldStatuses>
  /** What writable mounts hold, shared with other workers. Default: one of its own. */
  readonly ledger?: UsageLedger
  /** Makes modules; default: in this thread. */
  readonly compile?: Compile
  /** A request is over. */
  readonly onEnded?: () => void
  /** A published release wants to go back. */
  readonly onFailing?: (failing: FailingRelease) => void
}

/** Shared by all tenants of a worker. */
interface Shared extends FileParts {
  readonly logger: Logger
  readonly releases: ReleaseReader | undefined
  readonly onFailing: AssembleOptions['onFailing']
  readonly modules: CompileCache
  readonly turns: LoadTurns
  readonly fileReader: FileReader
  readonly openAccessLog: (tenant: TenantConfig) => AccessLog | undefined
}

/** Makes gateways that share modules, instances and tenants: one for each configuration a worker has in its life. */
export class GatewayAssembly {
  readonly #options: AssembleOptions
  #shared: Shared
  readonly #outbound: OutboundDevices
  readonly #scheduler: Scheduler
  readonly #lines: LineLimit
  readonly #sinks: LogSinks
  readonly #accessLogs: AccessLogs
  readonly #slowLogs: SlowLogs
  readonly #nextRequestId = requestIds()
  readonly #startEpochMs: number
  readonly #runtimes: Runtimes
  /** The tenants of the gateway that serves now, with what they were made of. */
  #tenants: ReadonlyMap<string, KnownTenant> = new Map()
  /** Those of the gateway that was made last. */
  #latest: ReadonlyMap<string, KnownTenant> = this.#tenants

  constructor(options: AssembleOptions) {
    this.#options = options
    this.#scheduler = new Scheduler({ clock: options.clock })
    this.#lines = options.lines ?? new LineLimit(Number.POSITIVE_INFINITY)
    this.#sinks = options.sinks ?? new LogSinks(options.clock, 0)
    this.#accessLogs = new AccessLogs(options.logger, this.#lines, this.#sinks)
    this.#slowLogs = new SlowLogs(options.logger, this.#lines, this.#sinks)
    this.#startEpochMs = Number(options.clock.realtimeNs() / 1_000_000n)
    this.#outbound = new OutboundDevices(options)
    this.#shared = {
      openAccessLog: (tenant) => this.#openAccessLog(tenant),
      clock: options.clock,
      logger: options.logger,
      releases: undefined,
      onFailing: options.onFailing,
      modules: new CompileCache({ compile: options.compile }),
      turns: new LoadTurns(),
      fileReader: new FileReader(),
      images: new ImageCache(),
      ledger: options.ledger ?? new UsageLedger(),
      makeDevices: () => this.#outbound.devices,
    }
    const shared = this.#shared
    this.#runtimes = new Runtimes({ ...shared, makePreopens: () => bareTree(shared) })
  }

  /**
   * Makes a gateway for `config`; those made before go on as they are. A tenant whose table has not changed keeps what it
   * has looked up. `workers`: how many share what `config` allows. Throws when a mount or a `ca` file of a tenant cannot
   * be opened: then nothing has changed.
   */
  assemble(config: Config, workers = 1): Gateway {
    const { clock, logger } = this.#options
    const tenants = new Map<string, KnownTenant>()
    const runtimes = this.#runtimes.take(usedRuntimes(config))
    for (const table of config.tenants) {
      const own = table.runtimes.flatMap((name) => runtimes.get(name) ?? [])
      tenants.set(table.name, this.#tenantOf(table, own, workers))
    }
    this.#latest = tenants
    return {
      clock,
      logger,
      router: new Router([...tenants.values()].map(({ tenant }) => tenant)),
      scheduler: this.#scheduler,
      accessLog: this.#unknownAccessLog(config),
      nextRequestId: this.#nextRequestId,
      onEnded: this.#options.onEnded,
      slowLog: ({ config }) => this.#slowLogs.open(config),
      poolStatus: (tenant) => this.#poolStatus(tenant),
      booted: untilSettled(runtimes.values(), clock),
    }
  }

  /** Tenants of gateways made from here on have an access log unless they say that they want none. */
  showAccess(): void {
    this.#accessLogs.showAll = true
  }

  /** Gateways made from here on have the published handlers of this store. */
  follow(releases: ReleaseReader): void {
    this.#shared = { ...this.#shared, releases }
  }

  /** The gateway that was made last, for `config`, serves from here on. `workers` share what all tenants have together. */
  use(config: Config, workers: number): void {
    for (const [name, { tenant }] of this.#tenants) {
      const next = this.#latest.get(name)
      if (next === undefined) this.#scheduler.dropTenant(name)
      if (next?.tenant === tenant) continue
      tenant.published?.close()
      for (const runtime of tenant.runtimes) runtime.close()
    }
    this.#tenants = this.#latest
    this.#outbound.keep(this.#tenants)
    this.#lines.bytes = config.logLimitBytes
    this.#sinks.memory.limitBytes = config.logMemoryBytes
    this.#scheduler.caps = capShare(config, workers)
  }

  /** What this worker alone knows of a tenant; undefined: it does not serve it. */
  ownStatus(tenant: string): PoolStatus | undefined {
    const known = this.#tenants.get(tenant)
    return known === undefined ? undefined : this.#collect(known.tenant)
  }

  /** Opens log files anew, after somebody has moved them away. */
  reopenLogs(): void {
    this.#sinks.reopen()
  }

  async #poolStatus(tenant: Tenant): Promise<PoolStatus> {
    const { otherStatuses } = this.#options
    const { statuses = [], droppedLines = {} } = (await otherStatuses?.(tenant.config.name)) ?? {}
    const own = this.#collect(tenant)
    const others = statuses.map((text) => readStatus(text, own)).filter((one) => one !== undefined)
    const all = mergePoolStatus(own, ...others)
    return { ...all, own: { ...all.own, serverDroppedLogLines: { ...droppedLines } } }
  }

  #collect(tenant: Tenant): PoolStatus {
    return collectPoolStatus(tenant, this.#scheduler, {
      clock: this.#options.clock,
      startEpochMs: this.#startEpochMs,
      droppedLogLines: this.#sinks.memory.droppedLines,
      outbound: this.#outbound.accountOf(tenant.config.name),
    })
  }

  #unknownAccessLog({ tenants }: Config): AccessLog | undefined {
    const { accessLog } = this.#options
    if (typeof accessLog === 'function') return accessLog
    return accessLog ? this.#accessLogs.forUnknown(tenants) : undefined
  }

  #openAccessLog(tenant: TenantConfig): AccessLog | undefined {
    const { accessLog } = this.#options
    if (typeof accessLog === 'function') return accessLog
    return accessLog ? this.#accessLogs.open(tenant) : undefined
  }

  #tenantOf(config: TenantConfig, runtimes: readonly Runtime[], workers: number): KnownTenant {
    const parts = [config, workers, ...runtimes.map(({ id }) => id)]
    const madeOf = hash('sha256', JSON.stringify(parts), 'base64url')
    const known = this.#tenants.get(config.name)
    if (known?.madeOf === madeOf) return known
    const makeDevices = this.#outbound.makerFor(config, workers)
    const shared = { ...this.#shared, runtimes, makeDevices }
    return { madeOf, tenant: assembleTenant(config, shared, workers) }
  }
}

interface KnownTenant {
  /** A digest: the text itself would be the largest part of a tenant that has nothing to do. */
  readonly madeOf: string
  readonly tenant: Tenant
}

/**
 * Makes the only gateway of a process; without `releases` it has no published handlers. Throws `WasiError` when a mount of a
 * tenant cannot be opened.
 */
export function assembleGateway(
  config: Config,
  options: AssembleOptions,
  releases?: ReleaseReader,
): Gateway {
  const assembly = new GatewayAssembly(options)
  if (releases !== undefined) assembly.follow(releases)
  const gateway = assembly.assemble(config, 1)
  assembly.use(config, 1)
  return gateway
}

function assembleTenant(
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
  const runtimes = shared.runtimes.map((runtime) =>
    scriptRuntime(runtime, { ...settings, makePreopens }, byPath, (usual) =>
      applicationOf(runtime, config, usual, shared),
    ),
  )
  return {
    config,
    published: publishedOf(config, shared, (handler) => handlers.get(handler) ?? settings),
    documentRoot: documentRootOf(config, shared, { runtimes, makePreopens }),
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
