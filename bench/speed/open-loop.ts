/**
 * HTTP requests at a constant mean rate, however fast the replies come (an open loop): arrivals are random, and a reply that is
 * slow delays no other request. For latencies below saturation; the closed loop of wrk cannot show those.
 */
import { connect, type Socket } from 'node:net'

export interface OpenLoopOptions {
  /** `http://HOST:PORT/PATH`. */
  readonly url: string
  readonly ratePerSecond: number
  readonly seconds: number
  /** Kept connections; a request that finds none free is counted in `starved` and waits. */
  readonly connections: number
}

export interface OpenLoopFigures {
  readonly requests: number
  readonly failures: number
  /** Requests that had to wait for a connection; their wait counts as latency. */
  readonly starved: number
  readonly p50Ms: number
  readonly p99Ms: number
}

interface Line {
  readonly socket: Socket
  /** When the request it carries was due; undefined: free. */
  dueMs: number | undefined
  received: Buffer
}

export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopFigures> {
  const { host, hostname, port, pathname, search } = new URL(options.url)
  const request = `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const latencies: number[] = []
  const free: Line[] = []
  const due: number[] = []
  let [failures, starved, sent] = [0, 0, 0]
  const send = (line: Line, dueMs: number): void => {
    line.dueMs = dueMs
    line.socket.write(request)
  }
  const take = (line: Line, bytes: Buffer): void => {
    line.received = line.received.length === 0 ? bytes : Buffer.concat([line.received, bytes])
    const end = replyEnd(line.received)
    if (end === undefined || line.dueMs === undefined) return
    if (line.received.toString('latin1', 9, 12) === '200' && end === line.received.length) {
      latencies.push(performance.now() - line.dueMs)
    } else failures++
    line.received = Buffer.alloc(0)
    line.dueMs = undefined
    const next = due.shift()
    if (next === undefined) free.push(line)
    else send(line, next)
  }
  for (let index = 0; index < options.connections; index++) {
    const socket = await connected(Number(port), hostname)
    const line: Line = { socket, dueMs: undefined, received: Buffer.alloc(0) }
    socket.on('data', (bytes: Buffer) => take(line, bytes))
    socket.on('error', () => failures++)
    free.push(line)
  }

  const startMs = performance.now()
  const endMs = startMs + options.seconds * 1000
  const gap = (): number => (-Math.log(1 - Math.random()) * 1000) / options.ratePerSecond
  let nextMs = startMs + gap()
  await new Promise<void>((resolve) => {
    const turn = (): void => {
      const nowMs = performance.now()
      for (; nextMs <= nowMs && nextMs < endMs; nextMs += gap()) {
        sent++
        const line = free.shift()
        // Timers wake late: latency counts from now, not from when the timer should have rung.
        if (line !== undefined) send(line, nowMs)
        else {
          starved++
          due.push(nowMs)
        }
      }
      if (nowMs < endMs) setTimeout(turn, 0)
      else resolve()
    }
    turn()
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  for (const line of free) line.socket.destroy()
  const sorted = latencies.toSorted((a, b) => a - b)
  return {
    requests: sent,
    failures: failures + (sent - latencies.length - failures),
    starved,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  }
}

/** Of ascending values; NaN of none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Where the first reply in `bytes` ends, whether its length is given or it comes in chunks; undefined: not all of it is there. */
function replyEnd(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd).toLowerCase()
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1]
  if (length !== undefined) {
    const end = headEnd + 4 + Number(length)
    return bytes.length < end ? undefined : end
  }
  const last = bytes.indexOf('0\r\n\r\n', headEnd + 4)
  return last < 0 ? undefined : last + 5
}

function connected(port: number, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.removeListener('error', reject)
      resolve(socket)
    })
  })
}
