/** What a peer sees of one connection: keep-alive, closing, breaking off, other protocols. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import {
  begin,
  connectRaw,
  get,
  HELLO,
  listenFor,
  readRecords,
  record,
  sayHello,
} from './responder.ts'

const run = promisify(execFile)

const TRANSPORTS = [
  { transport: 'unix', address: undefined },
  { transport: 'tcp', address: '127.0.0.1:0' },
]

test('cgi-fcgi gets its answer', async () => {
  const { listener } = await listenFor(sayHello)
  const { stdout } = await run('cgi-fcgi', ['-bind', '-connect', listener.address], {
    env: { REQUEST_METHOD: 'GET' },
  })
  expect(stdout).toBe(HELLO)
})

test.each(TRANSPORTS)('10,000 requests on one kept connection, $transport', async ({ address }) => {
  const { listener, target } = await listenFor(sayHello, {}, address)
  const peer = connectRaw(target)
  let ends = 0
  let responseBytes = 0
  for (const batch of [1, 2, 7, 90, 900, 9000]) {
    peer.socket.write(Buffer.concat(Array.from({ length: batch }, () => get(1, true))))
    ends += batch
    await peer.until((bytes) => bytes.length > 0 && bytes.length >= ends * (responseBytes || 1))
    responseBytes ||= peer.received().length
  }
  expect(readRecords(peer.received()).ends).toBe(10_000)
  expect(readRecords(peer.received()).stdout.toString()).toBe(HELLO.repeat(10_000))
  expect(listener.connections).toBe(1)
})

test.each(TRANSPORTS)('without KEEP_CONN we close, $transport', async ({ address }) => {
  const { target } = await listenFor(sayHello, {}, address)
  const peer = connectRaw(target)
  peer.socket.write(get(1, false))
  expect(await peer.over).toEqual({ hasEnded: true, code: undefined })
  expect(readRecords(peer.received())).toEqual({ stdout: Buffer.from(HELLO), ends: 1 })
})

test.each(TRANSPORTS)(
  'an early response arrives whole though 600 KB of upload follow it, $transport',
  async ({ address }) => {
    const tail = 'x'.repeat(100_000)
    const { target } = await listenFor(
      (request) => {
        writeAll(request, Buffer.from(HELLO + tail), () => request.end(0, 0))
      },
      {},
      address,
    )
    const peer = connectRaw(target)
    peer.socket.write(
      Buffer.concat([begin(1, false), record('params', 1, '\x01\x00A'), record('params', 1)]),
    )
    await peer.until((bytes) => bytes.length > 0)
    for (let sent = 0; sent < 600_000; sent += 60_000) {
      peer.socket.write(record('stdin', 1, 'y'.repeat(60_000)))
    }
    peer.socket.write(record('stdin', 1))
    expect(await peer.over).toEqual({ hasEnded: true, code: undefined })
    const { stdout, ends } = readRecords(peer.received())
    expect([stdout.toString() === HELLO + tail, ends]).toEqual([true, 1])
  },
)

test('what a handler writes before and after it waits for a microtask leaves in one write', async () => {
  const { target } = await listenFor((request) => {
    request.stdout.write(Buffer.from(HELLO))
    void Promise.resolve()
      .then(() => {})
      .then(() => request.end(0, 0))
  })
  const peer = connectRaw(target)
  const chunks: Buffer[] = []
  peer.socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  peer.socket.write(get(1, true))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  expect(chunks.length).toBe(1)
})

test('breaking off: TCP resets, a unix socket ends with a record of version 0', async () => {
  const breakOff = (request: FastCgiRequest): void => {
    request.stdout.write(Buffer.from(`${HELLO}partial`))
    setImmediate(() => request.breakOff(1))
  }
  const tcp = connectRaw((await listenFor(breakOff, {}, '127.0.0.1:0')).target)
  tcp.socket.write(get(1, true))
  expect((await tcp.over).code).toBe('ECONNRESET')

  const unix = connectRaw((await listenFor(breakOff)).target)
  unix.socket.write(get(1, true))
  await unix.over
  expect(readRecords(unix.received())).toEqual({ stdout: Buffer.from(`${HELLO}partial`), ends: 0 })
  expect(unix.received().subarray(-8)).toEqual(Buffer.alloc(8))
})

test('a large output is whole before the record that breaks it off', async () => {
  const part = Buffer.alloc(100_000, 'z')
  const { target } = await listenFor((request) => {
    expect(request.stdout.write(part)).toBe(part.length)
    setImmediate(() => request.breakOff(1))
  })
  const peer = connectRaw(target)
  peer.socket.pause()
  peer.socket.write(get(1, true))
  setImmediate(() => setImmediate(() => peer.socket.resume()))
  await peer.over
  const bytes = peer.received()
  const { stdout } = readRecords(bytes)
  expect(stdout.equals(part)).toBe(true)
  expect(bytes.subarray(-8)).toEqual(Buffer.alloc(8))
})

test.each([
  { name: 'HTTP', bytes: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', hint: 'the peer speaks HTTP' },
  { name: 'TLS', bytes: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1', hint: 'the peer speaks TLS' },
])('$name on the port: closed at once, one line says so', async ({ bytes, hint }) => {
  const { target, logLines } = await listenFor(sayHello, {}, '127.0.0.1:0')
  const peer = connectRaw(target)
  peer.socket.write(Buffer.from(bytes, 'latin1'))
  await peer.over
  const warnings = logLines.filter(({ level }) => level >= 40)
  expect(warnings).toEqual([
    expect.objectContaining({ code: 'FASTCGI_BAD_VERSION', msg: expect.stringContaining(hint) }),
  ])
})

/** How peers go while a request is active, and over what. */
const GOING = [
  { name: 'a reset over TCP', address: '127.0.0.1:0', leave: 'resetAndDestroy' },
  { name: 'a close of a unix socket', address: undefined, leave: 'destroy' },
] as const
test.each(GOING)('$name aborts what is active and is no error', async ({ address, leave }) => {
  const { promise: aborted, resolve } = Promise.withResolvers<void>()
  const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>()
  const onRequest = (request: FastCgiRequest): void => {
    request.onAbort(() => {
      resolve()
      request.end(0, 1)
    })
    hasBegun()
  }
  const { listener, target, logLines } = await listenFor(onRequest, {}, address)
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await begun
  peer.socket[leave]()
  await aborted
  await listener.drained()
  expect(logLines.filter(({ level }) => level > 20)).toEqual([])
})

