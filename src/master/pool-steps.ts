/** What is to be done for pools before a start or a reload can be carried out: everything about it that can fail. */
import type { Config, PoolConfig } from '../config/config.ts'
import { type Account, findAccount, readAccountSource } from './account.ts'
import type { PoolWorkers } from './pool-workers.ts'
import type { PoolChange } from './reload-plan.ts'
import type { HeldSocket } from './sockets.ts'
import type { Grants } from './worker-command.ts'

export interface NewPool {
  readonly pool: PoolConfig
  readonly account: Account | undefined
  readonly grants: Grants
}

export interface PoolStepsOptions {
  readonly running: ReadonlyMap<string, PoolWorkers>
  readonly make: (settings: Config, pool: NewPool) => PoolWorkers
  readonly socketsOf: (pool: PoolConfig) => readonly HeldSocket[]
  /** Addresses that somebody accepts on afterwards. */
  readonly taken: readonly string[]
}

export interface PoolSteps {
  /** Not started yet. */
  readonly newcomers: readonly PoolWorkers[]
  readonly steps: ReadonlyArray<() => Promise<void>>
}

export function poolSteps(
  changes: readonly PoolChange[],
  { running, make, socketsOf, taken }: PoolStepsOptions,
): PoolSteps {
  const source = readAccountSource()
  const newcomers: PoolWorkers[] = []
  const steps: Array<() => Promise<void>> = []
  for (const change of changes) {
    if (change.kind === 'remove') continue
    const { settings } = change
    const [pool] = settings.pools
    if (pool === undefined) continue
    if (change.kind === 'keep') {
      steps.push(async () => running.get(pool.name)?.prepare(settings, socketsOf(pool), taken))
      continue
    }
    const account = findAccount(pool, source)
    const newcomer = make(settings, { pool, account, grants: change.grants })
    newcomers.push(newcomer)
    steps.push(() => newcomer.start())
  }
  return { newcomers, steps }
}
