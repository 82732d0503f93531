/** Streams, flow control, multiplexing, abort, the connection's life: rows S, K, X and A of the conformance list. */
import { expect, test } from 'vitest'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { hex, join, text } from '../../support/fastcgi/hex.ts'
import { begin, describe, record, type SentRecord } from '../../support/fastcgi/records.ts'
import { type Peer, peer, readAll } from '../../support/fastcgi/server-peer.ts'

const NONE = new Uint8Array(0)
const KIB = 1024

const start = (id: number, options?: { role?: number; flags?: number }) =>
  join([begin(id, options), record(4, id)])
const ask = (id: number, options?: { role?: number; flags?: number }) =>
  join([start(id, options), record(5, id)])

function only(server: Peer): FastCgiRequest {
  const request = server.requests.at(-1)
  if (request === undefined) throw new Error('no request')
  return request
}

const contentOf = (records: readonly SentRecord[], type: number, id: number) =>
  join(records.filter((sent) => sent.type === type && sent.id === id).map(({ content }) => content))

/** Writes as much as is taken, over and over, until `bytes` are gone. */
function pour(request: FastCgiRequest, bytes: Uint8Array, done: () => void): void {
  let at = 0
  const pump = () => {
    while (at < bytes.length) {
      const count = request.stdout.write(bytes.subarray(at))
      if (count === 0) {
        request.stdout.onWritable(pump)
        return
      }
      at += count
    }
    done()
  }
  pump()
}

test('S1: the request starts and answers while STDIN is still arriving', () => {
  const server = peer()
  server.send(start(1))
  const request = only(server)
  expect(request.stdin.read(10)).toEqual(NONE)
  let woken = 0
  request.stdin.onReadable(() => woken++)
  server.send(record(5, 1, hex("'abc'")))
  expect(woken).toBe(1)
  expect(request.stdin.read(2)).toEqual(hex("'ab'"))
  request.stdout.write(hex("'x'"))
  expect(describe(server.flush())).toEqual(['6:1 "x"'])
  expect(request.stdin.read(2)).toEqual(hex("'c'"))
  request.stdin.onReadable(() => woken++)
  server.send(record(5, 1))
  expect(woken).toBe(2)
  expect(request.stdin.read(2)).toBeUndefined()
})

test('S4: pieces of every size arrive in order', () => {
  const server = peer()
  server.send(start(1))
  const sizes = [1, 1, 2, 900, 1, 1500, 65_535, 3, 8192, 1, 1023, 1024, 1025, 5]
  const sent = sizes.map((size, index) => new Uint8Array(size).fill(index))
  for (const part of sent) server.send(record(5, 1, part, part.length % 8))
  expect(readAll(only(server).stdin).bytes).toEqual(join(sent))
  expect(server.connection.bufferedBytes).toBe(0)
})

test('S4: one-byte records read in small bites', () => {
  const server = peer()
  const all = Uint8Array.from({ length: 5000 }, (_, index) => index)
  server.send(start(1))
  const got: Uint8Array[] = []
  for (let at = 0; at < all.length; at++) {
    server.send(record(5, 1, all.subarray(at, at + 1)))
    if (at % 7 === 0) got.push(only(server).stdin.read(3) ?? NONE)
  }
  got.push(readAll(only(server).stdin).bytes)
  expect(join(got)).toEqual(all)
})

test('S7: unread STDIN stops the reading, and reading it starts it again', () => {
  const server = peer({ limits: { stdinBufferBytes: 1000 } })
  server.send(start(1), record(5, 1, new Uint8Array(999)))
  expect(server.connection.wantsInput).toBe(true)
  expect(server.connection.waitingFor).toBe('stdin')
  server.send(record(5, 1, new Uint8Array(1)))
  expect(server.connection.wantsInput).toBe(false)
  expect(server.connection.waitingFor).toBe('nothing')
  only(server).stdin.read(1)
  expect(server.connection.wantsInput).toBe(true)
  expect(server.told.inputWanted).toBe(1)
})

