/** A listener for the tests, a clock they turn by hand, and a raw peer whose records are spelled out here. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, type NetConnectOpts, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../../src/base/clock.ts'
import type { ConnectionOptions } from '../../../src/fastcgi/connection-events.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../../../src/fastcgi/limits.ts'
import { ParamsBudget } from '../../../src/fastcgi/params-budget.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import type { ConnectionPeer } from '../../../src/gateway/listen/connection-driver.ts'
import {
  type Listener,
  type ListenerOptions,
  openListener,
} from '../../../src/gateway/listen/listener.ts'

export type OnRequest = (request: FastCgiRequest, peer: ConnectionPeer) => void

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly code?: string
}

export interface TestListener {
  readonly listener: Listener
  readonly target: NetConnectOpts
  readonly logLines: LogLine[]
}

export const CONNECTION: ConnectionOptions = {
  limits: DEFAULT_CONNECTION_LIMITS,
  paramsBudget: new ParamsBudget(),
  multiplex: true,
  values: () => ({ maxConns: 1, maxReqs: 1 }),
}

export const HELLO =
  'Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n'

/** Answers `hello`. */
export const sayHello: OnRequest = (request) => {
  request.stdout.write(Buffer.from(HELLO))
  request.end(0, 0)
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'wf-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Opens a listener (default: a unix socket) that is closed at the end of the test. */
export async function listenFor(
  onRequest: OnRequest,
  options: Partial<ListenerOptions> = {},
  address = join(temporaryDirectory(), 's'),
): Promise<TestListener> {
  const logLines: LogLine[] = []
  const logger = pino(
    { level: 'debug' },
    { write: (line: string) => logLines.push(JSON.parse(line)) },
  )
  const listener = await openListener(address, {
    clock: systemClock,
    logger,
    handler: { onRequest, onBadRequest: (request) => request.end(0, 1) },
    connection: CONNECTION,
    ...options,
  })
  onTestFinished(async () => {
    await listener.close()
    listener.destroyConnections()
    await listener.drained()
  })
  const { port } = listener
  const target = port === undefined ? { path: listener.address } : { host: '127.0.0.1', port }
  return { listener, target, logLines }
}

/** A clock whose time passes only when it is told to. */
export class ManualClock implements Clock {
  #now = 0
  readonly timers = new Map<object, { readonly at: number; readonly callback: () => void }>()
  nowMs = (): number => this.#now
  monotonicNs = (): bigint => BigInt(this.#now) * 1_000_000n
  realtimeNs = (): bigint => this.monotonicNs()
  epochMs = (): number => this.nowMs()
  processCpuNs = (): bigint => 0n
  threadCpuMs = (): number => this.#now

  after(delayMs: number, callback: () => void): { cancel(): void } {
    const timer = { cancel: () => void this.timers.delete(timer) }
    this.timers.set(timer, { at: this.#now + delayMs, callback })
    return timer
  }

  /** Lets time pass, in steps of 500 ms. */
  pass(ms: number): void {
    for (const end = this.#now + ms; this.#now < end; ) {
      this.#now += 500
      for (const [timer, { at, callback }] of [...this.timers]) {
        if (at <= this.#now && this.timers.delete(timer)) callback()
      }
    }
  }
}

const TYPES = { begin: 1, abort: 2, end: 3, params: 4, stdin: 5, stdout: 6 } as const

/** A record by hand: version 1, type, id, content length, no padding, reserved. */
export function record(
  type: keyof typeof TYPES,
  id: number,
  content: Uint8Array | string = '',
): Buffer {
  const bytes = Buffer.from(content as string)
  const header = [1, TYPES[type], id >> 8, id & 255, bytes.length >> 8, bytes.length & 255, 0, 0]
  return Buffer.concat([Buffer.from(header), bytes])
}

/** BEGIN_REQUEST as Responder. */
export function begin(id: number, keepConnection: boolean): Buffer {
  return record('begin', id, Buffer.from([0, 1, keepConnection ? 1 : 0, 0, 0, 0, 0, 0]))
}

/** A whole GET request. */
export function get(id: number, keepConnection: boolean): Buffer {
  const params = record('params', id, '\x0e\x03REQUEST_METHODGET')
  return Buffer.concat([
    begin(id, keepConnection),
    params,
    record('params', id),
    record('stdin', id),
  ])
}

export interface RawPeer {
  readonly socket: Socket
  /** Everything received so far. */
  received(): Buffer
  /** Resolves when `isEnough` says so, or the connection is over. */
  until(isEnough: (bytes: Buffer) => boolean): Promise<Buffer>
  /** Resolves with how the connection ended. */
  readonly over: Promise<{ readonly hasEnded: boolean; readonly code: string | undefined }>
}

export function connectRaw(target: NetConnectOpts): RawPeer {
  const socket = createConnection({ ...target, allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  const chunks: Buffer[] = []
  let [hasEnded, code]: [boolean, string | undefined] = [false, undefined]
  const watchers = new Set<() => void>()
  const wake = (): void => {
    for (const watcher of watchers) watcher()
  }
  const received = (): Buffer => Buffer.concat(chunks)
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    wake()
  })
  const over = new Promise<{ hasEnded: boolean; code: string | undefined }>((resolve) => {
    socket.on('end', () => {
      hasEnded = true
      socket.end()
      wake()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code
    })
    socket.on('close', () => {
      resolve({ hasEnded, code })
      wake()
    })
  })
  const until = (isEnough: (bytes: Buffer) => boolean): Promise<Buffer> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!hasEnded && !socket.destroyed && !isEnough(received())) return
        watchers.delete(check)
        resolve(received())
      }
      watchers.add(check)
      check()
    })
  return { socket, received, until, over }
}

/** The content of all STDOUT records, and how many END_REQUEST there are. Throws on anything but whole records. */
export function readRecords(bytes: Buffer): { readonly stdout: Buffer; readonly ends: number } {
  const stdout: Buffer[] = []
  let [at, ends] = [0, 0]
  while (at + 8 <= bytes.length && bytes[at] === 1) {
    const contentEnd = at + 8 + bytes.readUInt16BE(at + 4)
    if (bytes[at + 1] === TYPES.stdout) stdout.push(bytes.subarray(at + 8, contentEnd))
    if (bytes[at + 1] === TYPES.end) ends += 1
    at = contentEnd + (bytes[at + 6] ?? 0)
  }
  return { stdout: Buffer.concat(stdout), ends }
}
