/** From checked tables to the configuration the program works with: other names, absolute paths, nothing left open. */
import { dirname, join, resolve } from 'node:path'
import type { ListenAddress } from '../base/listen-address.ts'
import { standardStreamOf } from '../base/log-streams.ts'
import type {
  AccessLogTarget,
  AdminConfig,
  Config,
  DoorConfig,
  FollowConfig,
  HandlerConfig,
  OutboundConfig,
  PoolConfig,
  RuntimeConfig,
  SessionsConfig,
  TenantConfig,
  TenantLimits,
} from './config.ts'
import type {
  AdminTable,
  FollowTable,
  HandlerTable,
  MainFile,
  MetricsTable,
  OutboundTable,
  PoolTable,
  RuntimeTable,
  TenantTable,
} from './schema.ts'

type GlobalConfig = Omit<Config, 'pools' | 'runtimes' | 'tenants'>

const DEFAULT_MAX_SPARE_SERVERS = 4

/** What holds for the whole server. Relative paths are taken from `folder`. `memoryBytes`: the machine's. */
export function buildGlobals(main: MainFile, folder: string, memoryBytes: number): GlobalConfig {
  return {
    log: { level: main.log.level, format: main.log.format },
    processControlTimeoutMs: main.process_control_timeout,
    drainDelayMs: main.drain_delay,
    processMax: main.process_max,
    memoryMaxBytes: main.memory_max,
    warmMemoryMaxBytes: main.warm_memory_max ?? Math.floor(memoryBytes / 2),
    store: resolved(folder, main.store),
    pid: resolved(folder, main.pid),
    errorLog: buildErrorLog(main.error_log, folder),
    logLimitBytes: main.log_limit,
    // A few of the longest lines always fit.
    logMemoryBytes: Math.max(main.log_memory, 4 * main.log_limit),
    emergencyRestartThreshold: main.emergency_restart_threshold,
    emergencyRestartIntervalMs: main.emergency_restart_interval,
    admin: main.admin === undefined ? undefined : buildAdmin(main.admin, folder, main.store),
    agent: main.agent && { ...buildDoor(main.agent), slowStartMs: main.agent.slow_start },
    metrics: main.metrics && buildDoor(main.metrics),
    follow: main.follow && buildFollow(main.follow, folder),
  }
}

function buildErrorLog(target: string, folder: string): string | undefined {
  const path = resolve(folder, target)
  return target === 'stderr' || standardStreamOf(path) === 2 ? undefined : path
}

/** Where the store is when the file does not say. */
const USUAL_STORE = '/var/lib/wasm-fpm/store'

function buildAdmin(table: AdminTable, folder: string, store = USUAL_STORE): AdminConfig {
  const beside = dirname(resolve(folder, store))
  return {
    listen: table.listen.map((address) => absolute(address, folder)),
    listenOwner: table.listen_owner,
    listenGroup: table.listen_group,
    listenMode: table.listen_mode,
    allowedClients: table.allowed_clients,
    requireToken: table.require_token,
    user: table.user,
    group: table.group,
    tokens: resolved(folder, table.tokens) ?? join(beside, 'tokens.json'),
    auditLog: resolved(folder, table.audit_log) ?? join(beside, 'audit.log'),
    rateLimit: table.rate_limit,
  }
}

function buildDoor({ listen, allowed_clients: allowedClients }: MetricsTable): DoorConfig {
  return { listen, allowedClients }
}

function buildFollow(
  { interval, ca, env_file: envFile, ...rest }: FollowTable,
  folder: string,
): FollowConfig {
  return {
    ...{ source: rest.source, user: rest.user, group: rest.group },
    intervalMs: interval,
    ca: resolved(folder, ca),
    envFile: resolved(folder, envFile),
    env: {},
    allowsOldServer: rest.allow_old_server,
  }
}

