/**
 * The fields of the status page, in php-fpm 8.4's order (reference: fpm_status.c's output): each format prints the same
 * ones under the same names, and only the dress differs.
 */

import { cumulativeWaits } from '../../pool/wait-histogram.ts'
import { textOfBytes } from '../access-line/text-of-bytes.ts'
import type { InstanceStatus, PoolStatus } from './pool-status.ts'

export type FieldValue =
  | { readonly kind: 'text'; readonly text: string }
  /** Printed as it is: digits, and a point if there is one. */
  | { readonly kind: 'number'; readonly digits: string }
  /** Seconds since 1970, or a date for people. */
  | { readonly kind: 'time'; readonly epochMs: number }

export interface Field {
  readonly name: string
  readonly value: FieldValue
}

/** A field of our own: one value, or several with a name each. */
export interface OwnField {
  readonly name: string
  readonly value: FieldValue | readonly Field[]
}

export function poolFields(status: PoolStatus): readonly Field[] {
  return [
    text('pool', status.pool),
    text('process manager', status.processManager),
    time('start time', status.startEpochMs),
    secondsSince('start since', status.startEpochMs, status.nowEpochMs),
    count('accepted conn', status.acceptedConnections),
    count('listen queue', status.listenQueue),
    count('max listen queue', status.maxListenQueue),
    count('listen queue len', status.listenQueueLength),
    count('idle processes', status.idleProcesses),
    count('active processes', status.activeProcesses),
    count('total processes', totalProcesses(status)),
    count('max active processes', status.maxActiveProcesses),
    count('max children reached', status.maxChildrenReached),
    count('slow requests', status.slowRequests),
    count('memory peak', status.memoryPeakBytes),
  ]
}

export function totalProcesses({ idleProcesses, activeProcesses }: PoolStatus): number {
  return idleProcesses + activeProcesses
}

/** After php-fpm's fields, so that whoever reads those line by line finds them where they were. */
export function ownFields({ own }: PoolStatus): readonly OwnField[] {
  return [
    text('worker pool', own.workerPool),
    count('workers', own.workers),
    count('max children', own.maxChildren),
    count('cpu ms', own.cpuMs),
    count('memory bytes', own.memoryBytes),
    count('received bytes', own.receivedBytes),
    count('sent bytes', own.sentBytes),
    count('instances created', own.instancesCreated),
    count('resets', own.resets),
    count('refused', own.refused),
    { name: 'traps', value: counts(own.traps) },
    { name: 'kills', value: counts(own.kills) },
    count('dropped log lines', own.droppedLogLines),
    { name: 'server dropped log lines', value: counts(own.serverDroppedLogLines) },
    count('outbound open', own.outboundOpen),
    count('outbound connections', own.outboundConnections),
    count('outbound sent bytes', own.outboundSentBytes),
    count('outbound received bytes', own.outboundReceivedBytes),
    { name: 'outbound failures', value: counts(own.outboundFailures) },
    count('queue wait sum ms', own.queueWait.sumMs),
    {
      name: 'queue wait ms',
      value: cumulativeWaits(own.queueWait).map(([bound, number]) =>
        count(Number.isFinite(bound) ? `up to ${bound}` : 'all', number),
      ),
    },
  ]
}

export function instanceFields(instance: InstanceStatus, nowEpochMs: number): readonly Field[] {
  const isIdle = instance.state === 'Idle'
  return [
    count('pid', instance.pid),
    text('state', instance.state),
    time('start time', instance.startEpochMs),
    secondsSince('start since', instance.startEpochMs, nowEpochMs),
    count('requests', instance.requests),
    count('request duration', instance.requestDurationMs * 1000),
    text('request method', instance.requestMethod || '-'),
    text('request uri', instance.requestUri || '-'),
    count('content length', instance.contentLength),
    text('user', instance.user || '-'),
    text('script', instance.script || '-'),
    {
      name: 'last request cpu',
      value: {
        kind: 'number',
        digits: (isIdle ? finite(instance.lastRequestCpuPercent) : 0).toFixed(2),
      },
    },
    count('last request memory', isIdle ? instance.lastRequestMemoryBytes : 0),
  ]
}

function text(name: string, value: string): Field {
  return { name, value: { kind: 'text', text: textOfBytes(value) } }
}

function time(name: string, epochMs: number): Field {
  return { name, value: { kind: 'time', epochMs } }
}

function count(name: string, number: number): Field {
  return {
    name,
    value: { kind: 'number', digits: String(Math.max(0, Math.round(finite(number)))) },
  }
}

function secondsSince(name: string, startEpochMs: number, nowEpochMs: number): Field {
  return count(name, Math.floor(nowEpochMs / 1000) - Math.floor(startEpochMs / 1000))
}

function counts(byName: Readonly<Record<string, number>>): readonly Field[] {
  return Object.entries(byName).map(([name, number]) => count(name, number))
}

/** NaN in a page would break whoever reads it. */
function finite(number: number): number {
  return Number.isFinite(number) ? number : 0
}
