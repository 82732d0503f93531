import { expect, test } from 'vitest'
import { mergePoolStatus } from '../../../../src/gateway/status/merge.ts'
import { cumulativeWaits, WaitHistogram } from '../../../../src/pool/wait-histogram.ts'
import { IDLE, RUNNING, STATUS } from './sample-status.ts'

test('two workers', () => {
  const other = {
    ...STATUS,
    startEpochMs: STATUS.startEpochMs + 5000,
    nowEpochMs: STATUS.nowEpochMs + 1,
    acceptedConnections: 100,
    memoryPeakBytes: 1,
    own: { ...STATUS.own, workers: 1, traps: { 'stack-overflow': 1, unreachable: 2 } },
    processes: [RUNNING],
  }
  const merged = mergePoolStatus(STATUS, other)
  expect(merged).toMatchObject({
    pool: 'acme',
    startEpochMs: STATUS.startEpochMs,
    nowEpochMs: STATUS.nowEpochMs + 1,
    acceptedConnections: 108,
    listenQueue: 2,
    maxListenQueue: 4,
    listenQueueLength: 256,
    idleProcesses: 6,
    activeProcesses: 8,
    maxActiveProcesses: 10,
    maxChildrenReached: 12,
    slowRequests: 18,
    memoryPeakBytes: 262_144,
    processes: [IDLE, RUNNING, RUNNING],
  })
  expect(merged.own).toEqual({
    workerPool: 'www',
    workers: 3,
    maxChildren: 64,
    cpuMs: 2468.8,
    memoryBytes: 786_432,
    receivedBytes: 42,
    sentBytes: 44,
    instancesCreated: 20,
    resets: 22,
    refused: 24,
    droppedLogLines: 10,
    serverDroppedLogLines: { master: 6, admin: 7 },
    outboundOpen: 32,
    outboundConnections: 34,
    outboundSentBytes: 36,
    outboundReceivedBytes: 38,
    outboundFailures: { 'not-allowed': 40 },
    traps: { unreachable: 15, 'stack-overflow': 1 },
    kills: { cpu: 28, wall: 30 },
    queueWait: { counts: [2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 6], sumMs: 40_001 },
  })
})

test('one worker stays as it is', () => {
  expect(mergePoolStatus(STATUS)).toBe(STATUS)
})

test('a wait counts in the first bucket that holds it', () => {
  const histogram = new WaitHistogram()
  for (const wait of [0, 0.1, 0.11, 1, 5000, 5001]) histogram.observe(wait)
  const before = histogram.snapshot()
  histogram.observe(7)
  expect(before).toEqual({ counts: [2, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1], sumMs: 10_002.21 })
  expect(cumulativeWaits(before)).toEqual([
    [0.1, 2],
    [0.5, 3],
    [1, 4],
    [5, 4],
    [10, 4],
    [50, 4],
    [100, 4],
    [500, 4],
    [1000, 4],
    [5000, 5],
    [Number.POSITIVE_INFINITY, 6],
  ])
})