test('S7: ending a request frees what it held', () => {
  const server = peer({ limits: { stdinBufferBytes: 1000 } })
  server.send(start(1), record(5, 1, new Uint8Array(5000)))
  expect(server.connection.wantsInput).toBe(false)
  only(server).end(0, 0)
  server.flush()
  expect(server.connection.wantsInput).toBe(true)
  expect(server.connection.bufferedBytes).toBe(0)
})

test('S5: STDIN is taken further while the peer takes no STDOUT', () => {
  const limits = { stdinBufferBytes: 1000, stalledStdinBytes: 4000, outputBufferBytes: 100 }
  const server = peer({ limits })
  server.send(start(1), record(5, 1, new Uint8Array(1500)))
  expect(server.connection.wantsInput).toBe(false)
  const request = only(server)
  expect(request.stdout.write(new Uint8Array(200))).toBe(100)
  expect(request.stdout.write(new Uint8Array(100))).toBe(0)
  expect(server.connection.wantsInput).toBe(true)
  server.send(record(5, 1, new Uint8Array(2400)))
  expect(server.connection.wantsInput).toBe(true)
  server.send(record(5, 1, new Uint8Array(100)))
  expect(server.connection.wantsInput).toBe(false)
})

test('S5: a half-duplex peer sends 10 MB before it reads 10 MB', () => {
  const server = peer()
  server.send(start(1))
  const request = only(server)
  const size = 10 * KIB * KIB
  let received = 0
  pour(request, new Uint8Array(size), () => {
    const drain = () => {
      const { bytes, ended } = readAll(request.stdin)
      received += bytes.length
      if (ended) request.end(0, 0)
      else request.stdin.onReadable(drain)
    }
    drain()
  })
  const piece = record(5, 1, new Uint8Array(65_500), 4)
  for (let sent = 0; sent < size; sent += 65_500) {
    expect(server.connection.wantsInput).toBe(true)
    server.send(piece)
  }
  server.send(record(5, 1))
  let answered = 0
  while (server.connection.bufferedBytes > 0) {
    answered += contentOf(server.flush(), 6, 1).length
  }
  expect(answered).toBe(size)
  expect(received).toBe(Math.ceil(size / 65_500) * 65_500)
})

test('S8: a writer waits for the socket, and only for its own stream', () => {
  const server = peer({ limits: { outputBufferBytes: 100 } })
  server.send(ask(1), ask(2))
  const [first, second] = server.requests
  if (first === undefined || second === undefined) throw new Error('no requests')
  let woken = 0
  expect(first.stdout.write(new Uint8Array(500))).toBe(100)
  expect(first.stdout.write(new Uint8Array(1))).toBe(0)
  first.stdout.onWritable(() => woken++)
  expect(first.stderr.write(new Uint8Array(50))).toBe(50)
  expect(second.stdout.write(new Uint8Array(50))).toBe(50)
  const parts = server.connection.takeOutput()
  expect(woken).toBe(0)
  server.connection.outputWritten(join(parts).length)
  expect(woken).toBe(1)
  expect(first.stdout.write(new Uint8Array(1))).toBe(1)
})

test('S8: output is capped for the whole connection, and everybody is woken when it has gone', () => {
  const server = peer({ limits: { outputBufferBytes: 1000, totalBufferBytes: 2000 } })
  server.send(ask(1), ask(2), ask(3))
  const woken: number[] = []
  for (const request of server.requests) {
    while (request.stdout.write(new Uint8Array(400)) > 0);
    request.stdout.onWritable(() => woken.push(request.id))
  }
  expect(server.connection.bufferedBytes).toBeLessThan(1100)
  server.flush()
  expect(woken.toSorted()).toEqual([1, 2, 3])
})

test('a coalesced write survives the writer’s memory', () => {
  const server = peer()
  server.send(ask(1))
  const bytes = hex("'abc'")
  only(server).stdout.write(bytes)
  bytes.fill(0)
  expect(describe(server.flush())).toEqual(['6:1 "abc"'])
})

