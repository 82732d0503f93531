import { expect, test } from 'vitest'
import { printOverview } from '../../../../src/cli/status/overview.ts'
import { tenantStatus } from '../../../../src/cli/status/tenant-status.ts'
import type { RuntimeFacts } from '../../../../src/ipc/messages.ts'
import type { ServerStatus, WorkerFacts } from '../../../../src/master/server-status.ts'

/** What a worker says, as it comes over the wire. */
function told(changes: object = {}, own: object = {}): string {
  return JSON.stringify({
    ...{ pool: 'acme', processManager: 'ondemand', startEpochMs: 1000, nowEpochMs: 2000 },
    ...{ acceptedConnections: 5, listenQueue: 1, maxListenQueue: 2, listenQueueLength: 64 },
    ...{ idleProcesses: 2, activeProcesses: 1, maxActiveProcesses: 3, maxChildrenReached: 0 },
    ...{ slowRequests: 0, memoryPeakBytes: 65_536, processes: [] },
    own: {
      ...{ workerPool: 'www', workers: 1, maxChildren: 8, cpuMs: 12.5, memoryBytes: 131_072 },
      ...{
        instancesCreated: 3,
        resets: 4,
        refused: 1,
        droppedLogLines: 0,
        serverDroppedLogLines: {},
        traps: { unreachable: 2 },
        kills: { cpu: 1 },
        ...{ receivedBytes: 0, sentBytes: 0 },
        ...{ outboundOpen: 0, outboundConnections: 0, outboundSentBytes: 0 },
        ...{ outboundReceivedBytes: 0, outboundFailures: {} },
      },
      queueWait: { counts: Array.from({ length: 11 }, () => 0), sumMs: 0 },
      ...own,
    },
    ...changes,
  })
}

const BAD = [
  { name: 'no JSON', text: '{' },
  { name: "another tenant's", text: told({ pool: 'other' }) },
  { name: 'a text for a number', text: told({ listenQueue: '1' }) },
  { name: 'no numbers of our own', text: told({ own: null }) },
  { name: 'a counter that is none', text: told({}, { traps: { x: -1 } }) },
  { name: 'no failures', text: told({}, { outboundFailures: { tls: 'x' } }) },
  { name: 'no lines', text: told({}, { serverDroppedLogLines: { master: 'x' } }) },
]

test.for(BAD)('a worker that says $name is left out', ({ text }) => {
  const asked = { tenant: 'acme', pool: 'www', statuses: [text, told()] }
  expect(tenantStatus(asked).status?.acceptedConnections).toBe(5)
  expect(tenantStatus({ ...asked, statuses: [text] }).status).toBeUndefined()
})

test('a table of tenants and a table of workers', () => {
  const tenants = [
    tenantStatus({ tenant: 'acme', pool: 'www', statuses: [told(), told()] }),
    tenantStatus({ tenant: 'silent', pool: 'www', statuses: [] }),
  ]
  const workers: readonly WorkerFacts[] = [
    {
      ...{ pid: 101, pool: 'www', isBusy: true, uptimeMs: 90_000 },
      ...{ state: 'ready', rssBytes: 64 * 1024 * 1024, runtimes: [] },
    },
    {
      ...{ pid: 102, pool: 'www', state: 'starting', isBusy: false },
      ...{ uptimeMs: 0, rssBytes: undefined, runtimes: [] },
    },
  ]
  const server: ServerStatus = {
    ...{ pid: 100, state: 'reloading', uptimeMs: 7_200_000, rssBytes: 1024 * 1024 },
    ...{ workers, tenants: [], droppedLogLines: { master: 0, admin: 0 }, readiness: 'draining' },
  }
  expect(printOverview(server, tenants)).toBe(`master 100, up 2 h, 1.0 MiB, reloading, draining

TENANT  POOL  INSTANCES  ACTIVE  QUEUE  REQUESTS    CPU   MEMORY  FAILED  REFUSED
acme    www           6       2      2        10  25 ms  256 KiB       6        2
silent  www           ?       ?      ?         ?      ?        ?       ?        ?

WORKER  POOL  STATE         UP  MEMORY
   101  www   busy        90 s  64 MiB
   102  www   starting  0.0 ms       -
`)
  const full = { ...server, droppedLogLines: { master: 3, admin: 1 } }
  expect(printOverview(full, tenants)).toMatch(
    /^master 100.*\nlog lines dropped: master 3, admin 1\n\nTENANT/,
  )
})

test('a table of runtimes, where there are any', () => {
  const worker = (pid: number, ...runtimes: RuntimeFacts[]): WorkerFacts => ({
    ...{ pid, pool: 'www', state: 'ready', isBusy: false, uptimeMs: 1000 },
    ...{ rssBytes: undefined, runtimes },
  })
  const php = (tookMs: number): RuntimeFacts => ({ name: 'php', state: 'ready', tookMs })
  const workers = [
    worker(101, php(900), { name: 'lua', state: 'failed', tookMs: 2, reason: 'no file' }),
    worker(102, php(1500), { name: 'lua', state: 'booting' }),
  ]
  const server: ServerStatus = {
    ...{ pid: 100, state: 'normal', uptimeMs: 1000, rssBytes: undefined },
    ...{ workers, tenants: [], droppedLogLines: { master: 0, admin: 0 }, readiness: 'ready' },
  }
  const [, , , table] = printOverview(server, []).split('\n\n')
  expect(table).toBe(`RUNTIME  POOL  STATE    WORKERS    TOOK  REASON
php      www   ready          2   1.5 s
lua      www   failed         1  2.0 ms  no file
lua      www   booting        1       -
`)
})
