/**
 * The figures of the whole machine, in the text form of Prometheus (0.0.4). Series do not grow with time: a worker's are those of its
 * place in its pool, and a tenant that has had nothing to do has two.
 */
import { TENANT_COUNTS, TENANT_GAUGES, type WorkerFigures } from '../base/figures.ts'
import { READINESS, type Readiness } from '../base/readiness.ts'
import type { FollowFacts } from '../ipc/follow-messages.ts'
import type { ServerDroppedLines } from '../ipc/messages.ts'
import type { PoolTotals, TenantTotals } from './pool-figures.ts'
import type { WorkerFacts } from './server-status.ts'

export interface WorkerReport {
  /** Its place in the pool. */
  readonly slot: number
  readonly state: WorkerFacts['state']
  /** Share of its time in which it had work, in the last second. */
  readonly load: number
  readonly rssBytes: number | undefined
  /** Undefined: it has not said any yet. */
  readonly figures: WorkerFigures | undefined
}

export interface PoolReport {
  readonly pool: string
  /** The tenants that it has. */
  readonly tenants: readonly string[]
  readonly totals: PoolTotals
  /** Workers that have ended. */
  readonly ends: { readonly crash: number; readonly end: number }
  readonly workers: readonly WorkerReport[]
}

export interface MachineReport {
  readonly version: string
  readonly readiness: Readiness
  readonly uptimeMs: number
  readonly master: { readonly cpuMs: number; readonly rssBytes: number | undefined }
  readonly droppedLines: ServerDroppedLines
  /** Undefined: no source is followed. */
  readonly follow: FollowFacts | undefined
  readonly pools: readonly PoolReport[]
}

type Labels = Readonly<Record<string, string | number>>
type Sample = readonly [labels: string, value: number]
type Metric = readonly [
  name: string,
  type: 'gauge' | 'counter',
  help: string,
  samples: readonly Sample[],
]

