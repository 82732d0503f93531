/** A status with every field set to a number of its own. */
import type { InstanceStatus, PoolStatus } from '../../../../src/gateway/status/pool-status.ts'

export const IDLE: InstanceStatus = {
  pid: 101,
  state: 'Idle',
  startEpochMs: 1_795_411_484_250,
  requests: 7,
  requestDurationMs: 1.5,
  requestMethod: 'GET',
  requestUri: '/a.wasm?q=1',
  contentLength: 0,
  user: '',
  script: '/a.wasm',
  lastRequestCpuPercent: 12.345,
  lastRequestMemoryBytes: 131_072,
}

export const RUNNING: InstanceStatus = {
  ...IDLE,
  pid: 102,
  state: 'Running',
  requests: 1,
  requestDurationMs: 0.25,
  requestMethod: 'POST',
  contentLength: 42,
  user: 'kim',
}

export const STATUS: PoolStatus = {
  pool: 'acme',
  processManager: 'ondemand',
  startEpochMs: 1_795_411_480_900,
  nowEpochMs: 1_795_411_490_100,
  acceptedConnections: 8,
  listenQueue: 1,
  maxListenQueue: 2,
  listenQueueLength: 128,
  idleProcesses: 3,
  activeProcesses: 4,
  maxActiveProcesses: 5,
  maxChildrenReached: 6,
  slowRequests: 9,
  memoryPeakBytes: 262_144,
  own: {
    workerPool: 'www',
    workers: 2,
    maxChildren: 32,
    cpuMs: 1234.4,
    memoryBytes: 393_216,
    instancesCreated: 10,
    resets: 11,
    refused: 12,
    droppedLogLines: 5,
    serverDroppedLogLines: { master: 6, admin: 7 },
    traps: { unreachable: 13 },
    kills: { cpu: 14, wall: 15 },
    queueWait: { counts: [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3], sumMs: 20_000.5 },
  },
  processes: [IDLE, RUNNING],
}
