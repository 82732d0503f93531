/** Makes what answers requests out of a configuration. */
import { randomFillSync } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Config, TenantConfig } from '../config/config.ts'
import { createAccessLog } from '../gateway/access-log.ts'
import { DocumentRoot } from '../gateway/document-root.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { DEFAULT_STDERR_LIMITS } from '../gateway/guest-stderr.ts'
import { requestIds } from '../gateway/request-id.ts'
import { Router } from '../gateway/router.ts'
import type { Tenant } from '../gateway/tenant.ts'
import { CompileCache } from '../guest/compile-cache.ts'
import { Scheduler } from '../pool/scheduler.ts'
import { DeviceDirectory } from '../wasi/device-directory.ts'
import { openHostDirectory } from '../wasi/host-directory.ts'
import { ImageCache } from '../wasi/image-cache.ts'
import { ImageDirectory } from '../wasi/image-directory.ts'
import { createMemoryDirectory } from '../wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../wasi/memory-quota.ts'
import type { Preopen } from '../wasi/session.ts'

export interface AssembleOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Whether to write a line for every request. */
  readonly accessLog: boolean
}

/** Shared by all tenants of a worker. */
interface Shared {
  readonly clock: Clock
  readonly modules: CompileCache
  readonly images: ImageCache
  readonly devices: Preopen
}

/** Makes gateways that share modules, instances and tenants: one for each configuration a worker has in its life. */
export class GatewayAssembly {
  readonly #options: AssembleOptions
  readonly #shared: Shared
  readonly #scheduler: Scheduler
  readonly #nextRequestId = requestIds()
  /** The tenants of the gateway that serves now, with what they were made of. */
  #tenants: ReadonlyMap<string, KnownTenant> = new Map()

  constructor(options: AssembleOptions) {
    this.#options = options
    this.#scheduler = new Scheduler({ clock: options.clock })
    this.#shared = {
      clock: options.clock,
      modules: new CompileCache(),
      images: new ImageCache(),
      devices: {
        guestPath: '/dev',
        directory: new DeviceDirectory((into) => randomFillSync(into)),
      },
    }
  }

  /**
   * Makes a gateway for `config`; those made before go on as they are. A tenant whose table has not changed keeps what it
   * has looked up. Throws `WasiError` when a mount of a tenant cannot be opened: then nothing has changed.
   */
  assemble(config: Config): Gateway {
    const { clock, logger, accessLog } = this.#options
    const tenants = new Map<string, KnownTenant>()
    for (const table of config.tenants) tenants.set(table.name, this.#tenantOf(table))
    this.#tenants = tenants
    return {
      clock,
      logger,
      router: new Router([...tenants.values()].map(({ tenant }) => tenant)),
      scheduler: this.#scheduler,
      accessLog: accessLog ? createAccessLog(logger) : undefined,
      nextRequestId: this.#nextRequestId,
    }
  }

  #tenantOf(config: TenantConfig): KnownTenant {
    const madeOf = JSON.stringify(config)
    const known = this.#tenants.get(config.name)
    if (known?.madeOf === madeOf) return known
    return { madeOf, tenant: assembleTenant(config, this.#shared) }
  }
}

interface KnownTenant {
  readonly madeOf: string
  readonly tenant: Tenant
}

/** Makes the only gateway of a process. Throws `WasiError` when a mount of a tenant cannot be opened. */
export function assembleGateway(config: Config, options: AssembleOptions): Gateway {
  return new GatewayAssembly(options).assemble(config)
}

function assembleTenant(config: TenantConfig, shared: Shared): Tenant {
  const { limits } = config
  return {
    name: config.name,
    pool: config.pool,
    hosts: config.hosts,
    documentRoot: documentRootOf(config, shared),
    extensions: config.limitExtensions,
    env: config.env,
    slots: {
      maxChildren: config.maxChildren,
      queueMax: config.queue.maxLength,
      queueTimeoutMs: config.queue.timeoutMs,
    },
    requestBytes: limits.requestBodyBytes,
    memoryBytes: limits.memoryBytes,
    cpuMs: limits.cpuMs,
    wallMs: limits.wallMs,
    response: {
      headerBytes: limits.responseHeaderBytes,
      headerCount: limits.responseHeaderCount,
      bodyBytes: limits.responseBodyBytes,
      heldBackBytes: limits.heldBackBytes,
    },
    stderr: { ...DEFAULT_STDERR_LIMITS, bytesPerSecond: limits.stderrBytesPerSecond },
    allowedResponseHeaders: new Set(config.allowedResponseHeaders),
    openFiles: limits.openFiles,
    sizing: {
      pm: config.pm,
      maxChildren: config.maxChildren,
      startServers: config.startServers,
      minSpareServers: config.minSpareServers,
      maxSpareServers: config.maxSpareServers,
      processIdleTimeoutMs: config.processIdleTimeoutMs,
      lifetime: config.lifetime,
    },
    maxRequests: config.maxRequests,
    makePreopens: preopensOf(config, shared),
  }
}

function documentRootOf(config: TenantConfig, shared: Shared): DocumentRoot | undefined {
  if (config.root === undefined) return undefined
  return new DocumentRoot({
    root: config.root,
    extensions: config.limitExtensions,
    memoryMaxBytes: config.limits.memoryBytes,
    cache: shared.modules,
    clock: shared.clock,
  })
}

/** The files a guest sees: its tenant's root, its mounts, devices, and a `/tmp` of its own. */
function preopensOf(config: TenantConfig, { clock, images, devices }: Shared): () => Preopen[] {
  const { root } = config
  const mounts = config.mounts.map(({ host, guest, writable }) => ({
    guestPath: guest,
    directory: openHostDirectory(host, { writable }),
  }))
  const tmpLimits = { ...DEFAULT_MEMORY_LIMITS, bytes: config.limits.tmpBytes }
  return () => [
    ...(root === undefined
      ? []
      : [{ guestPath: '/', directory: new ImageDirectory(root, images) }]),
    { guestPath: '/tmp', directory: createMemoryDirectory(clock, tmpLimits) },
    devices,
    ...mounts,
  ]
}
