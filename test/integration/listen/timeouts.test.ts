/** Peers that keep us waiting, against a clock turned by hand (fastcgi.md K3, K6). */
import { expect, test } from 'vitest'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { SWEEP_INTERVAL_MS } from '../../../src/gateway/listen/sweep.ts'
import { LINGER_BYTES } from '../../../src/gateway/listen/timeouts.ts'
import {
  begin,
  connectRaw,
  get,
  HELLO,
  listenFor,
  ManualClock,
  type RawPeer,
  readRecords,
  record,
  sayHello,
} from './responder.ts'

const PARAMS = record('params', 1, '\x0e\x03REQUEST_METHODGET')

/** Lets time pass, a real turn of the event loop per half second, until the peer's connection is over. */
async function timeUntilOver(
  clock: ManualClock,
  peer: RawPeer,
  turn?: () => void,
): Promise<number> {
  const startMs = clock.nowMs()
  let isOver = false
  void peer.over.then(() => {
    isOver = true
  })
  while (!isOver) {
    turn?.()
    clock.pass(500)
    await new Promise(setImmediate)
  }
  return clock.nowMs() - startMs
}

const never = (): never => {
  throw new Error('no request is expected')
}

const SILENT = [
  {
    name: 'no byte at all',
    bytes: Buffer.alloc(0),
    code: 'GATEWAY_FIRST_BYTE_TIMEOUT',
    limitMs: 3000,
  },
  {
    name: 'half a header',
    bytes: get(1, true).subarray(0, 3),
    code: 'GATEWAY_PARAMS_TIMEOUT',
    limitMs: 5000,
  },
  {
    name: 'half of PARAMS',
    bytes: Buffer.concat([begin(1, true), PARAMS.subarray(0, 15)]),
    code: 'GATEWAY_PARAMS_TIMEOUT',
    limitMs: 5000,
  },
]

test.each(SILENT)('$name, then silence: $code', async ({ bytes, code, limitMs }) => {
  const clock = new ManualClock()
  const { target, logLines } = await listenFor(never, {
    clock,
    timeouts: { firstByteMs: 3000, paramsMs: 5000 },
  })
  const peer = connectRaw(target)
  peer.socket.write(bytes)
  expect(await timeUntilOver(clock, peer)).toBeGreaterThanOrEqual(limitMs)
  expect(logLines.filter(({ level }) => level >= 30).map((line) => line.code)).toEqual([code])
})

test('PARAMS that dribble in do not buy time', async () => {
  const clock = new ManualClock()
  const { target, logLines } = await listenFor(never, { clock, timeouts: { paramsMs: 5000 } })
  const peer = connectRaw(target)
  peer.socket.on('error', () => {})
  peer.socket.write(begin(1, true))
  const name = Buffer.concat([record('params', 1, 'x'.repeat(60_000))])
  let at = 0
  const dribble = (): void => void peer.socket.write(name.subarray(at, ++at))
  await timeUntilOver(clock, peer, dribble)
  expect(logLines.map((line) => line.code)).toContain('GATEWAY_PARAMS_TIMEOUT')
})

test('a body that stops coming aborts its request; one that dribbles does not', async () => {
  const clock = new ManualClock()
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  let received = 0
  const { target, logLines } = await listenFor(
    (request) => {
      request.onAbort(resolve)
      const read = (): void => {
        for (;;) {
          const bytes = request.stdin.read(100)
          if (bytes === undefined) return
          if (bytes.length === 0) break
          received += bytes.length
        }
        request.stdin.onReadable(read)
      }
      read()
    },
    { clock, timeouts: { bodyIdleMs: 4000 } },
  )
  const peer = connectRaw(target)
  peer.socket.write(Buffer.concat([begin(1, true), PARAMS, record('params', 1)]))
  for (let sent = 0; sent < 10; sent++) {
    peer.socket.write(record('stdin', 1, 'x'))
    while (received <= sent) await new Promise(setImmediate)
    clock.pass(3000)
  }
  expect(peer.socket.destroyed).toBe(false)
  expect(await timeUntilOver(clock, peer)).toBeGreaterThanOrEqual(1000)
  await aborted
  expect(logLines.map((line) => line.code)).toContain('GATEWAY_BODY_TIMEOUT')
})