export function machineMetrics(report: MachineReport): string {
  const { version, readiness, uptimeMs, master, droppedLines, follow, pools } = report
  const text: string[] = []
  const metric = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    samples: readonly Sample[],
  ): void => {
    if (samples.length === 0) return
    text.push(`# HELP wasm_fpm_${name} ${help}\n# TYPE wasm_fpm_${name} ${type}\n`)
    for (const [labels, value] of samples) text.push(line(name, labels, value))
  }
  const workers = pools.flatMap(({ pool, workers: all }) => all.map((one) => ({ pool, ...one })))
  const ofWorkers = (value: (worker: WorkerReport) => number | undefined): Sample[] =>
    workers.flatMap((worker): Sample[] => {
      const found = value(worker)
      return found === undefined
        ? []
        : [[labelsOf({ pool: worker.pool, worker: worker.slot }), found]]
    })

  metric('info', 'gauge', 'The version that runs.', [[labelsOf({ version }), 1]])
  metric(
    'readiness',
    'gauge',
    'Whether the machine is to get requests: 1 at the state that holds.',
    READINESS.map((state): Sample => [labelsOf({ state }), state === readiness ? 1 : 0]),
  )
  metric('uptime_seconds', 'gauge', 'Since the master was started.', [['', uptimeMs / 1000]])
  metric('master_cpu_seconds_total', 'counter', 'Processor time of the master.', [
    ['', master.cpuMs / 1000],
  ])
  metric('master_memory_bytes', 'gauge', 'Memory of the master.', [['', master.rssBytes ?? 0]])
  metric(
    'server_dropped_log_lines_total',
    'counter',
    'Log lines of the master and the admin process that were dropped.',
    Object.entries(droppedLines).map(([kind, count]): Sample => [labelsOf({ kind }), count]),
  )
  for (const one of follow === undefined ? [] : followMetrics(follow)) metric(...one)

  metric(
    'pool_workers',
    'gauge',
    'Workers of the pool that serve.',
    pools.map(({ pool, workers: all }): Sample => {
      const serving = all.filter(({ state }) => state === 'ready')
      return [labelsOf({ pool }), serving.length]
    }),
  )
  metric(
    'pool_worker_ends_total',
    'counter',
    'Workers that have ended: as they were told, or by a crash.',
    pools.flatMap(({ pool, ends }): Sample[] =>
      Object.entries(ends).map(([kind, count]) => [labelsOf({ pool, kind }), count]),
    ),
  )
  text.push(queueWaits(pools))

  metric(
    'worker_cpu_seconds_total',
    'counter',
    'Processor time of a worker: of its guests, and of all else.',
    workers.flatMap(({ pool, slot: worker, figures }): Sample[] => {
      if (figures === undefined) return []
      const guestsMs = Math.min(figures.cpuMs, guestCpuMs(figures))
      return [
        [labelsOf({ pool, worker, kind: 'guests' }), guestsMs / 1000],
        [labelsOf({ pool, worker, kind: 'server' }), (figures.cpuMs - guestsMs) / 1000],
      ]
    }),
  )
  metric(
    'worker_memory_bytes',
    'gauge',
    'Memory of a worker.',
    ofWorkers(({ rssBytes }) => rssBytes),
  )
  metric(
    'worker_load_ratio',
    'gauge',
    'Share of its time in which a worker had work.',
    ofWorkers(({ load }) => load),
  )
  metric(
    'worker_connections',
    'gauge',
    'Open connections of a worker.',
    ofWorkers(({ figures }) => figures?.connections),
  )
  metric(
    'worker_received_bytes_total',
    'counter',
    'Bytes that web servers sent.',
    ofWorkers(({ figures }) => figures?.receivedBytes),
  )
  metric(
    'worker_sent_bytes_total',
    'counter',
    'Bytes that web servers were sent.',
    ofWorkers(({ figures }) => figures?.sentBytes),
  )

  const tenants = pools.flatMap(({ pool, tenants: names, totals }) =>
    names.map((tenant) => ({
      pool,
      labels: labelsOf({ tenant }),
      of: totals.tenants.get(tenant),
    })),
  )
  metric(
    'tenant_info',
    'gauge',
    'The pool of a tenant.',
    tenants.map(({ pool, labels }): Sample => [`${labels},${labelsOf({ pool })}`, 1]),
  )
  for (const { name, type, help, value } of TENANT_METRICS) {
    const samples = tenants.map(({ labels, of }): Sample => [labels, of ? value(of) : 0])
    // All tenants have this one; the others come with their first count.
    const shown = name === 'requests_total' ? samples : samples.filter(([, count]) => count !== 0)
    metric(name, type, help, shown)
  }
  for (const [name, help, key] of BY_KIND) {
    metric(
      name,
      'counter',
      help,
      tenants.flatMap(({ labels, of }): Sample[] =>
        [...(of?.[key] ?? [])].map(([kind, count]) => [`${labels},${labelsOf({ kind })}`, count]),
      ),
    )
  }
  return text.join('')
}

interface TenantMetric {
  readonly name: string
  readonly type: 'gauge' | 'counter'
  readonly help: string
  readonly value: (totals: TenantTotals) => number
}

const count =
  (name: (typeof TENANT_COUNTS)[number], unit = 1) =>
  ({ counts }: TenantTotals): number =>
    (counts[TENANT_COUNTS.indexOf(name)] ?? 0) * unit

const gauge =
  (name: (typeof TENANT_GAUGES)[number]) =>
  ({ gauges }: TenantTotals): number =>
    gauges[TENANT_GAUGES.indexOf(name)] ?? 0

