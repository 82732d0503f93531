/** The configuration as the rest of the program sees it: complete, checked, frozen. Times in ms, sizes in bytes. */
import type { LogLevel } from '../base/logger.ts'
import type { ListenAddress } from './listen-address.ts'

export interface Config {
  readonly log: LogConfig
  /** How long a reload, a graceful stop or an upgrade waits for requests. */
  readonly processControlTimeoutMs: number
  readonly pools: readonly PoolConfig[]
  readonly tenants: readonly TenantConfig[]
}

export interface LogConfig {
  readonly level: LogLevel
  /** `auto`: readable on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'readable'
}

export interface PoolConfig {
  readonly name: string
  readonly listen: readonly ListenAddress[]
  /** User name or numeric id; undefined: the pool's user. */
  readonly listenOwner: string | undefined
  /** Group name or numeric id; undefined: the pool's group. */
  readonly listenGroup: string | undefined
  /** Permission bits. */
  readonly listenMode: number
  readonly listenBacklog: number
  /** IP addresses and networks that may connect over TCP; empty: any. */
  readonly allowedClients: readonly string[]
  readonly insecureListen: boolean
  readonly user: string | undefined
  readonly group: string | undefined
  /** Worker processes. */
  readonly workers: number
  readonly firstByteTimeoutMs: number
  readonly paramsTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly writeTimeoutMs: number
  /** Undefined: idle connections are kept for ever. */
  readonly keepaliveTimeoutMs: number | undefined
}

export type ProcessManager = 'static' | 'dynamic' | 'ondemand'
export type Lifetime = 'reset' | 'fresh' | 'persistent'

export interface TenantConfig {
  readonly name: string
  readonly pool: string
  /** Lower case, without port. */
  readonly hosts: readonly string[]
  /** Absolute path of the document root; undefined: published handlers only. */
  readonly root: string | undefined
  readonly env: Readonly<Record<string, string>>
  readonly pm: ProcessManager
  readonly maxChildren: number
  readonly startServers: number
  readonly minSpareServers: number
  readonly maxSpareServers: number
  readonly processIdleTimeoutMs: number
  /** 0: no limit. */
  readonly maxRequests: number
  readonly mounts: readonly MountConfig[]
  /** Lower-case names. */
  readonly allowedResponseHeaders: readonly string[]
  readonly limitExtensions: readonly string[]
  readonly lifetime: Lifetime
  readonly limits: TenantLimits
  readonly queue: QueueConfig
}

export interface MountConfig {
  /** Absolute path of a folder on this machine. */
  readonly host: string
  /** Absolute path as the guest sees it. */
  readonly guest: string
  readonly writable: boolean
}

export interface TenantLimits {
  readonly memoryBytes: number
  readonly cpuMs: number
  readonly wallMs: number
  readonly requestBodyBytes: number
  readonly responseBodyBytes: number
  readonly responseHeaderBytes: number
  readonly responseHeaderCount: number
  readonly heldBackBytes: number
  readonly stderrBytesPerSecond: number
  readonly tmpBytes: number
  readonly openFiles: number
}

export interface QueueConfig {
  /** Requests that may wait for an instance; 0: none. */
  readonly maxLength: number
  readonly timeoutMs: number
}
