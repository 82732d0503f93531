/** What keeps a connection open, requests side by side, and breaking off: rows K and X of the conformance list. */
import { expect, test } from 'vitest'
import { ask, contentOf, KIB, NONE, only, start } from '../../support/fastcgi/flow.ts'
import { hex, join, text } from '../../support/fastcgi/hex.ts'
import { begin, describe, record } from '../../support/fastcgi/records.ts'
import { peer, readAll } from '../../support/fastcgi/server-peer.ts'

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