/** Under the names that they have on the tenant's own status page, where they are there. */
const TENANT_METRICS: readonly TenantMetric[] = [
  {
    name: 'requests_total',
    type: 'counter',
    help: 'Requests that guests have answered or begun.',
    value: count('requests'),
  },
  {
    name: 'cpu_seconds_total',
    type: 'counter',
    help: 'Processor time of the guests.',
    value: count('cpuMs', 0.001),
  },
  {
    name: 'memory_bytes',
    type: 'gauge',
    help: 'Linear memory of all instances.',
    value: gauge('memoryBytes'),
  },
  {
    name: 'active_instances',
    type: 'gauge',
    help: 'Instances that run a request.',
    value: gauge('active'),
  },
  { name: 'idle_instances', type: 'gauge', help: 'Instances that are idle.', value: gauge('idle') },
  {
    name: 'waiting_requests',
    type: 'gauge',
    help: 'Requests that wait for an instance.',
    value: gauge('waiting'),
  },
  {
    name: 'waited_seconds_total',
    type: 'counter',
    help: 'How long requests have waited for an instance, together.',
    value: count('waitedMs', 0.001),
  },
  {
    name: 'refused_requests_total',
    type: 'counter',
    help: 'Requests answered 503.',
    value: count('refused'),
  },
  {
    name: 'slow_requests_total',
    type: 'counter',
    help: 'Requests that exceeded request_slowlog_timeout.',
    value: count('slow'),
  },
  {
    name: 'received_bytes_total',
    type: 'counter',
    help: 'Bytes of requests: variables and bodies.',
    value: count('receivedBytes'),
  },
  {
    name: 'sent_bytes_total',
    type: 'counter',
    help: 'Bytes of responses: headers and bodies.',
    value: count('sentBytes'),
  },
  {
    name: 'outbound_sent_bytes_total',
    type: 'counter',
    help: 'Bytes that guests sent.',
    value: count('outboundSentBytes'),
  },
  {
    name: 'outbound_received_bytes_total',
    type: 'counter',
    help: 'Bytes that guests received.',
    value: count('outboundReceivedBytes'),
  },
]

const BY_KIND = [
  ['kills_total', 'Guests that were stopped.', 'kills'],
  ['traps_total', 'Guests that trapped.', 'traps'],
] as const

/** A histogram for each pool: one for each tenant would be most of all there is. */
function queueWaits(pools: readonly PoolReport[]): string {
  const name = 'queue_wait_seconds'
  const help = 'How long requests waited for an instance.'
  const lines = pools.flatMap(({ pool, totals }) => {
    const bounds = [...totals.waits].toSorted(([left], [right]) => left - right)
    const all = bounds.at(-1)?.[1] ?? 0
    return [
      ...bounds.map(([bound, number], index) => {
        const le = index === bounds.length - 1 ? '+Inf' : decimal(bound / 1000)
        return line(`${name}_bucket`, labelsOf({ pool, le }), number)
      }),
      line(`${name}_sum`, labelsOf({ pool }), totals.waitedMs / 1000),
      line(`${name}_count`, labelsOf({ pool }), all),
    ]
  })
  return `# HELP wasm_fpm_${name} ${help}\n# TYPE wasm_fpm_${name} histogram\n${lines.join('')}`
}

function guestCpuMs({ tenants }: WorkerFigures): number {
  const at = TENANT_COUNTS.indexOf('cpuMs')
  return tenants.reduce((sum, { counts }) => sum + (counts[at] ?? 0), 0)
}

function line(name: string, labels: string, value: number): string {
  return `wasm_fpm_${name}${labels === '' ? '' : `{${labels}}`} ${decimal(value)}\n`
}

/** Names of pools and tenants have nothing in them that would have to be escaped. */
function labelsOf(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value}"`)
    .join(',')
}

/** Up to nine places, none of them for nothing. */
function decimal(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(9))) : '0'
}

function followMetrics(facts: FollowFacts): readonly Metric[] {
  const { tenants, behind, seenMs, switches, newBytes, failures } = facts
  return [
    ['follow_tenants', 'gauge', 'Tenants of the source that is followed.', [['', tenants]]],
    ['follow_tenants_behind', 'gauge', 'Of them, those not in step here.', [['', behind]]],
    [
      'follow_source_age_seconds',
      'gauge',
      'Since the source has answered; missing while it never has.',
      seenMs === null ? [] : [['', seenMs / 1000]],
    ],
    ['follow_switches_total', 'counter', 'Tenants brought in step.', [['', switches]]],
    ['follow_bytes_total', 'counter', 'Bytes brought that were new here.', [['', newBytes]]],
    ['follow_failures_total', 'counter', 'Looks and tenants that have failed.', [['', failures]]],
  ]
}
