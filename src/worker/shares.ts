/** A worker's part of what holds for its tenants, or for all of them, over the workers that serve them. */
import type { Config, TenantConfig } from '../config/config.ts'
import type { PoolCaps } from '../pool/caps.ts'
import type { Sizing } from '../pool/sizing.ts'
import type { SlotLimits } from '../pool/slots.ts'
import { DEFAULT_WARM_LIMITS } from '../pool/warm-instances.ts'

/** Rounded up, so that all workers together never have less than `total`; 0 stays 0. */
export function shareOf(total: number, workers: number): number {
  return Math.ceil(total / workers)
}

export function slotShare({ maxChildren, queue }: TenantConfig, workers: number): SlotLimits {
  return {
    maxChildren: shareOf(maxChildren, workers),
    queueMax: shareOf(queue.maxLength, workers),
    queueTimeoutMs: queue.timeoutMs,
  }
}

export function sizingShare(config: TenantConfig, workers: number): Sizing {
  return {
    pm: config.pm,
    maxChildren: shareOf(config.maxChildren, workers),
    startServers: shareOf(config.startServers, workers),
    minSpareServers: shareOf(config.minSpareServers, workers),
    maxSpareServers: shareOf(config.maxSpareServers, workers),
    maxSpawnRate: shareOf(config.maxSpawnRate, workers),
    processIdleTimeoutMs: config.processIdleTimeoutMs,
    lifetime: config.lifetime,
  }
}

/** `processMax` and the like: of all the pool's workers together. */
export function capShare(
  { processMax, memoryMaxBytes, warmMemoryMaxBytes }: Config,
  workers: number,
): PoolCaps {
  return {
    instances: processMax === 0 ? Number.POSITIVE_INFINITY : shareOf(processMax, workers),
    memoryBytes:
      memoryMaxBytes === undefined ? Number.POSITIVE_INFINITY : shareOf(memoryMaxBytes, workers),
    warm: { total: DEFAULT_WARM_LIMITS.total, bytes: shareOf(warmMemoryMaxBytes, workers) },
  }
}
