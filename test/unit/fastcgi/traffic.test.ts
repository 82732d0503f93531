/** What a request moves counts where it is told to: content, without frames, and nothing that did not come or leave. */
import { expect, test } from 'vitest'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { begin, record } from '../../support/fastcgi/records.ts'
import { type Peer, peer } from '../../support/fastcgi/server-peer.ts'

/** A pair of 2 + 3 + 4 bytes. */
const PARAMS = record(4, 1, hex("03 04 'one' 'four'"), 7)
const END_OF_PARAMS = record(4, 1)
const FILTER = begin(1, { role: 3 })

const stdin = (bytes: number): Uint8Array => record(5, 1, new Uint8Array(bytes), 3)
const data = (bytes: number): Uint8Array => record(8, 1, new Uint8Array(bytes))
const print = (bytes: number) => (request: FastCgiRequest) =>
  void request.stdout.write(new Uint8Array(bytes))

interface Case {
  readonly name: string
  readonly sent: readonly Uint8Array[]
  readonly steps?: ReadonlyArray<(request: FastCgiRequest, server: Peer) => void>
  readonly received: number
  readonly left: number
}

const CASES: readonly Case[] = [
  { name: 'PARAMS', sent: [PARAMS, END_OF_PARAMS], received: 9, left: 0 },
  { name: 'STDIN', sent: [PARAMS, END_OF_PARAMS, stdin(10), stdin(5)], received: 24, left: 0 },
  {
    name: 'STDIN before the end of PARAMS',
    sent: [stdin(10), END_OF_PARAMS],
    received: 10,
    left: 0,
  },
  { name: 'DATA', sent: [END_OF_PARAMS, stdin(10), stdin(0), data(7)], received: 17, left: 0 },
  {
    name: 'STDIN that is read',
    sent: [END_OF_PARAMS, stdin(10)],
    steps: [(request) => request.stdin.read(4), (_, server) => server.send(stdin(3))],
    received: 13,
    left: 0,
  },
  {
    name: 'what comes behind an abort does not, what has come before does',
    sent: [PARAMS, END_OF_PARAMS, stdin(10), record(2, 1), stdin(1000)],
    received: 19,
    left: 0,
  },
  {
    name: 'what comes behind the end does not',
    sent: [END_OF_PARAMS],
    steps: [(request) => request.end(0, 0), (_, server) => server.send(stdin(1000))],
    received: 0,
    left: 0,
  },
  {
    name: 'STDOUT that has left',
    sent: [END_OF_PARAMS],
    steps: [print(100), print(40_000), (_, server) => server.flush(), print(7)],
    received: 0,
    left: 40_100,
  },
  {
    name: 'STDOUT that leaves behind the end',
    sent: [END_OF_PARAMS],
    steps: [print(100), (request) => request.end(0, 0), (_, server) => server.flush()],
    received: 0,
    left: 100,
  },
  {
    name: 'STDOUT that nobody has taken does not',
    sent: [END_OF_PARAMS],
    steps: [print(100), (_, server) => server.connection.inputEnded(true)],
    received: 0,
    left: 0,
  },
  {
    name: 'STDERR does not',
    sent: [END_OF_PARAMS],
    steps: [(request) => request.stderr.write(new Uint8Array(50)), (_, server) => server.flush()],
    received: 0,
    left: 0,
  },
]

test.each(CASES)('$name', ({ sent, steps = [], received, left }) => {
  const traffic = { receivedBytes: 0, sentBytes: 0 }
  const whole = join([FILTER, ...sent])
  for (const pieceBytes of [whole.length, 1]) {
    const before = { ...traffic }
    const server = peer({ onRequest: (request) => request.countIn(traffic) })
    for (let at = 0; at < whole.length; at += pieceBytes) {
      server.send(whole.subarray(at, at + pieceBytes))
    }
    const [request] = server.requests
    if (request === undefined) throw new Error('no request')
    for (const step of steps) step(request, server)
    expect(traffic).toEqual({
      receivedBytes: before.receivedBytes + received,
      sentBytes: before.sentBytes + left,
    })
  }
})

test('requests of one connection count apart, and one that is told nothing counts nowhere', () => {
  const accounts = [1, 2].map(() => ({ receivedBytes: 0, sentBytes: 0 }))
  const server = peer({
    onRequest: (request) => {
      const account = accounts[request.id - 1]
      if (account !== undefined) request.countIn(account)
    },
  })
  for (const id of [1, 2, 3]) {
    server.send(begin(id), record(4, id), record(5, id, new Uint8Array(10 * id)))
  }
  for (const request of server.requests) request.stdout.write(new Uint8Array(request.id))
  server.flush()
  expect(accounts).toEqual([
    { receivedBytes: 10, sentBytes: 1 },
    { receivedBytes: 20, sentBytes: 2 },
  ])
})
