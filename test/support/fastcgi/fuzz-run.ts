/** One random life of a server connection: a peer that may lie, an application that does anything, a slow socket. */
import { ServerConnection } from '../../../src/fastcgi/connection.ts'
import type { KeepsOutput } from '../../../src/fastcgi/connection-events.ts'
import type { ConnectionLimits } from '../../../src/fastcgi/limits.ts'
import { DEFAULT_CONNECTION_LIMITS } from '../../../src/fastcgi/limits.ts'
import { ParamsBudget } from '../../../src/fastcgi/params-budget.ts'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { hex, join } from './hex.ts'
import { Random } from './random.ts'
import { begin, record } from './records.ts'
import { WireChecker } from './wire-checker.ts'

export const FUZZ_LIMITS: ConnectionLimits = {
  ...DEFAULT_CONNECTION_LIMITS,
  maxRequests: 4,
  paramsBytes: 600,
  paramsPairs: 20,
  stdinBufferBytes: 2000,
  stalledStdinBytes: 8000,
  outputBufferBytes: 3000,
  totalBufferBytes: 40_000,
  abortedRequests: 30,
  uselessRecords: 60,
}

/** One piece behind `wantsInput`, and what is not counted as output of a stream: answers, refusals, ends. */
const LARGEST_PIECE = 2000
const SLACK = LARGEST_PIECE + 65_536 + 32_768

/** Changes bytes on their way to the checker: a planted violation. */
export type Tamper = (output: Uint8Array) => Uint8Array

export interface RunOptions {
  readonly seed: number
  readonly steps: number
  readonly tamper?: Tamper
}

export interface RunResult {
  readonly requests: number
  /** How the connection was closed, if it was. */
  readonly closed: string | undefined
}

/** Throws what is wrong. */
export function fuzzRun({ seed, steps, tamper = (output) => output }: RunOptions): RunResult {
  const random = new Random(seed)
  const checker = new WireChecker()
  const active = new Set<FastCgiRequest>()
  const inFlight: number[] = []
  const kept = new Set<KeepsOutput>()
  let requests = 0
  let closed: string | undefined
  let told = false
  /** Framing may be lost, so that the connection need not see what was sent. */
  let isMangled = false

  const end = (request: FastCgiRequest) => {
    active.delete(request)
    if (random.oneIn(8)) request.breakOff(random.below(3))
    else request.end(0, random.below(3))
    if (random.oneIn(4)) request.end(0, 0)
  }
  const accept = (request: FastCgiRequest) => {
    if (closed !== undefined) throw new Error('a request behind onClose')
    requests++
    active.add(request)
    if (random.oneIn(2)) {
      request.onAbort(() => {
        if (random.oneIn(2)) end(request)
      })
    }
    if (random.oneIn(4)) end(request)
  }
  const connection = new ServerConnection(
    {
      onRequest: accept,
      onBadRequest: accept,
      onOutput: () => {
        if (told) throw new Error('onOutput twice without takeOutput')
        told = true
      },
      onOutputKept: (request) => {
        if (random.oneIn(4)) return false
        kept.add(request)
        return true
      },
      onInputWanted: () => {
        if (!connection.wantsInput) throw new Error('onInputWanted without wantsInput')
      },
      onClose: (mode, error) => {
        if (closed !== undefined) throw new Error(`onClose twice: ${closed}, ${mode}`)
        if (error !== undefined && !error.code.startsWith('FASTCGI_')) throw error
        closed = mode
      },
    },
    {
      limits: FUZZ_LIMITS,
      paramsBudget: new ParamsBudget(),
      multiplex: !random.oneIn(4),
      values: () => ({ maxConns: 1, maxReqs: 2 }),
    },
  )

  /** What the peer wants to send; a record that begins a request is begun with its last byte. */
  const backlog: PeerRecord[] = []
  const send = () => {
    while (connection.wantsInput) {
      const next = backlog[0]
      if (next === undefined) return
      const size = Math.min(
        next.bytes.length,
        1 + random.below(random.oneIn(2) ? 9 : LARGEST_PIECE),
      )
      if (size === next.bytes.length) {
        backlog.shift()
        if (next.begins !== undefined) checker.begun(next.begins)
        if (next.isMangled === true) isMangled = true
      } else {
        backlog[0] = { ...next, bytes: next.bytes.subarray(size) }
      }
      connection.receive(next.bytes.slice(0, size))
    }
  }
  /** A peer that keeps to the protocol most of the time. */
  const canBegin = (id: number) =>
    !checker.openIds.includes(id) && !backlog.some(({ begins }) => begins === id)
  const take = () => {
    told = false
    const output = tamper(join(connection.takeOutput()))
    if (closed === 'break' && output.length > 0) throw new Error('output behind a break')
    checker.sent(output)
    if (output.length > 0) inFlight.push(output.length)
    // Everything that was to be said is said: whoever is not active any more has had its END_REQUEST.
    const open = checker.openIds.length
    if (closed !== 'break' && !isMangled && open !== connection.activeRequests) {
      throw new Error(`${open} ids without END_REQUEST, ${connection.activeRequests} active`)
    }
  }
  const confirm = () => {
    const [first] = inFlight
    if (first === undefined) return
    const count = random.oneIn(2) ? first : 1 + random.below(first)
    connection.outputWritten(count)
    if (count === first) inFlight.shift()
    else inFlight[0] = first - count
  }

  for (let step = 0; step < steps; step++) {
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        if (backlog.length < 20) backlog.push(randomRecord(random, canBegin))
        send()
        break
      case 3:
        take()
        break
      case 4:
        confirm()
        break
      case 5:
        if (random.oneIn(3)) drainInput(active)
        for (const request of kept) if (!request.letOutputGo()) kept.delete(request)
        break
      default:
        for (const request of active) act(request, random, end)
    }
    if (random.oneIn(600)) connection.inputEnded(random.oneIn(2))
    const cap = FUZZ_LIMITS.totalBufferBytes + SLACK
    if (connection.bufferedBytes < 0) throw new Error('less than nothing held')
    if (connection.bufferedBytes > cap) throw new Error(`${connection.bufferedBytes} bytes held`)
    if (connection.activeRequests > FUZZ_LIMITS.maxRequests) throw new Error('too many requests')
  }
  for (const request of [...active]) end(request)
  take()
  while (inFlight.length > 0) confirm()
  if (closed !== undefined && connection.bufferedBytes !== 0) {
    throw new Error(`${connection.bufferedBytes} bytes held behind the end`)
  }
  return { requests, closed }
}

