/** What a hostile peer can make a connection hold or do: section 7.1 of the conformance list. */
import { expect, test } from 'vitest'
import { ParamsBudget, UNFINISHED_REQUEST_BYTES } from '../../../src/fastcgi/params-budget.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { begin, record } from '../../support/fastcgi/records.ts'
import { peer, readAll } from '../../support/fastcgi/server-peer.ts'

const ask = (id: number) => join([begin(id), record(4, id), record(5, id)])
const repeat = (bytes: Uint8Array, times: number) =>
  join(Array.from({ length: times }, () => bytes))

const FLOODS = [
  { name: 'empty STDIN for nobody', bytes: record(5, 1) },
  { name: 'empty PARAMS for nobody', bytes: record(4, 1) },
  { name: 'one-byte STDIN for nobody', bytes: record(5, 1, hex('00')) },
  { name: 'unknown types', bytes: record(77, 1) },
  { name: 'ABORT for nobody', bytes: record(2, 1) },
]

test.each(FLOODS)('a flood of $name ends the connection', ({ bytes }) => {
  const server = peer({ limits: { uselessRecords: 100 } })
  server.send(repeat(bytes, 100))
  expect(server.closed).toEqual([])
  server.send(repeat(bytes, 1_000))
  expect(server.closed).toEqual(['break FASTCGI_FLOOD'])
})

test('repeated ends within a request count as well', () => {
  const server = peer({ limits: { uselessRecords: 100 } })
  server.send(ask(1), repeat(record(5, 1), 101))
  expect(server.closed).toEqual(['break FASTCGI_FLOOD'])
})

test('the rest of a large body is no flood, and answers make up for stray records', () => {
  const server = peer({ limits: { uselessRecords: 10 }, onRequest: (request) => request.end(0, 0) })
  server.send(repeat(record(5, 1, new Uint8Array(100)), 1000))
  for (let round = 0; round < 100; round++) server.send(ask(1), repeat(record(5, 1), 9))
  expect(server.closed).toEqual([])
})

test('a storm of BEGIN and ABORT ends the connection', () => {
  const server = peer({
    limits: { abortedRequests: 50 },
    onRequest: (request) => request.onAbort(() => request.end(0, 1)),
  })
  const storm = join([ask(1), record(2, 1)])
  server.send(repeat(storm, 50))
  expect(server.closed).toEqual([])
  server.send(storm)
  expect(server.closed).toEqual(['break FASTCGI_FLOOD'])
})

test('aborts among answers are no storm', () => {
  const server = peer({ limits: { abortedRequests: 5 } })
  for (let round = 0; round < 100; round++) {
    server.send(ask(1), ask(2), record(2, 1))
    for (const request of server.requests.slice(-2)) request.end(0, 0)
    server.flush()
  }
  expect(server.closed).toEqual([])
})

test('65,535 BEGINs are refused without holding more than their answers', () => {
  const server = peer({ limits: { maxRequests: 10 } })
  let sent = 0
  for (let id = 1; id <= 65_535 && server.connection.wantsInput; id++, sent++)
    server.send(begin(id))
  expect(server.connection.activeRequests).toBe(10)
  expect(sent).toBeLessThan(1_000)
  expect(server.connection.bufferedBytes).toBeLessThan(200_000)
  server.flush()
  expect(server.connection.wantsInput).toBe(true)
})

test('a peer that reads no answers gets to ask no more questions', () => {
  const server = peer()
  let asked = 0
  while (server.connection.wantsInput && asked < 100_000) {
    server.send(record(9, 0, hex("0d 00 'FCGI_MAX_REQS'")), record(99, 0))
    asked++
  }
  expect(asked).toBeLessThan(5_000)
  expect(server.connection.bufferedBytes).toBeLessThan(200_000)
  server.flush()
  expect(server.connection.wantsInput).toBe(true)
})

test('params of many requests count against the whole connection', () => {
  const server = peer({ limits: { totalBufferBytes: 20_000 } })
  let held = 0
  for (let id = 1; server.connection.wantsInput && id < 100; id++) {
    server.send(begin(id), record(4, id, new Uint8Array(1000)))
    held += 1000
  }
  expect(held).toBe(5_000)
  expect(server.connection.waitingFor).toBe('params')
})

const UNFINISHED = [
  {
    name: 'long PARAMS',
    send: (id: number) => join([begin(id), record(4, id, new Uint8Array(9_000))]),
  },
  {
    name: 'short PARAMS',
    send: (id: number) => join([begin(id), record(4, id, new Uint8Array(10))]),
  },
  { name: 'no PARAMS', send: (id: number) => begin(id) },
]

