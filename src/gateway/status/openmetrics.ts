/**
 * The status page for Prometheus and its kin (OpenMetrics 1.0). php-fpm's metrics come first, exactly as php-fpm 8.4 has
 * them, oddities included (no labels, counters without `_total`); ours follow the rules.
 */

import { cumulativeWaits } from '../../pool/wait-histogram.ts'
import { escapeLabel } from './escape.ts'
import { totalProcesses } from './fields.ts'
import type { PoolStatus } from './pool-status.ts'

export function renderOpenMetrics(status: PoolStatus): string {
  return `${phpMetrics(status)}${ownMetrics(status)}# EOF\n`
}

type PhpMetric = readonly [name: string, type: 'gauge' | 'counter', value: number, help: string]

function phpMetrics(status: PoolStatus): string {
  const since = Math.floor(status.nowEpochMs / 1000) - Math.floor(status.startEpochMs / 1000)
  const metrics: readonly PhpMetric[] = [
    [
      'up',
      'gauge',
      1,
      `Could pool ${escapeLabel(status.pool)} using a ${status.processManager} PM on PHP-FPM be reached?`,
    ],
    ['start_since', 'counter', since, 'The number of seconds since FPM has started.'],
    [
      'accepted_connections',
      'counter',
      status.acceptedConnections,
      'The number of requests accepted by the pool.',
    ],
    [
      'listen_queue',
      'gauge',
      status.listenQueue,
      'The number of requests in the queue of pending connections.',
    ],
    [
      'max_listen_queue',
      'counter',
      status.maxListenQueue,
      'The maximum number of requests in the queue of pending connections since FPM has started.',
    ],
    [
      'listen_queue_length',
      'gauge',
      status.listenQueueLength,
      'The size of the socket queue of pending connections.',
    ],
    ['idle_processes', 'gauge', status.idleProcesses, 'The number of idle processes.'],
    ['active_processes', 'gauge', status.activeProcesses, 'The number of active processes.'],
    ['total_processes', 'gauge', totalProcesses(status), 'The number of idle + active processes.'],
    [
      'max_active_processes',
      'counter',
      status.maxActiveProcesses,
      'The maximum number of active processes since FPM has started.',
    ],
    [
      'max_children_reached',
      'counter',
      status.maxChildrenReached,
      "The number of times, the process limit has been reached, when pm tries to start more children (works only for pm 'dynamic' and 'ondemand').",
    ],
    [
      'slow_requests',
      'counter',
      status.slowRequests,
      "The number of requests that exceeded your 'request_slowlog_timeout' value.",
    ],
    [
      'memory_peak',
      'gauge',
      status.memoryPeakBytes,
      'The memory usage peak since FPM has started.',
    ],
  ]
  return metrics.map(phpMetric).join('')
}

function phpMetric([name, type, value, help]: PhpMetric): string {
  const helpLine = `# HELP phpfpm_${name} ${help}\n`
  const typeLine = `# TYPE phpfpm_${name} ${type}\n`
  // php-fpm has these two lines the other way round in this one place.
  const head = name === 'listen_queue_length' ? typeLine + helpLine : helpLine + typeLine
  return `${head}phpfpm_${name} ${Math.round(value)}\n`
}

interface OwnMetric {
  readonly name: string
  readonly type: 'gauge' | 'counter' | 'histogram'
  readonly help: string
  /** What follows the name and its labels besides those of the tenant. */
  readonly samples: ReadonlyArray<readonly [suffix: string, label: string, value: number]>
}

function ownMetrics(status: PoolStatus): string {
  const { own } = status
  const labels = `tenant="${escapeLabel(status.pool)}",pool="${escapeLabel(own.workerPool)}"`
  const gauge = (name: string, value: number, help: string): OwnMetric => ({
    name,
    type: 'gauge',
    help,
    samples: [['', '', value]],
  })
  const counter = (name: string, value: number, help: string): OwnMetric => ({
    name,
    type: 'counter',
    help,
    samples: [['_total', '', value]],
  })
  const byKind = (
    name: string,
    counts: Readonly<Record<string, number>>,
    help: string,
  ): OwnMetric => ({
    name,
    type: 'counter',
    help,
    samples: Object.entries(counts).map(([kind, value]) => [
      '_total',
      `,kind="${escapeLabel(kind)}"`,
      value,
    ]),
  })
  const metrics: readonly OwnMetric[] = [
    gauge('workers', own.workers, 'Worker processes that serve the tenant.'),
    gauge('max_children', own.maxChildren, 'Most instances the tenant may have.'),
    gauge('memory_bytes', own.memoryBytes, 'Linear memory of all instances.'),
    counter('cpu_seconds', own.cpuMs / 1000, 'Processor time of the guests.'),
    counter('received_bytes', own.receivedBytes, 'Bytes of requests.'),
    counter('sent_bytes', own.sentBytes, 'Bytes of responses.'),
    counter('instances_created', own.instancesCreated, 'Instances made.'),
    counter('resets', own.resets, 'Instances put back to their snapshot.'),
    counter('refused_requests', own.refused, 'Requests answered 503.'),
    byKind('traps', own.traps, 'Guests that trapped.'),
    byKind('kills', own.kills, 'Guests that were stopped.'),
    counter(
      'dropped_log_lines',
      own.droppedLogLines,
      'Log lines of the workers that were dropped.',
    ),
    byKind(
      'server_dropped_log_lines',
      own.serverDroppedLogLines,
      'Log lines of the master and the admin process that were dropped.',
    ),
    gauge('outbound_open', own.outboundOpen, 'Connections that guests have.'),
    counter('outbound_connections', own.outboundConnections, 'Connections that guests opened.'),
    counter('outbound_sent_bytes', own.outboundSentBytes, 'Bytes that guests sent.'),
    counter('outbound_received_bytes', own.outboundReceivedBytes, 'Bytes that guests received.'),
    byKind(
      'outbound_failures',
      own.outboundFailures,
      'Connections that were refused, failed or were ended by a limit.',
    ),
    queueWait(status),
  ]
  return metrics.map((metric) => printOwn(metric, labels)).join('')
}

function queueWait({ own }: PoolStatus): OwnMetric {
  const buckets = cumulativeWaits(own.queueWait)
  const total = buckets.at(-1)?.[1] ?? 0
  return {
    name: 'queue_wait_seconds',
    type: 'histogram',
    help: 'How long requests waited for an instance.',
    samples: [
      ...buckets.map(([bound, count]): readonly [string, string, number] => [
        '_bucket',
        `,le="${Number.isFinite(bound) ? decimal(bound / 1000) : '+Inf'}"`,
        count,
      ]),
      ['_count', '', total],
      ['_sum', '', own.queueWait.sumMs / 1000],
    ],
  }
}

function printOwn({ name, type, help, samples }: OwnMetric, labels: string): string {
  const head = `# HELP wasm_fpm_${name} ${help}\n# TYPE wasm_fpm_${name} ${type}\n`
  const unit = /_(seconds|bytes)$/.exec(name)?.[1]
  const unitLine = unit === undefined ? '' : `# UNIT wasm_fpm_${name} ${unit}\n`
  const lines = samples.map(
    ([suffix, label, value]) => `wasm_fpm_${name}${suffix}{${labels}${label}} ${decimal(value)}\n`,
  )
  return head + unitLine + lines.join('')
}

/** Up to nine places, none of them for nothing. */
function decimal(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toFixed(9))) : '0'
}
