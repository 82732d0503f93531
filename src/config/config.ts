/** The configuration as the rest of the program sees it: complete, checked, frozen. Times in ms, sizes in bytes. */

import type { Lifetime } from '../base/lifetime.ts'
import type { ListenAddress, TcpAddress } from '../base/listen-address.ts'
import type { LogLevel } from '../base/logger.ts'

export interface Config {
  readonly log: LogConfig
  /** How long a reload, a graceful stop or an upgrade waits for requests. */
  readonly processControlTimeoutMs: number
  /** How long it says that it is draining before a graceful stop begins. */
  readonly drainDelayMs: number
  /** Instances of all tenants together; 0: no limit. */
  readonly processMax: number
  /** Linear memory of all instances together; undefined: no limit. */
  readonly memoryMaxBytes: number | undefined
  /** Linear memory that idle instances may keep, in all. */
  readonly warmMemoryMaxBytes: number
  /** Absolute path of the folder with published releases; undefined: the usual place, if there is one. */
  readonly store: string | undefined
  /** Absolute path of the file with the master's process id. */
  readonly pid: string | undefined
  /** Absolute path; undefined: standard error. */
  readonly errorLog: string | undefined
  /** Bytes of one log line; the rest is cut. */
  readonly logLimitBytes: number
  /** What the logs of one process keep in memory until they are written; the rest is dropped. */
  readonly logMemoryBytes: number
  /** Crashes of a pool's workers within the interval that make all of them new; 0: never. */
  readonly emergencyRestartThreshold: number
  readonly emergencyRestartIntervalMs: number
  /** Undefined: there is no admin API. */
  readonly admin: AdminConfig | undefined
  /** Undefined: load balancers cannot ask. */
  readonly agent: AgentConfig | undefined
  /** Undefined: there are no figures of the whole machine. */
  readonly metrics: DoorConfig | undefined
  /** Undefined: what is live is decided here. */
  readonly follow: FollowConfig | undefined
  readonly pools: readonly PoolConfig[]
  readonly runtimes: readonly RuntimeConfig[]
  readonly tenants: readonly TenantConfig[]
}