/** Relative socket paths are taken from `folder`. `cores`: the default number of workers. */
export function buildPool(table: PoolTable, folder: string, cores: number): PoolConfig {
  return {
    name: table.name,
    listen: table.listen.map((address) => absolute(address, folder)),
    listenOwner: table.listen_owner,
    listenGroup: table.listen_group,
    listenMode: table.listen_mode,
    listenBacklog: table.listen_backlog,
    allowedClients: table.allowed_clients,
    insecureListen: table.insecure_listen,
    user: table.user,
    group: table.group,
    workers: table.workers ?? cores,
    firstByteTimeoutMs: table.first_byte_timeout,
    paramsTimeoutMs: table.params_timeout,
    bodyTimeoutMs: table.body_timeout,
    writeTimeoutMs: table.write_timeout,
    keepaliveTimeoutMs: table.keepalive_timeout === 'off' ? undefined : table.keepalive_timeout,
    maxConnections: table.max_connections,
    multiplex: table.multiplex,
    maxRequestsPerConnection: table.max_requests_per_connection,
    busyPollMs: table.busy_poll / 1000,
    gatherConnections: table.gather_connections,
    pmStatusPath: table.pm_status_path,
  }
}

/** Where a runtime's module is unless its table says it: in the store that `main`, a file in `folder`, names. */
export function usualModule(main: MainFile, folder: string): (runtime: string) => string {
  const store = resolve(folder, main.store ?? USUAL_STORE)
  return (runtime) => join(store, 'runtimes', `${runtime}.wasm`)
}

/** A relative path is taken from `folder`. */
export function buildRuntime(
  table: RuntimeTable,
  folder: string,
  usual: (name: string) => string,
): RuntimeConfig {
  return {
    name: table.name,
    module: resolved(folder, table.module) ?? usual(table.name),
    extensions: table.extensions,
    index: table.index,
    memoryBytes: table.memory,
    bootTimeoutMs: table.boot_timeout,
    sessions: buildSessions(table),
    env: table.env,
  }
}

/** Where PHP keeps them unless it is told otherwise. */
const PHP_SESSIONS = '/var/lib/php/sessions'

function buildSessions(table: RuntimeTable): SessionsConfig | undefined {
  const { extensions, sessions_quota: quotaBytes, sessions_quota_files: quotaFiles } = table
  const guest = table.sessions ?? (extensions.includes('.php') ? PHP_SESSIONS : 'off')
  return guest === 'off' ? undefined : { guest, quotaBytes, quotaFiles }
}

