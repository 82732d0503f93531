/** The whole server for people: a line about the master, a table of tenants, a table of workers. */

import { harmless } from '../../base/harmless.ts'
import { printBytes, printMs } from '../../base/quantity.ts'
import type { ServerStatus, WorkerFacts } from '../../master/server-status.ts'
import { type Column, printTable } from '../table.ts'
import type { TenantStatus } from './tenant-status.ts'

export function printOverview(server: ServerStatus, tenants: readonly TenantStatus[]): string {
  const { pid, state, readiness, uptimeMs, rssBytes, workers, droppedLogLines, follow } = server
  const isNormal = state === 'normal' ? '' : `, ${state}`
  const isReady = readiness === 'ready' ? '' : `, ${readiness}`
  const master = `master ${pid}, up ${printMs(uptimeMs)}, ${memory(rssBytes)}${isNormal}${isReady}\n${dropped(droppedLogLines)}${followed(follow)}`
  return [
    master,
    printTable(TENANT_COLUMNS, tenants.map(tenantRow)),
    printTable(WORKER_COLUMNS, workers.map(workerRow)),
    ...printRuntimes(workers),
  ].join('\n')
}

/** Nothing, where nothing was. */
function dropped({ master, admin }: ServerStatus['droppedLogLines']): string {
  return master + admin === 0 ? '' : `log lines dropped: master ${master}, admin ${admin}\n`
}

/** Nothing, where no source is followed. */
function followed(follow: ServerStatus['follow']): string {
  if (follow === undefined) return ''
  const { source, tenants, behind, seenMs, error } = follow
  const step =
    behind === 0 ? `${tenants} tenants in step` : `${behind} of ${tenants} tenants behind`
  const seen = seenMs === null ? 'never seen' : `seen ${printMs(seenMs)} ago`
  const why = error === null ? '' : `\n  ${harmless(error.message)} [${error.code}]`
  return `follows ${harmless(source)}: ${step}, ${seen}${why}\n`
}

const TENANT_COLUMNS: readonly Column[] = [
  { title: 'TENANT' },
  { title: 'POOL' },
  ...['INSTANCES', 'ACTIVE', 'QUEUE', 'REQUESTS', 'CPU', 'MEMORY', 'FAILED', 'REFUSED'].map(
    (title): Column => ({ title, align: 'right' }),
  ),
]

function tenantRow({ tenant, pool, status }: TenantStatus): readonly string[] {
  if (status === undefined) return [tenant, pool, ...Array.from({ length: 8 }, () => '?')]
  const { idleProcesses, activeProcesses, listenQueue, acceptedConnections, own } = status
  return [
    tenant,
    pool,
    String(idleProcesses + activeProcesses),
    String(activeProcesses),
    String(listenQueue),
    String(acceptedConnections),
    printMs(own.cpuMs),
    printBytes(own.memoryBytes),
    String(sum(own.traps) + sum(own.kills)),
    String(own.refused),
  ]
}

const WORKER_COLUMNS: readonly Column[] = [
  { title: 'WORKER', align: 'right' },
  { title: 'POOL' },
  { title: 'STATE' },
  { title: 'UP', align: 'right' },
  { title: 'MEMORY', align: 'right' },
]

function workerRow({ pid, pool, state, isBusy, uptimeMs, rssBytes }: WorkerFacts): string[] {
  const what = state === 'ready' && isBusy ? 'busy' : state
  return [String(pid), pool, what, printMs(uptimeMs), memory(rssBytes)]
}

const RUNTIME_COLUMNS: readonly Column[] = [
  { title: 'RUNTIME' },
  { title: 'POOL' },
  { title: 'STATE' },
  { title: 'WORKERS', align: 'right' },
  { title: 'TOOK', align: 'right' },
  { title: 'REASON' },
]

/** A row for each state that a pool's workers have one in; nothing, where there are no runtimes. */
function printRuntimes(workers: readonly WorkerFacts[]): string[] {
  const all = workers.flatMap(({ pool, runtimes }) => runtimes.map((one) => ({ pool, ...one })))
  if (all.length === 0) return []
  const alike = Map.groupBy(all, ({ name, pool, state, reason }) =>
    JSON.stringify([name, pool, state, reason]),
  )
  const rows = [...alike.values()].map((same): string[] => {
    const { name = '', pool = '', state = '', reason = '' } = same[0] ?? {}
    const tookMs = same.flatMap((one) => one.tookMs ?? [])
    const longest = tookMs.length === 0 ? '-' : printMs(Math.max(...tookMs))
    return [name, pool, state, String(same.length), longest, reason]
  })
  return [printTable(RUNTIME_COLUMNS, rows)]
}

function memory(bytes: number | undefined): string {
  return bytes === undefined ? '-' : printBytes(bytes)
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
