/** Abort, by record and by the end of the connection: rows A of the conformance list. */
import { expect, test } from 'vitest'
import { ask, contentOf, only, start } from '../../support/fastcgi/flow.ts'
import { hex } from '../../support/fastcgi/hex.ts'
import { begin, describe, record } from '../../support/fastcgi/records.ts'
import { peer } from '../../support/fastcgi/server-peer.ts'

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

test('A3: a peer that goes aborts what is active; the connection closes when that has ended', () => {
  const server = peer()
  const aborted: number[] = []
  server.send(ask(1), start(2), begin(3))
  for (const request of server.requests) request.onAbort(() => aborted.push(request.id))
  server.connection.inputEnded(true)
  server.connection.inputEnded(true)
  expect(aborted).toEqual([1, 2])
  expect([server.closed, server.connection.wantsInput]).toEqual([[], false])
  for (const request of server.requests) request.end(0, 1)
  expect(server.closed.length).toBe(1)
})

test('A3: a peer that half-closes gets the answers to requests that have all their input', () => {
  const server = peer()
  const aborted: number[] = []
  server.send(ask(1), start(2), record(5, 2, hex("'ab'")))
  for (const request of server.requests) request.onAbort(() => aborted.push(request.id))
  server.connection.inputEnded(false)
  expect(aborted).toEqual([2])
  server.requests[1]?.end(0, 1)
  server.requests[0]?.stdout.write(hex("'answer'"))
  server.requests[0]?.end(0, 0)
  const sent = describe(server.flush())
  expect(sent).toContain('6:1 "answer"')
  expect(sent.at(-1)).toMatch(/^3:1 /)
  expect(server.closed).toEqual(['graceful'])
})

test('A3: a peer that half-closes and then goes aborts what it waited for', () => {
  const server = peer()
  let told = 0
  server.send(ask(1))
  only(server).onAbort(() => {
    told += 1
  })
  server.connection.inputEnded(false)
  expect(told).toBe(0)
  server.connection.inputEnded(true)
  expect(told).toBe(1)
})

const CUT_SHORT: ReadonlyArray<{ name: string; sent: readonly Uint8Array[] }> = [
  { name: 'in PARAMS', sent: [begin(1)] },
  { name: 'in STDIN', sent: [start(1), record(5, 1, hex("'ab'"))] },
]
test.each(CUT_SHORT)(
  'A3: a request cut short $name is never answered as if it were whole',
  ({ sent }) => {
    for (const ending of ['end', 'breakOff'] as const) {
      const server = peer({ onRequest: (request) => void request.stdout.write(hex("'begun'")) })
      server.send(...sent)
      server.flush()
      server.connection.inputEnded(false)
      for (const request of server.requests) {
        if (ending === 'end') request.end(0, 0)
        else request.breakOff(1)
      }
      expect([server.flush(), server.closed]).toEqual([[], ['break']])
    }
  },
)

test('A3: an idle connection closes at once', () => {
  const server = peer()
  server.connection.inputEnded(false)
  expect(server.closed).toEqual(['graceful'])
})
