/** A machine on which everything has happened once. */
import { TENANT_COUNTS, TENANT_GAUGES, type WorkerFigures } from '../../../src/base/figures.ts'
import type { MachineReport } from '../../../src/master/machine-metrics.ts'
import { PoolFigures } from '../../../src/master/pool-figures.ts'

/** What a worker says that has had requests of so many tenants. */
export function busyFigures(tenants: number): WorkerFigures {
  return {
    ...{ cpuMs: 123_456.789, connections: 3, receivedBytes: 1_234_567, sentBytes: 7_654_321 },
    waits: [
      [0.1, 5],
      [1e9, 8],
    ],
    waitedMs: 12.5,
    tenants: Array.from({ length: tenants }, (_, index) => ({
      tenant: `tenant-${index}`,
      counts: TENANT_COUNTS.map((_, at) => 12_345.678 + at),
      gauges: TENANT_GAUGES.map((_, at) => 2 + at),
      traps: { unreachable: 1 },
      kills: { cpu: 2 },
    })),
  }
}

/** With one pool, two workers and so many tenants, all of which have had requests. */
export function busyMachine(tenants: number): MachineReport {
  const figures = new PoolFigures<{ askFigures(): void }>()
  const workers = [0, 1].map(() => ({ askFigures: () => undefined }))
  for (const worker of workers) figures.take(worker, busyFigures(tenants))
  const names = Array.from({ length: tenants }, (_, index) => `tenant-${index}`)
  return {
    ...{ version: '1.2.3', readiness: 'ready', uptimeMs: 5000 },
    master: { cpuMs: 250, rssBytes: 1024 },
    droppedLines: { master: 0, admin: 0 },
    follow: {
      ...{ source: 'dir:/mnt/releases', tenants, behind: 1, seenMs: 1500, error: null },
      ...{ looks: 10, switches: 5, newBytes: 4096, failures: 2 },
    },
    pools: [
      {
        ...{ pool: 'www', tenants: names, totals: figures.totals(new Set(names)) },
        ends: { crash: 1, end: 2 },
        workers: workers.map((worker) => ({
          ...{ slot: figures.slotOf(worker), state: 'ready', load: 0.25, rssBytes: 2048 },
          figures: figures.lastOf(worker),
        })),
      },
    ],
  }
}