test.each(['127.0.0.1:0', undefined])(
  'a peer that half-closes behind its request gets the whole answer (%s)',
  async (address) => {
    const { promise: begun, resolve: hasBegun } = Promise.withResolvers<FastCgiRequest>()
    const { target } = await listenFor(hasBegun, {}, address)
    const peer = connectRaw(target)
    peer.socket.end(get(1, true))
    const request = await begun
    const answer = Buffer.concat([Buffer.from(HELLO), Buffer.alloc(300_000, 'x')])
    setTimeout(() => {
      writeAll(request, answer, () => request.end(0, 0))
    }, 50)
    expect(await peer.over).toEqual({ hasEnded: true, code: undefined })
    expect(readRecords(peer.received())).toEqual({ stdout: answer, ends: 1 })
  },
)

test('a peer that half-closes in the middle of its request is cut off', async () => {
  const { target } = await listenFor((request) => {
    request.stdout.write(Buffer.from(HELLO))
    request.onAbort(() => request.end(0, 0))
  })
  const peer = connectRaw(target)
  peer.socket.write(get(1, true).subarray(0, -8))
  await peer.until((bytes) => readRecords(bytes).stdout.length === HELLO.length)
  peer.socket.end()
  await peer.over
  expect(readRecords(peer.received())).toEqual({ stdout: Buffer.from(HELLO), ends: 0 })
  expect(peer.received().at(-8)).toBe(0)
})

test('a request that goes on without its peer can write for ever without holding memory', async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>()
  const { target } = await listenFor((request) => {
    request.onAbort(() => writeAll(request, Buffer.alloc(50_000_000), resolve))
    hasBegun()
  })
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await begun
  peer.socket.destroy()
  await promise
})

/** Writes all of `bytes`, waiting where that is necessary. */
function writeAll(request: FastCgiRequest, bytes: Buffer, done: () => void): void {
  const taken = request.stdout.write(bytes)
  if (taken === bytes.length) done()
  else request.stdout.onWritable(() => writeAll(request, bytes.subarray(taken), done))
}
