/** What a new configuration means for the pools that run, as a function of both. */

import { printListenAddress } from '../base/listen-address.ts'
import type { Config, PoolConfig } from '../config/config.ts'
import { usedRuntimes } from '../config/runtime-use.ts'
import { type Grants, grantsOf } from './worker-command.ts'

/** A pool as it runs now. */
export interface RunningPool {
  readonly pool: PoolConfig
  readonly grants: Grants
}

/**
 * - `keep`: its workers take the new settings as they run.
 * - `replace`: something changes that a process has for life (its user, its files, its sockets): new workers take over.
 */
export type PoolChange =
  | { readonly kind: 'keep'; readonly settings: Config }
  | { readonly kind: 'replace' | 'add'; readonly settings: Config; readonly grants: Grants }
  | { readonly kind: 'remove'; readonly name: string }

export function planReload(running: readonly RunningPool[], next: Config): PoolChange[] {
  const before = new Map(running.map((one) => [one.pool.name, one]))
  const wanted = new Set(next.pools.map(({ name }) => name))
  const changes = next.pools.map((pool): PoolChange => {
    const settings = settingsOf(next, pool)
    const grants = grantsOf(settings)
    const known = before.get(pool.name)
    if (known === undefined) return { kind: 'add', settings, grants }
    const fits = isSameProcess(known.pool, pool) && covers(known.grants, grants)
    return fits ? { kind: 'keep', settings } : { kind: 'replace', settings, grants }
  })
  const removed = running.filter(({ pool }) => !wanted.has(pool.name))
  return [
    ...changes,
    ...removed.map(({ pool }): PoolChange => ({ kind: 'remove', name: pool.name })),
  ]
}

/**
 * What the workers of `pool` are told: nothing about other pools and their tenants, and of what all pools may have
 * together the pool's part, by its number of workers.
 */
export function settingsOf(config: Config, pool: PoolConfig): Config {
  const workers = config.pools.reduce((sum, one) => sum + one.workers, 0)
  const partOf = (total: number): number => Math.ceil((total * pool.workers) / workers)
  const tenants = config.tenants.filter((tenant) => tenant.pool === pool.name)
  const { processMax, memoryMaxBytes, warmMemoryMaxBytes } = config
  return {
    ...config,
    admin: undefined,
    agent: undefined,
    metrics: undefined,
    follow: undefined,
    processMax: partOf(processMax),
    memoryMaxBytes: memoryMaxBytes === undefined ? undefined : partOf(memoryMaxBytes),
    warmMemoryMaxBytes: partOf(warmMemoryMaxBytes),
    pools: [pool],
    runtimes: usedRuntimes({ ...config, tenants }),
    tenants,
  }
}

/** A process can close a socket it has, but gets no new one. */
function isSameProcess(before: PoolConfig, after: PoolConfig): boolean {
  const known = new Set(before.listen.map(printListenAddress))
  return (
    before.user === after.user &&
    before.group === after.group &&
    before.listenBacklog === after.listenBacklog &&
    after.listen.every((address) => known.has(printListenAddress(address)))
  )
}

/** Whether everything that is wanted is granted. What is granted and not wanted any more stays until a replacement. */
function covers(granted: Grants, wanted: Grants): boolean {
  return isCovered(wanted.read, granted.read) && isCovered(wanted.write, granted.write)
}

function isCovered(wanted: readonly string[], granted: readonly string[]): boolean {
  return wanted.every((path) =>
    granted.some(
      (folder) => path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`),
    ),
  )
}
