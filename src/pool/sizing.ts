/** How many instances a tenant keeps: php-fpm's `pm`, counting instances instead of processes. Pure policy. */
import type { Lifetime } from '../base/lifetime.ts'

export type ProcessManager = 'static' | 'dynamic' | 'ondemand'

export interface Sizing {
  readonly pm: ProcessManager
  /** Instances at once, idle ones included. */
  readonly maxChildren: number
  /** `dynamic`: made when a handler is used for the first time. */
  readonly startServers: number
  /** `dynamic`: idle instances kept ready. */
  readonly minSpareServers: number
  /** `dynamic`: idle instances kept at most. */
  readonly maxSpareServers: number
  /** `ondemand`: how long an idle instance is kept, in milliseconds. */
  readonly processIdleTimeoutMs: number
  /** Made ahead of need in a row, at most. */
  readonly maxSpawnRate: number
  readonly lifetime: Lifetime
}

export interface Headcount {
  readonly active: number
  readonly idle: number
  /** Whether the handler has just been used for the first time. */
  readonly isFirstUse: boolean
}

/** `fresh` needs an instance for every request: so many are made ahead of need, whatever `pm` says. */
const FRESH_SPARES = 4

/** How many instances to make now, ahead of need. */
export function instancesToMake(sizing: Sizing, { active, idle, isFirstUse }: Headcount): number {
  const room = sizing.maxChildren - active - idle
  return Math.max(0, Math.min(room, wantedSpares(sizing, isFirstUse) - idle))
}

/** How many idle instances may be kept. */
export function idleLimit(sizing: Sizing, active: number): number {
  const room = Math.max(0, sizing.maxChildren - active)
  return sizing.pm === 'dynamic' ? Math.min(room, sizing.maxSpareServers) : room
}

/** How long an idle instance may be kept, in milliseconds. */
export function idleTimeoutMs({ pm, processIdleTimeoutMs }: Sizing): number {
  return pm === 'ondemand' ? processIdleTimeoutMs : Number.POSITIVE_INFINITY
}

function wantedSpares(sizing: Sizing, isFirstUse: boolean): number {
  const freshSpares = sizing.lifetime === 'fresh' ? FRESH_SPARES : 0
  switch (sizing.pm) {
    case 'static':
      return sizing.maxChildren
    case 'dynamic':
      return Math.max(freshSpares, isFirstUse ? sizing.startServers : sizing.minSpareServers)
    case 'ondemand':
      return freshSpares
  }
}
