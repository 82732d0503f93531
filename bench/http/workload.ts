/** What is asked of every backend. */
import type { ConnectionMode, Program } from './backend.ts'

export const STREAM_BYTES = 1_048_576
const COPY_BYTES = 65_536
const STREAM_CONNECTIONS = [1, 16]
const HELLO_CONNECTIONS = [1, 4, 16, 64]

export interface Workload {
  /** `hello keep 16`: program, connection mode, connections. */
  readonly name: string
  readonly program: Program
  readonly mode: ConnectionMode
  readonly connections: number
  readonly query: string
  /** Bytes sent with each request. */
  readonly bodyBytes: number
  /** Bytes of payload one request moves, one way or the other; 0 where only requests count. */
  readonly payloadBytes: number
  /** Whether a reply is the right one. */
  isRightReply(body: string): boolean
}

export const WORKLOADS: readonly Workload[] = [
  ...HELLO_CONNECTIONS.flatMap((connections) => [
    hello('keep', connections),
    hello('close', connections),
  ]),
  ...STREAM_CONNECTIONS.map(download),
  ...STREAM_CONNECTIONS.map(upload),
  ...STREAM_CONNECTIONS.map(copy),
]

function hello(mode: ConnectionMode, connections: number): Workload {
  return {
    name: `hello ${mode} ${connections}`,
    program: 'hello',
    mode,
    connections,
    query: '',
    bodyBytes: 0,
    payloadBytes: 0,
    isRightReply: (body) => /hello/i.test(body),
  }
}

function download(connections: number): Workload {
  return {
    name: `download keep ${connections}`,
    program: 'download',
    mode: 'keep',
    connections,
    query: `?n=${STREAM_BYTES}`,
    bodyBytes: 0,
    payloadBytes: STREAM_BYTES,
    isRightReply: (body) => body.length === STREAM_BYTES,
  }
}

function upload(connections: number): Workload {
  return {
    name: `upload keep ${connections}`,
    program: 'upload',
    mode: 'keep',
    connections,
    // The other backends count bytes and no more.
    query: '?checksum=0',
    bodyBytes: STREAM_BYTES,
    payloadBytes: STREAM_BYTES,
    isRightReply: (body) => body.includes(String(STREAM_BYTES)),
  }
}

function copy(connections: number): Workload {
  return {
    name: `copy keep ${connections}`,
    program: 'copy',
    mode: 'keep',
    connections,
    query: '',
    bodyBytes: COPY_BYTES,
    payloadBytes: COPY_BYTES,
    isRightReply: (body) => body.length === COPY_BYTES,
  }
}
