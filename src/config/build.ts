/** From checked tables to the configuration the program works with: other names, absolute paths, nothing left open. */
import { resolve } from 'node:path'
import type { LogConfig, PoolConfig, TenantConfig } from './config.ts'
import type { ListenAddress } from './listen-address.ts'
import type { MainFile, PoolTable, TenantTable } from './schema.ts'

const DEFAULT_MAX_SPARE_SERVERS = 4

export function buildLog({ level, format }: MainFile['log']): LogConfig {
  return { level, format }
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
  }
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
    root: table.root === undefined ? undefined : resolve(folder, table.root),
    env: table.env,
    pm: table.pm,
    maxChildren: table.max_children,
    startServers:
      table.start_servers ?? Math.floor((table.min_spare_servers + maxSpareServers) / 2),
    minSpareServers: table.min_spare_servers,
    maxSpareServers,
    processIdleTimeoutMs: table.process_idle_timeout,
    maxRequests: table.max_requests,
    mounts: table.mounts.map((mount) => ({ ...mount, host: resolve(folder, mount.host) })),
    allowedResponseHeaders: table.allowed_response_headers,
    limitExtensions: table.limit_extensions,
    lifetime: table.lifetime,
    limits: {
      memoryBytes: limits.memory,
      cpuMs: limits.cpu,
      wallMs: limits.wall,
      requestBodyBytes: limits.request_body,
      responseBodyBytes: limits.response_body,
      responseHeaderBytes: limits.response_header,
      responseHeaderCount: limits.response_header_count,
      heldBackBytes: limits.held_back,
      stderrBytesPerSecond: limits.stderr_rate,
      tmpBytes: limits.tmp,
      openFiles: limits.open_files,
    },
    queue: { maxLength: queue.max, timeoutMs: queue.timeout },
  }
}

function absolute(address: ListenAddress, folder: string): ListenAddress {
  return address.kind === 'unix' ? { kind: 'unix', path: resolve(folder, address.path) } : address
}
