/** Streams and flow control: rows S of the conformance list. */
import { expect, describe as group, test } from 'vitest'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { ask, contentOf, KIB, NONE, only, start } from '../../support/fastcgi/flow.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { describe, record } from '../../support/fastcgi/records.ts'
import { peer, readAll } from '../../support/fastcgi/server-peer.ts'

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

/** nginx never sends the rest of a body that waits for room in the socket when the answer begins. */
group('S1: an answer that begins before the body has come', () => {
  const setUp = () => {
    const server = peer({ keeps: true })
    server.send(start(1))
    const request = only(server)
    request.stdout.write(hex("'x'"))
    const [keeper] = server.kept
    return { server, request, letGo: () => keeper?.letOutputGo() }
  }
  const fast = record(5, 1, new Uint8Array(65_000))

  test('waits while that comes fast, and goes out with its end', () => {
    const { server, request, letGo } = setUp()
    for (let turn = 0; turn < 5; turn++) {
      server.send(fast, fast)
      readAll(request.stdin)
      expect(letGo()).toBe(true)
      request.stdout.write(hex("'x'"))
      expect([server.told.output, server.flush()]).toEqual([0, []])
    }
    server.send(record(5, 1))
    expect(describe(server.flush())).toEqual(['6:1 "xxxxxx"'])
    expect(letGo()).toBe(false)
    request.stdout.write(hex("'y'"))
    expect(describe(server.flush())).toEqual(['6:1 "y"'])
    expect(server.kept).toHaveLength(1)
  })

  test.each([0, 65_535])('goes out when %i bytes have come since somebody looked', (bytes) => {
    const { server, letGo } = setUp()
    server.send(fast, fast)
    expect(letGo()).toBe(true)
    if (bytes > 0) server.send(record(5, 1, new Uint8Array(bytes)))
    expect(letGo()).toBe(false)
    expect(describe(server.flush())).toEqual(['6:1 "x"'])
  })

  test('goes out with its own end, and with the end of a request that was given up', () => {
    for (const isGivenUp of [false, true]) {
      const { server, request, letGo } = setUp()
      server.send(fast)
      if (isGivenUp) server.send(record(2, 1))
      request.end(0, 0)
      const [first, ...rest] = describe(server.flush())
      expect(first).toBe('6:1 "x"')
      expect(rest).toHaveLength(2)
      expect(letGo()).toBe(false)
    }
  })

  test('lets its writer wait, and what has come meanwhile is held', () => {
    const { server, request, letGo } = setUp()
    pour(request, new Uint8Array(200_000), () => request.end(0, 0))
    for (let turn = 0; turn < 40; turn++) {
      expect(server.connection.wantsInput).toBe(true)
      server.send(fast)
    }
    expect(letGo()).toBe(true)
    server.send(record(5, 1))
    let sent = 0
    for (let left = server.flush(); left.length > 0; left = server.flush())
      for (const { type, content } of left) if (type === 6) sent += content.length
    expect(sent).toBe(200_001)
    expect(readAll(request.stdin).ended).toBe(true)
  })

  test('is not kept where no more can come of the body', () => {
    for (const records of [[record(5, 1)], []]) {
      const server = peer({ keeps: true })
      // An Authorizer gets no body.
      server.send(start(1, records.length === 0 ? { role: 2 } : {}), ...records)
      only(server).stdout.write(hex("'x'"))
      expect(describe(server.flush())).toEqual(['6:1 "x"'])
      expect(server.kept).toEqual([])
    }
  })
})