test('a peer that takes no output is cut off, and its handler told', async () => {
  const clock = new ManualClock()
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  let isAborted = false
  const fill = (request: FastCgiRequest): void => {
    const block = Buffer.alloc(65_536)
    // An aborted request takes everything: one block more each time.
    while (!isAborted && request.stdout.write(block) > 0);
    if (isAborted) return
    request.stdout.onWritable(() => fill(request))
  }
  const { listener, target, logLines } = await listenFor(
    (request) => {
      request.onAbort(() => {
        isAborted = true
        resolve()
        request.end(0, 1)
      })
      fill(request)
    },
    { clock, timeouts: { writeStallMs: 4000 } },
  )
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await peer.until((bytes) => bytes.length > 0)
  peer.socket.pause()
  while (listener.connections > 0) {
    clock.pass(500)
    await new Promise(setImmediate)
  }
  await aborted
  expect(logLines.map((line) => line.code)).toContain('GATEWAY_WRITE_TIMEOUT')
})

test('a kept connection stays for ever by default, and a slow handler is not hurried', async () => {
  const clock = new ManualClock()
  const requests: FastCgiRequest[] = []
  const { target } = await listenFor((request) => requests.push(request), { clock })
  const peer = connectRaw(target)
  for (const round of [1, 2]) {
    peer.socket.write(get(1, true))
    while (requests.length < round) await new Promise(setImmediate)
    clock.pass(3_600_000)
    const request = requests[round - 1]
    if (request !== undefined)
      sayHello(request, {
        transport: 'unix',
        remoteAddress: undefined,
        remotePort: undefined,
        listener: '',
      })
    await peer.until((bytes) => readRecords(bytes).ends === round)
    clock.pass(3_600_000)
  }
  expect(readRecords(peer.received()).stdout.toString()).toBe(HELLO.repeat(2))
})

test('keepAliveIdleMs closes an idle connection without an error', async () => {
  const clock = new ManualClock()
  const { target, logLines } = await listenFor(sayHello, {
    clock,
    timeouts: { keepAliveIdleMs: 80_000 },
  })
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  expect(await timeUntilOver(clock, peer)).toBeGreaterThanOrEqual(80_000)
  expect(await peer.over).toEqual({ hasEnded: true, code: undefined })
  expect(logLines).toEqual([])
})

test('a peer that does not close after us is not waited for', async () => {
  const clock = new ManualClock()
  const { listener, target } = await listenFor(sayHello, { clock, timeouts: { lingerMs: 2000 } })
  const peer = connectRaw(target)
  peer.socket.removeAllListeners('end')
  peer.socket.write(get(1, false))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  while (listener.connections > 0) {
    clock.pass(500)
    await new Promise(setImmediate)
  }
  expect(clock.nowMs()).toBeGreaterThanOrEqual(2000)
})

test('a peer that sends on after we have closed is cut off', async () => {
  const { listener, target } = await listenFor(sayHello, {}, '127.0.0.1:0')
  const peer = connectRaw(target)
  peer.socket.removeAllListeners('end')
  peer.socket.write(get(1, false))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  const piece = Buffer.alloc(1024 * 1024)
  const send = (): void => {
    let isTaken = true
    while (isTaken && !peer.socket.destroyed) {
      isTaken = peer.socket.write(piece)
      sent += piece.length
    }
  }
  let sent = 0
  peer.socket.on('drain', send)
  send()
  await listener.drained()
  expect(sent).toBeGreaterThan(LINGER_BYTES)
  peer.socket.destroy()
})

test('on a unix socket a peer that has sent its whole request is not waited for at all', async () => {
  const clock = new ManualClock()
  const later: typeof sayHello = (...args) => queueMicrotask(() => sayHello(...args))
  const { listener, target } = await listenFor(later, { clock, timeouts: { lingerMs: 2000 } })
  const peer = connectRaw(target)
  peer.socket.removeAllListeners('end')
  peer.socket.write(get(1, false))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  await listener.drained()
  expect(clock.nowMs()).toBe(0)
  expect(readRecords(peer.received()).stdout.toString()).toBe(HELLO)
})

test('one timer for all connections, none without', async () => {
  const clock = new ManualClock()
  const { listener, target } = await listenFor(sayHello, { clock })
  expect(clock.timers.size).toBe(0)
  const peers = Array.from({ length: 20 }, () => connectRaw(target))
  for (const { socket } of peers) socket.write(get(1, true))
  for (const peer of peers) await peer.until((bytes) => readRecords(bytes).ends === 1)
  expect(clock.timers.size).toBe(1)
  clock.pass(3 * SWEEP_INTERVAL_MS)
  expect(clock.timers.size).toBe(1)
  listener.closeIdle()
  await listener.drained()
  clock.pass(SWEEP_INTERVAL_MS)
  expect(clock.timers.size).toBe(0)
})

test('a listener that is closed leaves no timer behind its last connection', async () => {
  const clock = new ManualClock()
  const { listener, target } = await listenFor(sayHello, { clock })
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  await listener.close()
  listener.closeIdle()
  await listener.drained()
  expect(clock.timers.size).toBe(0)
})
