/** The most memory that a configuration lets its server take, as a sum over workers and instances. */
import type { Config, RuntimeConfig, TenantConfig } from './config.ts'
import { runtimesOf } from './runtime-use.ts'

/** What an idle worker takes, about: measured, most of it is Node. */
export const IDLE_WORKER_BYTES = 105 * 1024 * 1024

export interface MemoryNeed {
  readonly workers: number
  /** Of all workers while they have nothing to do. */
  readonly workerBytes: number
  /** Most instances at once. */
  readonly instances: number
  /** Linear memory of them all, each as large as it may get; at most `memory_max`. */
  readonly instanceBytes: number
  /** Files in `/tmp` of them all. */
  readonly tmpBytes: number
  readonly totalBytes: number
}

export function memoryNeed(config: Config): MemoryNeed {
  const { pools, runtimes, tenants, processMax, memoryMaxBytes } = config
  const workersOf = new Map(pools.map(({ name, workers }) => [name, workers]))
  const workers = pools.reduce((sum, pool) => sum + pool.workers, 0)
  const largestFirst = tenants
    .map((tenant) => ({
      memoryBytes: mostMemory(tenant, runtimes),
      tmpBytes: tenant.limits.tmpBytes,
      most: inWholeShares(tenant.maxChildren, workersOf.get(tenant.pool) ?? 1),
    }))
    .sort((a, b) => b.memoryBytes + b.tmpBytes - a.memoryBytes - a.tmpBytes)
  const mostInstances =
    processMax === 0 ? Number.POSITIVE_INFINITY : inWholeShares(processMax, workers)
  let [instances, instanceBytes, tmpBytes] = [0, 0, 0]
  for (const { most, ...each } of largestFirst) {
    const count = Math.min(most, mostInstances - instances)
    instances += count
    instanceBytes += count * each.memoryBytes
    tmpBytes += count * each.tmpBytes
  }
  instanceBytes = Math.min(instanceBytes, memoryMaxBytes ?? Number.POSITIVE_INFINITY)
  const workerBytes = workers * IDLE_WORKER_BYTES
  const totalBytes = workerBytes + instanceBytes + tmpBytes
  return { workers, workerBytes, instances, instanceBytes, tmpBytes, totalBytes }
}

/** Every worker has the same share, rounded up. */
function inWholeShares(total: number, workers: number): number {
  return Math.ceil(total / workers) * workers
}

function mostMemory(tenant: TenantConfig, runtimes: readonly RuntimeConfig[]): number {
  const { limits, handlers } = tenant
  return Math.max(
    limits.memoryBytes,
    ...handlers.map((handler) => handler.limits.memoryBytes ?? limits.memoryBytes),
    ...runtimesOf(tenant, runtimes).map(({ memoryBytes }) => memoryBytes),
  )
}
