/** What `[metrics]` answers: the figures of the whole machine at `/metrics`. */
import type { Clock } from '../base/clock.ts'
import type { Readiness } from '../base/readiness.ts'
import { VERSION } from '../base/version.ts'
import type { FollowFacts } from '../ipc/follow-messages.ts'
import type { ServerDroppedLines } from '../ipc/messages.ts'
import { type DoorAnswer, NOTHING_HERE } from './door.ts'
import { machineMetrics, type PoolReport } from './machine-metrics.ts'
import { processMemoryBytes } from './server-status.ts'

export interface MetricsSource {
  readonly clock: Clock
  /** When the server started, by that clock. */
  readonly startMs: number
  readonly readiness: () => Readiness
  readonly droppedLines: () => ServerDroppedLines
  readonly follow: () => FollowFacts | undefined
  readonly pools: () => Iterable<{ report(): Promise<PoolReport> }>
}

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export async function metricsPage(path: string, source: MetricsSource): Promise<DoorAnswer> {
  if (path !== '/metrics') return NOTHING_HERE
  const { clock, startMs, readiness, droppedLines, follow, pools } = source
  const body = machineMetrics({
    version: VERSION,
    readiness: readiness(),
    uptimeMs: clock.nowMs() - startMs,
    master: {
      cpuMs: Number(clock.processCpuNs()) / 1e6,
      rssBytes: processMemoryBytes(process.pid),
    },
    droppedLines: droppedLines(),
    follow: follow(),
    pools: await Promise.all([...pools()].map((pool) => pool.report())),
  })
  return { status: 200, contentType: CONTENT_TYPE, body }
}