/** Relative host paths are taken from `folder`. `onlyPool`: the pool of a tenant that names none. */
export function buildTenant(table: TenantTable, folder: string, onlyPool: string): TenantConfig {
  const { limits, queue } = table
  const maxSpareServers =
    table.max_spare_servers ??
    Math.max(table.min_spare_servers, Math.min(DEFAULT_MAX_SPARE_SERVERS, table.max_children))
  return {
    name: table.name,
    pool: table.pool ?? onlyPool,
    hosts: table.hosts,
    root: resolved(folder, table.root),
    runtimes: table.runtimes,
    app: table.app,
    sessionFolder: undefined,
    env: table.env,
    envFile: resolved(folder, table.env_file),
    pm: table.pm,
    maxChildren: table.max_children,
    startServers:
      table.start_servers ?? Math.floor((table.min_spare_servers + maxSpareServers) / 2),
    minSpareServers: table.min_spare_servers,
    maxSpareServers,
    processIdleTimeoutMs: table.process_idle_timeout,
    maxRequests: table.max_requests,
    maxSpawnRate: table.max_spawn_rate,
    mounts: table.mounts.map(({ host, guest, writable, quota, quota_files, keyvalue }) => ({
      host: resolve(folder, host),
      guest,
      writable,
      quotaBytes: quota,
      quotaFiles: quota_files,
      keyvalue,
    })),
    outbound: table.outbound.map((entry) => buildOutbound(entry, folder)),
    handlers: table.handlers.map((handler) => buildHandler(handler, folder)),
    allowedResponseHeaders: table.allowed_response_headers,
    limitExtensions: table.limit_extensions,
    lifetime: table.lifetime,
    engine: table.engine,
    trusted: table.trusted,
    signers: table.signers.map((signer) =>
      signer.startsWith('ed25519:') ? signer : resolve(folder, signer),
    ),
    index: table.index,
    revalidateMs: table.revalidate,
    warm: table.warm,
    chdir: table.chdir,
    pmStatusPath: table.pm_status_path,
    pingPath: table.ping_path,
    readyPath: table.ready_path,
    pingResponse: table.ping_response,
    accessLog: buildAccessLog(table.access_log, folder),
    accessFormat: table.access_format,
    accessSuppressPath: table.access_suppress_path,
    slowlog: resolved(folder, table.slowlog),
    requestSlowlogTimeoutMs: table.request_slowlog_timeout,
    requestSlowlogTraceDepth: table.request_slowlog_trace_depth,
    requestTerminateTimeoutTrackFinished: table.request_terminate_timeout_track_finished,
    limits: {
      memoryBytes: limits.memory,
      cpuMs: limits.cpu,
      wallMs: limits.wall,
      sliceMs: limits.slice,
      paramsBytes: limits.params,
      paramsCount: limits.params_count,
      requestBodyBytes: limits.request_body,
      responseBodyBytes: limits.response_body,
      responseHeaderBytes: limits.response_header,
      responseHeaderCount: limits.response_header_count,
      heldBackBytes: limits.held_back,
      stderrBytesPerSecond: limits.stderr_rate,
      stderrBytes: limits.stderr,
      stderrLineBytes: limits.stderr_line,
      tmpBytes: limits.tmp,
      tmpFiles: limits.tmp_files,
      tmpDepth: limits.tmp_depth,
      openFiles: limits.open_files,
      functionBytes: limits.function,
      outboundConnections: limits.outbound,
      outboundTenantConnections: limits.outbound_tenant,
      outboundConnectMs: limits.outbound_connect,
      outboundIdleMs: limits.outbound_idle,
      outboundTimeMs: limits.outbound_time,
      outboundSentBytes: limits.outbound_sent,
      outboundReceivedBytes: limits.outbound_received,
    },
    queue: { maxLength: queue.max, timeoutMs: queue.timeout },
  }
}

function buildOutbound(table: OutboundTable, folder: string): OutboundConfig {
  const { host, ports, protocol, methods, private: isPrivate, ca, name = '', unix = '' } = table
  if (host === undefined) return { kind: 'unix', name, path: resolve(folder, unix) }
  return { kind: 'host', host, ports, protocol, methods, isPrivate, ca: resolved(folder, ca) }
}

/** What it does not say is not there at all: this goes through JSON to the workers. */
function buildHandler(table: HandlerTable, folder: string): HandlerConfig {
  const { name, lifetime, env, env_file: envFile, limits } = table
  const own: ReadonlyArray<readonly [keyof TenantLimits, number | undefined]> = [
    ['memoryBytes', limits.memory],
    ['cpuMs', limits.cpu],
    ['wallMs', limits.wall],
    ['requestBodyBytes', limits.request_body],
    ['responseBodyBytes', limits.response_body],
    ['functionBytes', limits.function],
  ]
  return {
    name,
    env,
    limits: Object.fromEntries(own.filter(([, value]) => value !== undefined)),
    ...(lifetime === undefined ? {} : { lifetime }),
    ...(envFile === undefined ? {} : { envFile: resolve(folder, envFile) }),
  }
}

function buildAccessLog(target: string | undefined, folder: string): AccessLogTarget {
  if (target === undefined) return { kind: 'unset' }
  if (target === 'stderr' || target === 'off') return { kind: target }
  return { kind: 'file', path: resolve(folder, target) }
}

function resolved(folder: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(folder, path)
}

function absolute(address: ListenAddress, folder: string): ListenAddress {
  return address.kind === 'unix' ? { kind: 'unix', path: resolve(folder, address.path) } : address
}
