/** The shape of a tenant's status: `PoolStatus`, as `wasm-fpm status --json` prints it. */
import { z } from 'zod'
import { INSTANCE_STATES, type PoolStatus } from '../gateway/status/pool-status.ts'

const count = z.number().min(0)
const counts = z.record(z.string(), count)

const instanceSchema = z.object({
  pid: count.describe('Of the instance; no other of the machine has it at this time.'),
  state: z.enum(INSTANCE_STATES),
  startEpochMs: count,
  requests: count,
  requestDurationMs: count,
  requestMethod: z.string(),
  requestUri: z.string(),
  contentLength: count,
  user: z.string(),
  script: z.string(),
  lastRequestCpuPercent: count,
  lastRequestMemoryBytes: count,
})

export const poolStatusSchema: z.ZodType<PoolStatus> = z.object({
  pool: z.string().describe("The tenant's name."),
  processManager: z.enum(['static', 'dynamic', 'ondemand']),
  startEpochMs: count,
  nowEpochMs: count,
  acceptedConnections: count.describe('Requests taken.'),
  listenQueue: count.describe('Requests that wait for an instance.'),
  maxListenQueue: count,
  listenQueueLength: count,
  idleProcesses: count.describe('Instances that are idle.'),
  activeProcesses: count.describe('Instances that run a request.'),
  maxActiveProcesses: count,
  maxChildrenReached: count,
  slowRequests: count,
  memoryPeakBytes: count,
  own: z.object({
    workerPool: z.string(),
    workers: count.describe('That have answered.'),
    maxChildren: count,
    cpuMs: count,
    memoryBytes: count,
    receivedBytes: count.describe('Of requests: variables and bodies.'),
    sentBytes: count.describe('Of responses: headers and bodies.'),
    instancesCreated: count,
    resets: count,
    refused: count,
    droppedLogLines: count,
    serverDroppedLogLines: counts,
    outboundOpen: count,
    outboundConnections: count,
    outboundSentBytes: count,
    outboundReceivedBytes: count,
    outboundFailures: counts,
    traps: counts,
    kills: counts,
    queueWait: z.object({ counts: z.array(count), sumMs: count }),
  }),
  processes: z.array(instanceSchema),
})