test('S9: what comes for an ended id is ignored, and the id can be begun again', () => {
  const server = peer()
  server.send(start(1), record(5, 1, new Uint8Array(8000)))
  only(server).end(0, 0)
  server.send(
    ...Array.from({ length: 30 }, () => record(5, 1, new Uint8Array(8192))),
    record(5, 1),
    ask(1),
  )
  expect(server.requests.length).toBe(2)
  expect(server.connection.bufferedBytes).toBeLessThan(100)
  only(server).stdout.write(hex("'second'"))
  only(server).end(0, 0)
  expect(describe(server.flush()).filter((line) => line.startsWith('6:'))).toEqual([
    '6:1 ""',
    '6:1 "second"',
    '6:1 ""',
  ])
  expect(server.closed).toEqual([])
})

test('S9: a request ends in the middle of a STDIN record', () => {
  const server = peer({ onRequest: (request) => request.end(0, 0) })
  const bytes = join([start(1), record(5, 1, new Uint8Array(100), 5), record(5, 1), ask(1)])
  server.send(bytes.subarray(0, 90), bytes.subarray(90))
  expect(server.requests.length).toBe(2)
  expect(server.connection.bufferedBytes).toBe(80 - 32)
})

test('an id begun again does not mix with the rest of its last answer', () => {
  const server = peer()
  server.send(ask(1), ask(3))
  const [first, other] = server.requests
  first?.stdout.write(new Uint8Array(100_000).fill(1))
  first?.end(0, 0)
  other?.stdout.write(new Uint8Array(100_000).fill(3))
  server.send(ask(1))
  only(server).stdout.write(new Uint8Array(50_000).fill(2))
  only(server).end(0, 5)
  const sent = server.flush().filter(({ id }) => id === 1)
  const ends = sent.flatMap(({ type }, index) => (type === 3 ? [index] : []))
  expect(ends.length).toBe(2)
  expect(contentOf(sent.slice(0, ends[0]), 6, 1)).toEqual(new Uint8Array(100_000).fill(1))
  expect(contentOf(sent.slice(ends[0]), 6, 1)).toEqual(new Uint8Array(50_000).fill(2))
})

test('K1: without KEEP_CONN the end closes, behind the answer', () => {
  const server = peer()
  server.send(ask(1, { flags: 0 }))
  only(server).stdout.write(hex("'bye'"))
  expect(server.closed).toEqual([])
  only(server).end(0, 0)
  expect(server.closed).toEqual(['graceful'])
  expect(server.flush().map(({ type }) => type)).toEqual([6, 6, 3])
  server.send(ask(2))
  expect(server.requests.length).toBe(1)
})

test('K2: 10,000 requests on one connection', () => {
  const server = peer({ onRequest: (request) => request.end(0, 0) })
  for (let round = 0; round < 10_000; round++) {
    server.send(ask(1))
    server.flush()
  }
  expect(server.requests.length).toBe(10_000)
  expect(server.closed).toEqual([])
  expect(server.connection.bufferedBytes).toBe(0)
})

test('K5: mixed flags close after the flagged request, when no other is active', () => {
  const server = peer()
  server.send(ask(1, { flags: 0 }), ask(2))
  const [flagged, kept] = server.requests
  flagged?.end(0, 0)
  expect(server.closed).toEqual([])
  kept?.end(0, 0)
  expect(server.closed).toEqual(['graceful'])
})

test('K6: what the peer owes us', () => {
  const server = peer()
  const seen = [server.connection.waitingFor]
  for (const bytes of [begin(1), record(4, 1), record(5, 1, hex("'x'")), record(5, 1)]) {
    server.send(bytes)
    seen.push(server.connection.waitingFor)
  }
  only(server).end(0, 0)
  seen.push(server.connection.waitingFor)
  expect(seen).toEqual(['record', 'params', 'stdin', 'stdin', 'nothing', 'record'])
})

test('X1: requests are interleaved and end out of order', () => {
  const server = peer()
  server.send(
    begin(1),
    begin(3),
    record(4, 3),
    record(4, 1),
    record(5, 3, hex("'c'")),
    record(5, 1, hex("'a'")),
  )
  const [third, first] = server.requests
  expect([third?.id, first?.id]).toEqual([3, 1])
  expect(first?.stdin.read(9)).toEqual(hex("'a'"))
  expect(third?.stdin.read(9)).toEqual(hex("'c'"))
  third?.end(0, 0)
  first?.end(0, 0)
  expect(describe(server.flush()).map((line) => line.slice(0, 3))).toEqual([
    '6:3',
    '3:3',
    '6:1',
    '3:1',
  ])
})

