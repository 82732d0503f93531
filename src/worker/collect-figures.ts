/** What this worker has counted since its start. */
import type { TenantCount, TenantFigures, TenantGauge, WorkerFigures } from '../base/figures.ts'
import { TENANT_COUNTS, TENANT_GAUGES } from '../base/figures.ts'
import type { Traffic } from '../base/traffic.ts'
import type { Listener } from '../gateway/listen/listener.ts'
import type { Tenant } from '../gateway/tenant.ts'
import type { OutboundAccount } from '../outbound/outbound-account.ts'
import type { PooledInstance } from '../pool/pooled-instance.ts'
import type { Scheduler } from '../pool/scheduler.ts'
import { addWaits, cumulativeWaits, NO_WAITS } from '../pool/wait-histogram.ts'

export interface FiguresSource {
  readonly scheduler: Scheduler
  readonly tenants: ReadonlyMap<string, { readonly tenant: Pick<Tenant, 'traffic'> }>
  readonly listeners: readonly Listener[]
  readonly outboundOf: (tenant: string) => OutboundAccount | undefined
  /** Processor time of this process. */
  readonly cpuMs: number
}

export function collectFigures(source: FiguresSource): WorkerFigures {
  const { scheduler, listeners, cpuMs } = source
  let waits = NO_WAITS
  for (const { counters } of scheduler.tenants.values()) {
    waits = addWaits(waits, counters.waits.snapshot())
  }
  // Once for all: there may be thousands of both.
  const instances = Map.groupBy(scheduler.instances, ({ place }) => place.owner.tenant)
  const sum = (of: (listener: Listener) => number): number =>
    listeners.reduce((total, listener) => total + of(listener), 0)
  return {
    cpuMs,
    connections: sum(({ connections }) => connections),
    receivedBytes: sum(({ receivedBytes }) => receivedBytes),
    sentBytes: sum(({ sentBytes }) => sentBytes),
    // JSON has no infinity: the last bound is told by its place.
    waits: cumulativeWaits(waits).map(([bound, count]) => [Math.min(bound, 1e9), count]),
    waitedMs: waits.sumMs,
    tenants: [...source.tenants]
      // One whose files are answered by no guest is not in the scheduler; what was begun ahead came with no request.
      .filter(
        ([name, { tenant }]) => tenant.traffic.receivedBytes > 0 || scheduler.tenants.has(name),
      )
      .map(([name, { tenant }]) =>
        tenantFigures(name, {
          ...{ scheduler, outboundOf: source.outboundOf },
          ...{ traffic: tenant.traffic, instances: instances.get(name) ?? [] },
        }),
      ),
  }
}

interface TenantSource extends Pick<FiguresSource, 'scheduler' | 'outboundOf'> {
  readonly traffic: Traffic
  readonly instances: readonly PooledInstance[]
}

function tenantFigures(
  tenant: string,
  { scheduler, outboundOf, traffic, instances }: TenantSource,
): TenantFigures {
  const state = scheduler.tenants.get(tenant)
  const outbound = outboundOf(tenant)
  const { counters } = state ?? {}
  const active = instances.filter(({ isRunning }) => isRunning).length
  const counts: Readonly<Record<TenantCount, number>> = {
    requests: counters?.requests ?? 0,
    cpuMs: counters?.cpuMs ?? 0,
    refused: counters?.refused ?? 0,
    slow: counters?.slow ?? 0,
    waitedMs: counters?.waits.snapshot().sumMs ?? 0,
    ...traffic,
    outboundSentBytes: outbound?.sentBytes ?? 0,
    outboundReceivedBytes: outbound?.receivedBytes ?? 0,
  }
  const gauges: Readonly<Record<TenantGauge, number>> = {
    active,
    idle: instances.length - active,
    waiting: state?.waiting ?? 0,
    memoryBytes: instances.reduce((sum, { instance }) => sum + instance.memoryBytes, 0),
  }
  const ofKind = (prefix: string): Record<string, number> =>
    Object.fromEntries(
      [...(counters?.outcomes ?? [])]
        .filter(([kind]) => kind.startsWith(prefix))
        .map(([kind, count]) => [kind.slice(prefix.length), count]),
    )
  return {
    tenant,
    counts: TENANT_COUNTS.map((name) => counts[name]),
    gauges: TENANT_GAUGES.map((name) => gauges[name]),
    traps: ofKind('trap:'),
    kills: ofKind('killed:'),
  }
}