test.each(UNFINISHED)(
  'all connections together hold so much of requests with $name that do not end',
  ({ send }) => {
    const paramsBudget = new ParamsBudget(100_000)
    const steady = peer({ paramsBudget, onRequest: (request) => request.end(0, 0) })
    steady.send(begin(1), record(4, 1, new Uint8Array(400)))
    const hostile = Array.from({ length: 20 }, () => peer({ paramsBudget }))
    for (let id = 1; id <= 50; id++) {
      for (const server of hostile) {
        server.send(send(id))
        expect(paramsBudget.bytes).toBeLessThanOrEqual(100_000)
      }
    }
    const cut = hostile.filter(({ closed }) => closed.length > 0)
    expect(cut.length).toBeGreaterThan(5)
    for (const { closed, connection } of cut) {
      expect(closed).toEqual(['break FASTCGI_PARAMS_FLOOD'])
      expect([connection.bufferedBytes, connection.activeRequests]).toEqual([0, 0])
    }
    // Those who hold little go on, and are answered.
    steady.send(record(4, 1))
    steady.send(ask(2))
    expect([steady.closed, steady.requests.length]).toEqual([[], 2])
    for (const { connection } of [steady, ...hostile]) connection.inputEnded(true)
    expect(paramsBudget.bytes).toBe(0)
  },
)

test('PARAMS that come whole are never counted', () => {
  const paramsBudget = new ParamsBudget(1)
  const server = peer({ paramsBudget, onRequest: (request) => request.end(0, 0) })
  for (let round = 0; round < 10; round++) server.send(ask(1))
  expect([server.closed, server.requests.length]).toEqual([[], 10])
  server.send(begin(1))
  expect(server.closed).toEqual(['break FASTCGI_PARAMS_FLOOD'])
})

test('memory that pieces of STDIN keep alive is bounded by their size', () => {
  const server = peer()
  server.send(begin(1), record(4, 1))
  const wide = join([record(5, 1, hex('61')), repeat(record(5, 2, new Uint8Array(1000)), 60)])
  for (let round = 0; round < 20; round++) server.send(wide)
  const request = server.requests[0]
  if (request === undefined) throw new Error('no request')
  const buffers = new Set<ArrayBufferLike>()
  let bytes = 0
  for (
    let part = request.stdin.read(1);
    part !== undefined && part.length > 0;
    part = request.stdin.read(1)
  ) {
    buffers.add(part.buffer)
    bytes += part.length
  }
  expect(bytes).toBe(20)
  expect([...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0)).toBeLessThan(4096)
})

test('padding and content that never come hold nothing but the request', () => {
  const server = peer()
  server.send(begin(1), hex('01 04 0001 ffff ff 00'))
  expect(server.connection.bufferedBytes).toBe(UNFINISHED_REQUEST_BYTES)
  expect(server.connection.waitingFor).toBe('params')
})

test('100,000 tiny params and a name of 1 MiB are refused, not digested', () => {
  const server = peer()
  const tiny = repeat(hex("01 00 'A'"), 20_000)
  for (let id = 1; id <= 5; id++) server.send(begin(id), record(4, id, tiny), record(4, id))
  server.send(begin(9), record(4, 9, join([hex('80100000 00'), new Uint8Array(65_000)])))
  for (let round = 0; round < 16; round++) server.send(record(4, 9, new Uint8Array(65_535)))
  expect(server.bad.map(({ code }) => code)).toEqual(
    Array.from({ length: 6 }, () => 'FASTCGI_PARAMS_TOO_LARGE'),
  )
  expect(server.connection.bufferedBytes).toBe(0)
})

test('nothing is read or said any more once the protocol was broken', () => {
  const server = peer()
  server.send(ask(1))
  server.requests[0]?.stdout.write(hex("'x'"))
  server.send(join([record(3, 1, new Uint8Array(8)), ask(2), record(9, 0)]))
  server.send(ask(3))
  server.connection.inputEnded(true)
  expect(server.requests.length).toBe(1)
  expect(server.closed).toEqual(['break FASTCGI_BAD_RECORD'])
  expect([server.flush(), server.connection.bufferedBytes]).toEqual([[], 0])
  expect(readAll(server.requests[0]?.stdin ?? expect.unreachable())).toEqual({
    bytes: new Uint8Array(0),
    ended: true,
  })
})