test('X2: turns of at most 16 KiB, so that a large answer does not hold up small ones', () => {
  const server = peer()
  for (let id = 1; id <= 20; id++) server.send(ask(id))
  const [large, ...small] = server.requests
  large?.stdout.write(new Uint8Array(128 * KIB))
  large?.end(0, 0)
  for (const request of small) {
    request.stdout.write(hex("'small'"))
    request.end(0, 0)
  }
  const sent = server.flush()
  const lastSmall = sent.findLastIndex(({ id }) => id !== 1)
  const before = sent.slice(0, lastSmall).filter(({ id }) => id === 1)
  expect(
    before.reduce((sum, { content, padding }) => sum + 8 + content.length + padding, 0),
  ).toBeLessThanOrEqual(16_384)
  expect(contentOf(sent, 6, 1).length).toBe(128 * KIB)
})

test('X3: without multiplexing a second BEGIN gets 503 and CANT_MPX_CONN, the first goes on', () => {
  const server = peer({ multiplex: false })
  server.send(start(1), ask(2), record(5, 1, hex("'abc'")), record(5, 1))
  const sent = server.flush()
  expect(sent.map(({ id, type }) => `${type}:${id}`)).toEqual(['6:2', '6:2', '3:2'])
  expect(text(sent[0]?.content ?? NONE)).toMatch(/^Status: 503 .*\r\nRetry-After: 1\r\n/)
  expect(sent[2]?.content[4]).toBe(1)
  expect(readAll(only(server).stdin)).toEqual({ bytes: hex("'abc'"), ended: true })
})

test('over maxRequests: 503 and OVERLOADED, and room again after an end', () => {
  const server = peer({ limits: { maxRequests: 2 } })
  server.send(ask(1), ask(2), ask(3))
  const sent = server.flush()
  expect(text(sent[0]?.content ?? NONE)).toMatch(/^Status: 503 /)
  expect([sent[2]?.id, sent[2]?.type, sent[2]?.content[4]]).toEqual([3, 3, 2])
  server.requests[0]?.end(0, 0)
  server.send(ask(3))
  expect(server.requests.length).toBe(3)
})

test('X4: breaking off one of two requests ends it with appStatus, the other goes on', () => {
  const server = peer()
  server.send(ask(1), ask(2))
  server.requests[0]?.breakOff(0)
  expect(server.closed).toEqual([])
  expect(server.flush().at(-1)?.content).toEqual(hex('00000001 00 000000'))
  server.requests[1]?.breakOff(9)
  expect(server.closed).toEqual(['break'])
})

test('breaking off the only request breaks the connection, without an abort', () => {
  const server = peer()
  let aborted = false
  server.send(ask(1))
  only(server).onAbort(() => {
    aborted = true
  })
  only(server).stdout.write(hex("'half'"))
  only(server).breakOff(1)
  expect(server.closed).toEqual(['break'])
  expect(aborted).toBe(false)
  expect(server.flush()).toEqual([])
  only(server).end(0, 0)
  expect([server.flush(), server.closed.length]).toEqual([[], 1])
})

test('breaking off waits for nobody else’s answer to be lost', () => {
  const server = peer()
  server.send(ask(1), ask(2))
  server.requests[0]?.end(0, 0)
  const parts = server.connection.takeOutput()
  server.requests[1]?.breakOff(1)
  expect(server.closed).toEqual([])
  server.connection.outputWritten(join(parts).length)
  expect(server.flush().at(-1)?.type).toBe(3)
})

const ABORT = record(2, 1)
const PHASES = [
  { name: 'before PARAMS', sent: [begin(1)], isKnown: false },
  { name: 'in PARAMS', sent: [begin(1), record(4, 1, hex('01'))], isKnown: false },
  { name: 'in STDIN', sent: [start(1), record(5, 1, hex("'abc'"))], isKnown: true },
  { name: 'behind STDIN', sent: [ask(1)], isKnown: true },
]