/** Does something an application might do. */
function act(
  request: FastCgiRequest,
  random: Random,
  end: (request: FastCgiRequest) => void,
): void {
  switch (random.below(9)) {
    case 0:
      end(request)
      break
    case 1:
      request.stdout.end()
      break
    case 2:
      request.stderr.write(random.bytes(random.below(40)))
      break
    case 3:
      if (random.oneIn(4)) request.stderr.end()
      break
    case 4:
      request.stdin.read(1 + random.below(3000))
      request.data.read(100)
      break
    case 5:
      request.stdin.onReadable(() => {
        request.stdin.read(1 + random.below(50))
      })
      break
    case 6:
      request.stdout.onWritable(() => {
        request.stdout.write(new Uint8Array(random.below(100)))
      })
      break
    default: {
      const bytes = new Uint8Array(random.below(random.oneIn(4) ? 20_000 : 200)).fill(0x3f)
      const taken = request.stdout.write(bytes)
      if (taken < 0 || taken > bytes.length) throw new Error(`write took ${taken}`)
      bytes.fill(0x21)
    }
  }
}

function drainInput(active: ReadonlySet<FastCgiRequest>): void {
  for (const request of active) {
    while ((request.stdin.read(10_000)?.length ?? 0) > 0);
    while ((request.data.read(10_000)?.length ?? 0) > 0);
  }
}

interface PeerRecord {
  readonly bytes: Uint8Array
  /** The id it begins. */
  readonly begins?: number
  readonly isMangled?: boolean
}

/** A record a peer might send, and seldom one it must not. */
function randomRecord(random: Random, canBegin: (id: number) => boolean): PeerRecord {
  const id = 1 + random.below(6)
  const padding = random.oneIn(3) ? random.below(256) : 0
  if (random.oneIn(250)) return { bytes: mangled(random, id), isMangled: true }
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2: {
      if (!canBegin(id) && !random.oneIn(150))
        return { bytes: record(5, id, hex("'more'"), padding) }
      const role = random.pick([1, 1, 1, 2, 3, 9])
      return { bytes: begin(id, { role, flags: random.oneIn(60) ? 0 : 1 }), begins: id }
    }
    case 3:
      return { bytes: record(4, id, hex("01 02 'A' 'bc' 80000003 01 'XYZ' '1'"), padding) }
    case 4:
    case 5:
      return { bytes: record(4, id, undefined, padding) }
    case 6:
      return { bytes: record(random.pick([5, 8]), id, random.bytes(random.below(3000)), padding) }
    case 7:
      return { bytes: record(random.pick([5, 8]), id, undefined, padding) }
    case 8:
      return random.oneIn(3) ? { bytes: record(2, id) } : { bytes: record(4, id) }
    case 9:
      return { bytes: record(9, 0, hex("0d 00 'FCGI_MAX_REQS'"), padding) }
    case 10:
      return {
        bytes: record(12 + random.below(240), random.below(2) * id, random.bytes(9), padding),
      }
    default:
      // Pairs with empty names: over the cap for their number, but well-formed.
      return { bytes: record(4, id, new Uint8Array(2 * random.below(random.oneIn(9) ? 400 : 9))) }
  }
}

/** Bytes that break the protocol, or may. */
function mangled(random: Random, id: number): Uint8Array {
  const bytes = join([
    record(4, id, hex("01 01 'A' 'b'"), 3),
    record(5, id),
    record(5, id, random.bytes(30)),
  ])
  for (let flips = 1 + random.below(3); flips > 0; flips--)
    bytes[random.below(bytes.length)] = random.below(256)
  return bytes
}
