/** What a worker has counted, for the figures of the whole machine. Small, as there may be thousands of tenants. */

/** What only grows, of a tenant: the worker's part of it. */
export const TENANT_COUNTS = [
  'requests',
  'cpuMs',
  'refused',
  'slow',
  'waitedMs',
  'receivedBytes',
  'sentBytes',
  'outboundSentBytes',
  'outboundReceivedBytes',
] as const

/** What a tenant has at the moment. */
export const TENANT_GAUGES = ['active', 'idle', 'waiting', 'memoryBytes'] as const

export type TenantCount = (typeof TENANT_COUNTS)[number]
export type TenantGauge = (typeof TENANT_GAUGES)[number]

export interface TenantFigures {
  readonly tenant: string
  /** In the order of `TENANT_COUNTS`. */
  readonly counts: readonly number[]
  /** In the order of `TENANT_GAUGES`. */
  readonly gauges: readonly number[]
  /** Guests that trapped, by kind, and that were stopped, by reason. */
  readonly traps: Readonly<Record<string, number>>
  readonly kills: Readonly<Record<string, number>>
}

export interface WorkerFigures {
  /** Processor time of the process. */
  readonly cpuMs: number
  readonly connections: number
  /** On the pool's sockets. */
  readonly receivedBytes: number
  readonly sentBytes: number
  /** How long requests of all its tenants waited: as many as up to each bound (`cumulativeWaits`), and in all. */
  readonly waits: ReadonlyArray<readonly [boundMs: number, count: number]>
  readonly waitedMs: number
  /** Those that have had something to do. */
  readonly tenants: readonly TenantFigures[]
}