test.each(PHASES)('A1: abort $name', ({ sent, isKnown }) => {
  const server = peer()
  let aborted = 0
  server.send(...sent)
  server.requests[0]?.onAbort(() => aborted++)
  server.send(ABORT, ABORT)
  expect(aborted).toBe(isKnown ? 1 : 0)
  expect(server.requests[0]?.stdin.read(9)).toBeUndefined()
  expect(server.flush().length).toBe(isKnown ? 0 : 2)
  if (isKnown) {
    expect(server.requests[0]?.stdout.write(hex("'late'"))).toBe(4)
    server.requests[0]?.end(0, 0)
    const end = server.flush()
    expect(end.map(({ type }) => type)).toEqual([6, 3])
    expect(end[1]?.content).toEqual(hex('00000001 00 000000'))
  }
  server.send(ABORT, ask(1))
  expect(server.closed).toEqual([])
  expect(server.connection.activeRequests).toBe(1)
})

test('A1: abort in STDOUT wakes the writer, sends no more of it, and ends it once', () => {
  const server = peer({ limits: { outputBufferBytes: 10 } })
  server.send(ask(1))
  const request = only(server)
  request.stdout.write(new Uint8Array(20))
  let woken = 0
  request.stdout.onWritable(() => woken++)
  server.send(ABORT)
  expect(woken).toBe(1)
  expect(request.stdout.write(new Uint8Array(20))).toBe(20)
  request.end(0, 3)
  const sent = server.flush()
  expect(contentOf(sent, 6, 1).length).toBe(10)
  expect(sent.map(({ type }) => type)).toEqual([6, 6, 3])
})

test('A1: abort behind the end of STDOUT', () => {
  const server = peer()
  server.send(ask(1))
  only(server).stdout.end()
  server.send(ABORT)
  only(server).end(0, 1)
  expect(server.flush().map(({ type }) => type)).toEqual([6, 3])
})

test('an abort that is asked for late is told at once, but not behind the end', () => {
  const server = peer()
  let told = 0
  server.send(ask(1), ABORT)
  only(server).onAbort(() => told++)
  expect(told).toBe(1)
  only(server).end(0, 1)
  only(server).onAbort(() => told++)
  expect(told).toBe(1)
})

test('A1: without KEEP_CONN the aborted request closes the connection when it has ended', () => {
  const server = peer()
  server.send(ask(1, { flags: 0 }), ABORT)
  expect(server.closed).toEqual([])
  only(server).end(0, 1)
  expect(server.closed).toEqual(['graceful'])
})

test('A3: the end of the peer’s bytes aborts what is active, and closes when it has ended', () => {
  const server = peer()
  const aborted: number[] = []
  server.send(ask(1), start(2), begin(3))
  for (const request of server.requests) request.onAbort(() => aborted.push(request.id))
  server.connection.inputEnded()
  server.connection.inputEnded()
  expect(aborted).toEqual([1, 2])
  expect([server.closed, server.connection.wantsInput]).toEqual([[], false])
  for (const request of server.requests) request.end(0, 1)
  expect(server.closed).toEqual(['graceful'])
})

test('A3: with continue, a request that has all its input is answered', () => {
  const server = peer({ onDisconnect: 'continue' })
  const aborted: number[] = []
  server.send(ask(1), start(2), record(5, 2, hex("'ab'")))
  for (const request of server.requests) request.onAbort(() => aborted.push(request.id))
  server.connection.inputEnded()
  expect(aborted).toEqual([2])
  server.requests[0]?.stdout.write(hex("'answer'"))
  server.requests[0]?.end(0, 0)
  server.requests[1]?.end(0, 1)
  expect(describe(server.flush())[0]).toBe('6:1 "answer"')
  expect(server.closed).toEqual(['graceful'])
})

test('A3: an idle connection closes at once', () => {
  const server = peer()
  server.connection.inputEnded()
  expect(server.closed).toEqual(['graceful'])
})
