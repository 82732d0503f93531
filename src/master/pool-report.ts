/** A pool as the figures of the machine have it. */
import type { Clock } from '../base/clock.ts'
import type { Config } from '../config/config.ts'
import { poolOf } from '../config/pool-of.ts'
import type { PoolReport } from './machine-metrics.ts'
import type { PoolFigures } from './pool-figures.ts'
import { processMemoryBytes } from './server-status.ts'
import type { WorkerProcess } from './worker-process.ts'

export interface ReportedPool {
  /** With this pool and its tenants only. */
  readonly settings: Config
  readonly workers: readonly WorkerProcess[]
  readonly figures: PoolFigures<WorkerProcess>
  readonly ends: PoolReport['ends']
  readonly clock: Clock
}

export async function poolReport(pool: ReportedPool): Promise<PoolReport> {
  const { settings, workers, figures, ends, clock } = pool
  await figures.ask(
    workers.filter(({ isReady }) => isReady),
    clock,
  )
  const tenants = settings.tenants.map(({ name }) => name)
  return {
    pool: poolOf(settings).name,
    tenants,
    totals: figures.totals(new Set(tenants)),
    ends,
    workers: workers
      .filter(({ isGone }) => !isGone)
      .map((worker) => ({
        slot: figures.slotOf(worker),
        state: worker.facts.state,
        load: worker.load,
        rssBytes: processMemoryBytes(worker.pid),
        figures: figures.lastOf(worker),
      })),
  }
}