export interface LogConfig {
  readonly level: LogLevel
  /** `auto`: readable on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'readable'
}

/** The admin API: a process of its own. */
export interface AdminConfig {
  readonly listen: readonly ListenAddress[]
  /** User name or numeric id; undefined: the process's user. */
  readonly listenOwner: string | undefined
  /** Group name or numeric id; undefined: the process's group. */
  readonly listenGroup: string | undefined
  /** Permission bits. */
  readonly listenMode: number
  /** IP addresses and networks that may connect over TCP; empty: any. */
  readonly allowedClients: readonly string[]
  /** Whether a token is needed even on a unix socket that only its owner can reach. */
  readonly requireToken: boolean
  readonly user: string | undefined
  readonly group: string | undefined
  /** Absolute path. */
  readonly tokens: string
  /** Absolute path. */
  readonly auditLog: string
  /** Requests a minute, of each token. */
  readonly rateLimit: number
}

/** A store elsewhere that the one of this machine is kept in step with, by a process of its own. */
export interface FollowConfig {
  /** `dir:/PATH` or a URL, without a name and password. */
  readonly source: string
  /** Between two looks. */
  readonly intervalMs: number
  /** Absolute path of a file with authorities' certificates, beside the usual ones. */
  readonly ca: string | undefined
  /** Absolute path of a file with what the source is to be shown; undefined: nothing. */
  readonly envFile: string | undefined
  /** What that says (`withEnvFiles`). */
  readonly env: Readonly<Record<string, string>>
  /** Whether a server of messages may be of a version that is known to lose what it was given. */
  readonly allowsOldServer: boolean
  readonly user: string | undefined
  readonly group: string | undefined
}

/** A TCP port at which the master tells something. */
export interface DoorConfig {
  readonly listen: TcpAddress
  /** IP addresses and networks that may connect; empty: any. */
  readonly allowedClients: readonly string[]
}

export interface AgentConfig extends DoorConfig {
  /** How long the machine's part of the requests grows when it has become ready. */
  readonly slowStartMs: number
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
  /** Connections open at once, of each worker and socket. */
  readonly maxConnections: number
  /** Whether several requests may share a connection at once. */
  readonly multiplex: boolean
  /** Requests at once on one connection. */
  readonly maxRequestsPerConnection: number
  /** How long a worker looks for the next request before it sleeps, in milliseconds; 0: not at all. */
  readonly busyPollMs: number
  /** Whether connections gather on as few workers as can carry them. */
  readonly gatherConnections: boolean
  /** Where the status of all its tenants together is, for who names no host; undefined: nowhere. */
  readonly pmStatusPath: string | undefined
}

/** A module that runs scripts: an interpreter. */
export interface RuntimeConfig {
  readonly name: string
  /** Absolute path. */
  readonly module: string
  /** Endings of the file names that it runs. */
  readonly extensions: readonly string[]
  /** File that stands for its folder; undefined: none. */
  readonly index: string | undefined
  /** What the memory of one instance may grow to. */
  readonly memoryBytes: number
  /** How long it may take to be ready for its first request. */
  readonly bootTimeoutMs: number
  /** Where its guests find their tenant's folder for sessions; undefined: nowhere. */
  readonly sessions: SessionsConfig | undefined
  readonly env: Readonly<Record<string, string>>
}

export interface SessionsConfig {
  /** Absolute path as the guest sees it. */
  readonly guest: string
  /** What a tenant may keep there. */
  readonly quotaBytes: number
  readonly quotaFiles: number
}

export type ProcessManager = 'static' | 'dynamic' | 'ondemand'
export type Engine = 'own' | 'wasmer'

/** Where access lines go. */
export type AccessLogTarget =
  /** `off`; where the HTTP front serves, `stderr`. */
  | { readonly kind: 'unset' }
  | { readonly kind: 'stderr' }
  | { readonly kind: 'off' }
  /** `path` is absolute. */
  | { readonly kind: 'file'; readonly path: string }

export interface TenantConfig {
  readonly name: string
  readonly pool: string
  /** Lower case, without port. */
  readonly hosts: readonly string[]
  /** Absolute path of the document root; undefined: published handlers only. */
  readonly root: string | undefined
  /** Names of those that run scripts below `root`. */
  readonly runtimes: readonly string[]
  /** What answers all its requests, as its only runtime knows it; undefined: files do. */
  readonly app: string | undefined
  /** Absolute path of a folder of its own in the store (`withSessionFolders`); undefined: there is none, or it needs none. */
  readonly sessionFolder: string | undefined
  readonly env: Readonly<Record<string, string>>
  /** Absolute path of a file with more of them, which are in `env` where guests run (`withEnvFiles`); undefined: none. */
  readonly envFile: string | undefined
  readonly pm: ProcessManager
  readonly maxChildren: number
  readonly startServers: number
  readonly minSpareServers: number
  readonly maxSpareServers: number
  readonly processIdleTimeoutMs: number
  /** 0: no limit. */
  readonly maxRequests: number
  /** Instances that may be made at once. */
  readonly maxSpawnRate: number
  readonly mounts: readonly MountConfig[]
  /** What its guests may connect to. */
  readonly outbound: readonly OutboundConfig[]
  /** Handlers that have something of their own (`tenantFor`). */
  readonly handlers: readonly HandlerConfig[]
  /** Lower-case names. */
  readonly allowedResponseHeaders: readonly string[]
  readonly limitExtensions: readonly string[]
  readonly lifetime: Lifetime
  /** What runs the guests. */
  readonly engine: Engine
  /** Whether the operator vouches for its guests; `wasmer` needs that. */
  readonly trusted: boolean
  /** Whose signature a published release needs: public keys and absolute paths of files with one; empty: nobody's. */
  readonly signers: readonly string[]
  /** File that stands for its folder. */
  readonly index: string
  /** How long a look at the document root is believed. */
  readonly revalidateMs: number
  /** Paths of URLs whose scripts below `root` are run ahead of all requests. */
  readonly warm: readonly string[]
  /** Absolute path as the guest sees it. */
  readonly chdir: string
  /** Path in the URL, exactly; undefined: no status page. */
  readonly pmStatusPath: string | undefined
  /** Path in the URL, exactly; undefined: no ping page. */
  readonly pingPath: string | undefined
  /** Answered 200 while the machine is to get requests, else 503; undefined: nowhere. */
  readonly readyPath: string | undefined
  readonly pingResponse: string
  readonly accessLog: AccessLogTarget
  /** php-fpm's tokens, good ones (see `parseAccessFormat`); undefined: JSON. */
  readonly accessFormat: string | undefined
  /** Paths without a line in the access log. */
  readonly accessSuppressPath: readonly string[]
  /** Absolute path; undefined: the error log. */
  readonly slowlog: string | undefined
  /** 0: no slow log. */
  readonly requestSlowlogTimeoutMs: number
  readonly requestSlowlogTraceDepth: number
  /** Whether `limits.wall` also holds for what a guest does after it has finished its response. */
  readonly requestTerminateTimeoutTrackFinished: boolean
  readonly limits: TenantLimits
  readonly queue: QueueConfig
}

export interface HandlerConfig {
  /** Path below the document root, or the name it was published under. */
  readonly name: string
  readonly lifetime?: Lifetime
  /** Beside the tenant's. */
  readonly env: Readonly<Record<string, string>>
  /** Absolute path of a file with more of them. */
  readonly envFile?: string
  /** Instead of the tenant's, larger or smaller. */
  readonly limits: Partial<TenantLimits>
}

export interface MountConfig {
  /** Absolute path of a folder on this machine. */
  readonly host: string
  /** Absolute path as the guest sees it. */
  readonly guest: string
  readonly writable: boolean
  /** What guests may keep there, if it is writable. */
  readonly quotaBytes: number
  /** Files, folders and links. */
  readonly quotaFiles: number
  /** Name of the bucket of wasi:keyvalue that it keeps; undefined: none. */
  readonly keyvalue?: string | undefined
}

export type OutboundConfig =
  | {
      readonly kind: 'host'
      /** A name, an address, `*.example.org` or `*`; lower case. */
      readonly host: string
      readonly ports: readonly number[]
      readonly protocol: 'tcp' | 'tls'
      /** Methods of HTTP that the host may be asked with, and nothing else of it; none: everything. */
      readonly methods: readonly string[]
      /** Whether it may lead into private networks and to this machine. */
      readonly isPrivate: boolean
      /** Absolute path of a file with the certificates of authorities; undefined: those that this machine trusts. */
      readonly ca: string | undefined
    }
  /** `path` is absolute. */
  | { readonly kind: 'unix'; readonly name: string; readonly path: string }

export interface TenantLimits {
  readonly memoryBytes: number
  readonly cpuMs: number
  readonly wallMs: number
  /** How long a guest runs before the others have a turn. */
  readonly sliceMs: number
  /** Names and values of a request's variables together. */
  readonly paramsBytes: number
  readonly paramsCount: number
  readonly requestBodyBytes: number
  readonly responseBodyBytes: number
  readonly responseHeaderBytes: number
  readonly responseHeaderCount: number
  readonly heldBackBytes: number
  readonly stderrBytesPerSecond: number
  /** Of one request. */
  readonly stderrBytes: number
  readonly stderrLineBytes: number
  readonly tmpBytes: number
  /** Files, folders and links. */
  readonly tmpFiles: number
  /** Folders inside each other. */
  readonly tmpDepth: number
  readonly openFiles: number
  /** Of the code of one function. */
  readonly functionBytes: number
  /** Connections that its guests have opened, at once: of a request, and of the tenant. */
  readonly outboundConnections: number
  readonly outboundTenantConnections: number
  readonly outboundConnectMs: number
  /** Without a byte either way. */
  readonly outboundIdleMs: number
  readonly outboundTimeMs: number
  /** Of a request's connections together. */
  readonly outboundSentBytes: number
  readonly outboundReceivedBytes: number
}

export interface QueueConfig {
  /** Requests that may wait for an instance; 0: none. */
  readonly maxLength: number
  readonly timeoutMs: number
}
