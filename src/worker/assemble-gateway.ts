/** Makes what answers requests out of a configuration. */
import { hash } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { WorkerFigures } from '../base/figures.ts'
import { LineLimit } from '../base/line-limit.ts'
import { LogSinks } from '../base/log-sinks.ts'
import type { Logger } from '../base/logger.ts'
import type { Readiness } from '../base/readiness.ts'
import type { Config, TenantConfig } from '../config/config.ts'
import { usedRuntimes } from '../config/runtime-use.ts'
import type { AccessLog } from '../gateway/access-log.ts'
import { AccessLogs } from '../gateway/access-logs.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Listener } from '../gateway/listen/listener.ts'
import { requestIds } from '../gateway/request-id.ts'
import { Router } from '../gateway/router.ts'
import { SlowLogs } from '../gateway/slow-log.ts'
import { FileReader } from '../gateway/static/file-reader.ts'
import { collectPoolStatus, collectWholeStatus } from '../gateway/status/collect-status.ts'
import { mergePoolStatus } from '../gateway/status/merge.ts'
import type { PoolStatus } from '../gateway/status/pool-status.ts'
import { readStatus } from '../gateway/status/read-status.ts'
import type { Tenant } from '../gateway/tenant.ts'
import { CompileCache } from '../guest/compile-cache.ts'
import type { Compile } from '../guest/compiler.ts'
import { LoadTurns } from '../guest/load-turns.ts'
import { type FailingRelease, type RuntimeFacts, WHOLE_POOL } from '../ipc/messages.ts'
import { Scheduler } from '../pool/scheduler.ts'
import { Work } from '../pool/work.ts'
import type { ReleaseReader } from '../store/release-reader.ts'
import { ImageCache } from '../wasi/image-cache.ts'
import { UsageLedger } from '../wasi/usage-ledger.ts'
import { assembleTenant, type Shared } from './assemble-tenant.ts'
import { collectFigures } from './collect-figures.ts'
import { bareTree } from './guest-files.ts'
import { InCommon } from './in-common.ts'
import { OutboundDevices } from './outbound-devices.ts'
import { type Runtime, Runtimes, untilSettled } from './runtimes.ts'
import { capShare } from './shares.ts'
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
  /** Whether the machine is to get requests; default: it is. */
  readonly readiness?: () => Readiness
  /** How the runtimes are has changed. */
  readonly onRuntimes?: (runtimes: readonly RuntimeFacts[]) => void
  /** A request is over. */
  readonly onEnded?: () => void
  /** A published release wants to go back. */
  readonly onFailing?: (failing: FailingRelease) => void
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
      isActive: (tenant) => this.#scheduler.tenants.get(tenant)?.places.hasAny === true,
      workFor: (tenant) => this.#workFor(tenant),
      commonScripts: new InCommon(),
      commonTrees: new InCommon(),
      modules: new CompileCache({ compile: options.compile }),
      turns: new LoadTurns(),
      fileReader: new FileReader(),
      images: new ImageCache(),
      ledger: options.ledger ?? new UsageLedger(),
      makeDevices: () => this.#outbound.devices,
    }
    const shared = this.#shared
    this.#runtimes = new Runtimes({
      ...shared,
      makePreopens: () => bareTree(shared),
      onReady: (module) => this.#scheduler.keepBlank(module),
      onChange: options.onRuntimes,
    })
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
      poolStatus: (tenant) => this.#withOthers(tenant.config.name, () => this.#collect(tenant)),
      statusPaths: new Map(
        config.pools.flatMap(({ name, pmStatusPath: path }) => (path ? [[name, path]] : [])),
      ),
      wholeStatus: (pool) => this.#withOthers(`${WHOLE_POOL}${pool}`, () => this.#collectAll(pool)),
      readiness: this.#options.readiness ?? (() => 'ready'),
      booted: untilSettled(runtimes.values(), clock),
    }
  }

  /** Resolves when what the tenants of the gateway in use have published is ready, or takes too long to wait for. */
  async preparePublished(): Promise<void> {
    if (this.#shared.releases === undefined) return
    const tenants = [...this.#tenants.values()].map(({ tenant }) => tenant)
    const { preparePublished } = await import('./prepare-published.ts')
    await preparePublished(tenants, { ...this.#shared, scheduler: this.#scheduler })
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

  /** What this worker alone knows of a tenant, or of all of a pool; undefined: it does not serve it. */
  ownStatus(tenant: string): PoolStatus | undefined {
    if (tenant.startsWith(WHOLE_POOL)) return this.#collectAll(tenant.slice(WHOLE_POOL.length))
    const known = this.#tenants.get(tenant)
    return known === undefined ? undefined : this.#collect(known.tenant)
  }

  /** For the figures of the whole machine. */
  figures(listeners: readonly Listener[]): WorkerFigures {
    return collectFigures({
      scheduler: this.#scheduler,
      tenants: this.#tenants,
      listeners,
      outboundOf: (tenant) => this.#outbound.accountOf(tenant),
      cpuMs: Number(this.#options.clock.processCpuNs()) / 1e6,
    })
  }

  /** Opens log files anew, after somebody has moved them away. */
  reopenLogs(): void {
    this.#sinks.reopen()
  }

  async #withOthers(asked: string, collect: () => PoolStatus): Promise<PoolStatus> {
    const { otherStatuses } = this.#options
    const { statuses = [], droppedLines = {} } = (await otherStatuses?.(asked)) ?? {}
    // Meanwhile what has run just now is put back.
    const own = collect()
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

  #collectAll(pool: string): PoolStatus {
    const tenants = [...this.#tenants.values()].map(({ tenant }) => tenant)
    return collectWholeStatus(pool, this.#scheduler, {
      tenants: tenants.filter(({ config }) => config.pool === pool),
      clock: this.#options.clock,
      startEpochMs: this.#startEpochMs,
      droppedLogLines: this.#sinks.memory.droppedLines,
      outboundOf: (tenant) => this.#outbound.accountOf(tenant),
    })
  }

  /** It is asked for after a request of the tenant: the scheduler knows it. */
  #workFor({ name, limits }: TenantConfig): Work | undefined {
    const state = this.#scheduler.tenants.get(name)
    return state && new Work(this.#scheduler.runQueue, state, limits.sliceMs)
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
    const traffic = known?.tenant.traffic ?? { receivedBytes: 0, sentBytes: 0 }
    const shared = { ...this.#shared, runtimes, makeDevices, traffic }
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
