/** Records, management, begin and end, PARAMS: the letters and numbers are the rows of the conformance list. */
import { expect, test } from 'vitest'
import type { FastCgiRequest } from '../../../src/fastcgi/request.ts'
import { hex, join, text } from '../../support/fastcgi/hex.ts'
import { begin, describe, record } from '../../support/fastcgi/records.ts'
import { peer, readAll } from '../../support/fastcgi/server-peer.ts'

const NONE = new Uint8Array(0)
const ANSWER = hex("'Status: 200 OK' 0d0a0d0a 'hi'")

/** BEGIN, PARAMS with padding and cut inside a pair, STDIN, all written by hand; KEEP_CONN. */
const POST = hex(`
  01 01 0001 0008 00 00  0001 01 0000000000
  01 04 0001 0009 07 00  0b 80000004 'REQU'  01040001000001
  01 04 0001 000b 05 00  'EST_URI' '/abc'  0105000100
  01 04 0001 0000 08 00  0106000100000000
  01 05 0001 0003 05 00  'one'  0000000000
  01 05 0001 0003 00 00  'two'
  01 05 0001 0000 ff 00  ${'01'.repeat(255)}
  01 09 0000 0011 00 00  0f 00 'FCGI_MPXS_CONNS'
`)

function echo(request: FastCgiRequest): void {
  const body: Uint8Array[] = []
  const pump = () => {
    const { bytes, ended } = readAll(request.stdin)
    body.push(bytes)
    if (!ended) {
      request.stdin.onReadable(pump)
      return
    }
    request.stdout.write(hex("'Status: 200' 0d0a0d0a"))
    request.stdout.write(join(body))
    request.end(0, 7)
  }
  pump()
}

function answer(request: FastCgiRequest): void {
  request.stdout.write(ANSWER)
  request.stdout.end()
  request.end(0, 0)
}

const ANSWERED = (id: number) => [
  `6:${id} ${JSON.stringify(text(ANSWER))}`,
  `6:${id} ""`,
  `3:${id} "\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"`,
]

function ask(id: number, options?: { role?: number; flags?: number }): Uint8Array {
  return join([
    begin(id, options),
    record(4, id, hex("01 01 'A' '1'")),
    record(4, id),
    record(5, id),
  ])
}

const ECHOED = hex(`
  01 06 0001 0015 03 00  'Status: 200' 0d0a0d0a 'onetwo' 000000
  01 06 0001 0000 00 00
  01 03 0001 0008 00 00  00000007 00 000000
`)
const MPXS_ANSWER = hex(`01 0a 0000 0012 06 00  0f 01 'FCGI_MPXS_CONNS' '1' 000000000000`)

test('R3 R4 P2: a request is the same whole, byte by byte, and cut at every offset', () => {
  const run = (pieces: readonly Uint8Array[]) => {
    const server = peer({ onRequest: echo })
    server.send(...pieces)
    const out = join(server.connection.takeOutput())
    expect(server.closed).toEqual([])
    expect(server.params[0]).toEqual([['REQUEST_URI', '/abc']])
    expect(out).toEqual(join([ECHOED, MPXS_ANSWER]))
  }
  run([POST])
  run(Array.from(POST, (byte) => Uint8Array.of(byte)))
  for (let at = 1; at < POST.length; at++) run([POST.subarray(0, at), POST.subarray(at)])
})

test('a response written in one go is one buffer with END_REQUEST last', () => {
  const server = peer({ onRequest: answer })
  server.send(ask(1))
  const parts = server.connection.takeOutput()
  expect(parts.length).toBe(1)
  expect(parts[0]?.subarray(-16)).toEqual(hex('01 03 0001 0008 00 00 00000000 00 000000'))
  expect(server.told.output).toBe(1)
})

test.each([0, 2, 255, 0x47, 0x16])('R2 R12: first byte %i closes at once', (version) => {
  const server = peer()
  server.send(Uint8Array.of(version))
  expect(server.closed).toEqual(['break FASTCGI_BAD_VERSION'])
  expect(server.connection.wantsInput).toBe(false)
})

test.each([1, 255, 256, 65_535])('R8: id %i is answered with the same id', (id) => {
  const server = peer({ onRequest: answer })
  server.send(ask(id))
  expect(describe(server.flush())).toEqual(ANSWERED(id))
})

test.each([1, 2, 3, 4, 5, 6, 7, 8, 10, 11])('R9: type %i with id 0 is a protocol error', (type) => {
  const server = peer()
  server.send(record(type, 0, new Uint8Array(8)))
  expect(server.closed).toEqual(['break FASTCGI_BAD_RECORD'])
})

test.each([3, 6, 7, 10, 11])('type %i for a request is what only we may send', (type) => {
  const server = peer()
  server.send(begin(1), record(type, 1, new Uint8Array(8)))
  expect(server.closed).toEqual(['break FASTCGI_BAD_RECORD'])
})

test('R10: records for inactive ids are ignored', () => {
  const server = peer({ onRequest: answer })
  server.send(
    record(5, 1, hex("'x'")),
    record(4, 1),
    record(8, 1),
    record(2, 1),
    record(5, 1),
    ask(1),
  )
  expect(server.closed).toEqual([])
  expect(describe(server.flush())).toEqual(ANSWERED(1))
})

test('R11: BEGIN for an active id is a protocol error', () => {
  const aborted: string[] = []
  const server = peer({ onRequest: (request) => request.onAbort(() => aborted.push('aborted')) })
  server.send(ask(1), begin(1))
  expect(server.closed).toEqual(['break FASTCGI_DUPLICATE_ID'])
  expect(aborted).toEqual(['aborted'])
  server.requests[0]?.end(0, 0)
  expect(server.flush()).toEqual([])
})

test('G1 G3 G6: GET_VALUES answers the known names it was asked for', () => {
  const server = peer({ multiplex: false })
  server.send(
    record(
      9,
      0,
      hex("0e 00 'FCGI_MAX_CONNS' 0f 00 'FCGI_MPXS_CONNS' 0d 00 'FCGI_MAX_REQS' 03 00 'FOO'"),
      3,
    ),
  )
  expect(describe(server.flush())).toEqual([
    `10:0 ${JSON.stringify('\x0e\x03FCGI_MAX_CONNS512\x0d\x02FCGI_MAX_REQS64\x0f\x01FCGI_MPXS_CONNS0')}`,
  ])
  server.send(record(9, 0, hex("0d 00 'FCGI_MAX_REQS' 0d 00 'FCGI_MAX_REQS'")))
  expect(describe(server.flush())).toEqual([`10:0 ${JSON.stringify('\x0d\x02FCGI_MAX_REQS64')}`])
})

test('G2: unknown names and no names give one empty answer each', () => {
  const server = peer()
  server.send(record(9, 0, hex("03 00 'FOO'")), record(9, 0))
  expect(describe(server.flush())).toEqual(['10:0 ""', '10:0 ""'])
})

test('G4 G5: management records in the middle of a request leave it alone', () => {
  const server = peer({ onRequest: echo })
  const question = record(9, 0, hex("0d 00 'FCGI_MAX_REQS'"))
  server.send(
    begin(1),
    question,
    record(4, 1),
    question,
    record(5, 1, hex("'abc'")),
    question,
    record(5, 1),
  )
  const sent = server.flush()
  expect(sent.filter(({ type }) => type === 10).length).toBe(3)
  expect(describe(sent.filter(({ type }) => type === 6))[0]).toContain('abc')
})

test('G7: an unknown management type is answered, for every one there is', () => {
  const server = peer({ onRequest: answer })
  for (let type = 12; type < 256; type++) server.send(record(type, 0, hex('aabb'), 6))
  server.send(record(0, 0))
  const types = [...Array.from({ length: 244 }, (_, index) => index + 12), 0]
  expect(server.flush()).toEqual(
    types.map((type) => ({
      type: 11,
      id: 0,
      content: new Uint8Array(8).with(0, type),
      padding: 0,
    })),
  )
  server.send(ask(1))
  expect(describe(server.flush())).toEqual(ANSWERED(1))
})

test('G8: unknown application types are ignored in every state', () => {
  const server = peer({ onRequest: echo })
  const unknown = Array.from({ length: 244 }, (_, index) => record(index + 12, 1, hex("'?'")))
  server.send(...unknown, begin(1), ...unknown, record(4, 1), ...unknown)
  server.send(record(5, 1, hex("'abc'")), ...unknown, record(5, 1))
  expect(server.closed).toEqual([])
  expect(describe(server.flush()).length).toBe(3)
})

test.each([0, 7, 9])('B1: BEGIN of %i bytes is a protocol error', (length) => {
  const server = peer()
  server.send(record(1, 1, new Uint8Array(length)))
  expect(server.closed).toEqual(['break FASTCGI_BAD_LENGTH'])
})

test('B3: an Authorizer needs no STDIN', () => {
  const server = peer({ onRequest: echo })
  server.send(begin(1, { role: 2 }), record(4, 1))
  expect(server.requests[0]?.role).toBe(2)
  expect(server.flush().at(-1)?.type).toBe(3)
})

test('B4: a Filter gets STDIN and DATA', () => {
  const server = peer()
  server.send(begin(1, { role: 3 }), record(4, 1), record(5, 1, hex("'in'")), record(5, 1))
  server.send(record(8, 1, hex("'file'")))
  const [request] = server.requests
  if (request === undefined) throw new Error('no request')
  expect(readAll(request.stdin)).toEqual({ bytes: hex("'in'"), ended: true })
  expect(readAll(request.data)).toEqual({ bytes: hex("'file'"), ended: false })
  server.send(record(8, 1))
  expect(readAll(request.data).ended).toBe(true)
})

test('DATA of a Responder is ended from the start, and what comes is ignored', () => {
  const server = peer()
  server.send(begin(1), record(4, 1), record(8, 1, hex("'x'")), record(8, 1))
  expect(server.requests[0]?.data.read(9)).toBeUndefined()
  expect(server.closed).toEqual([])
})

test.each([0, 4, 9, 256, 65_535])(
  'B5: role %i gets a response, UNKNOWN_ROLE, and the connection stays',
  (role) => {
    const server = peer({ onRequest: answer })
    server.send(ask(1, { role }))
    const sent = server.flush()
    expect(text(sent[0]?.content ?? NONE)).toMatch(/^Status: 501 /)
    expect(describe(sent.slice(1))).toEqual([
      '6:1 ""',
      '3:1 "\\u0000\\u0000\\u0000\\u0001\\u0003\\u0000\\u0000\\u0000"',
    ])
    expect(server.closed).toEqual([])
    server.send(ask(1))
    expect(describe(server.flush())).toEqual(ANSWERED(1))
  },
)

test('B5: without KEEP_CONN it is closed', () => {
  const server = peer()
  server.send(begin(1, { role: 9, flags: 0 }))
  expect(server.closed).toEqual(['graceful'])
  expect(server.flush().at(-1)?.type).toBe(3)
})

test('B6: unknown flag bits are ignored', () => {
  const server = peer({ onRequest: answer })
  server.send(ask(1, { flags: 0xff }), ask(1, { flags: 0xfe }))
  expect(server.requests.map(({ keepConnection }) => keepConnection)).toEqual([true, false])
})

test('B7 B8 B10: one END_REQUEST, behind the empty STDOUT; nothing behind it', () => {
  const server = peer({
    onRequest(request) {
      request.end(0, 0)
      request.stdout.write(hex("'late'"))
      request.stdout.end()
      request.stderr.write(hex("'late'"))
      request.end(0, 1)
      request.breakOff(1)
    },
  })
  server.send(ask(1))
  expect(server.flush().map(({ type }) => type)).toEqual([6, 3])
  expect(server.closed).toEqual([])
})

test('B9: STDERR is data and an empty record, or nothing', () => {
  const server = peer({
    onRequest(request) {
      if (request.id === 1) request.stderr.write(hex("'oops'"))
      request.stderr.end()
      request.end(0, 0)
    },
  })
  server.send(ask(1))
  expect(describe(server.flush()).slice(0, 3)).toEqual(['7:1 "oops"', '7:1 ""', '6:1 ""'])
  server.send(ask(2))
  expect(server.flush().map(({ type }) => type)).toEqual([6, 3])
})

test('records of STDERR are at most 4,088 bytes long, those of STDOUT are larger', () => {
  const server = peer({
    onRequest(request) {
      request.stderr.write(new Uint8Array(20_000))
      request.stdout.write(new Uint8Array(20_000))
    },
  })
  server.send(ask(1))
  const sent = server.flush()
  const sizes = (type: number) =>
    sent.filter((one) => one.type === type).map(({ content }) => content.length)
  expect(Math.max(...sizes(7))).toBe(4088)
  expect(sizes(7).reduce((sum, size) => sum + size, 0)).toBe(20_000)
  expect(Math.max(...sizes(6))).toBeGreaterThan(4088)
})

test('B11: appStatus is 32 bits', () => {
  const server = peer({ onRequest: (request) => request.end(0, 0xfedcba98) })
  server.send(ask(1))
  expect(server.flush().at(-1)?.content).toEqual(hex('fedcba98 00 000000'))
})

test.each(["ff ff ff ff ff ff ff ff 'A'", "0a 0a 'A'", '01', '80 00 00'])(
  'P3 P4: params %s are a protocol error',
  (bad) => {
    const server = peer()
    server.send(begin(1), record(4, 1, hex(bad)), record(4, 1))
    expect(server.closed).toEqual(['break FASTCGI_BAD_PARAMS'])
    expect(server.requests).toEqual([])
    expect(server.connection.bufferedBytes).toBe(0)
  },
)

test('P5: params over the cap are told at once and can be answered before they end', () => {
  const server = peer({ limits: { paramsBytes: 10 }, onBadRequest: answer })
  server.send(begin(1), record(4, 1, hex("01 01 'A' '1'")), record(4, 1, new Uint8Array(7)))
  expect(server.bad.map(({ code }) => code)).toEqual(['FASTCGI_PARAMS_TOO_LARGE'])
  expect(server.params[0]).toEqual([['A', '1']])
  expect(describe(server.flush())).toEqual(ANSWERED(1))
  server.send(record(4, 1, new Uint8Array(5000)), record(4, 1), record(5, 1), begin(1))
  server.send(record(4, 1, hex("01 01 'B' '2'")), record(4, 1))
  expect(server.params[1]).toEqual([['B', '2']])
  expect(server.closed).toEqual([])
})

test('P5: a request over the cap that is answered late takes the rest of its records', () => {
  const server = peer({ limits: { paramsBytes: 3 } })
  server.send(begin(1), record(4, 1, new Uint8Array(9)), record(4, 1, new Uint8Array(9)))
  expect(server.connection.waitingFor).toBe('params')
  server.send(record(4, 1), record(5, 1, hex("'in'")))
  expect(server.connection.waitingFor).toBe('stdin')
  server.send(record(5, 1))
  expect(server.connection.waitingFor).toBe('nothing')
  expect(server.bad.length).toBe(1)
})

test('P5: too many pairs are told when PARAMS ends', () => {
  const server = peer({ limits: { paramsPairs: 1 } })
  server.send(begin(1), record(4, 1, hex("01 00 'A' 01 00 'B'")))
  expect(server.bad).toEqual([])
  server.send(record(4, 1))
  expect(server.bad.map(({ code }) => code)).toEqual(['FASTCGI_PARAMS_TOO_LARGE'])
  expect(server.params[0]).toEqual([['A', '']])
})

test('P10: no params at all is the gateway’s business', () => {
  const server = peer()
  server.send(begin(1), record(4, 1))
  expect(server.params).toEqual([[]])
})

test('PARAMS and STDIN behind their ends are ignored', () => {
  const server = peer({ onRequest: echo })
  server.send(begin(1), record(4, 1), record(4, 1, hex("01 01 'A' '1'")), record(4, 1))
  server.send(record(5, 1, hex("'abc'")), record(5, 1), record(5, 1, hex("'late'")), record(5, 1))
  expect(server.requests.length).toBe(1)
  expect(server.flush()[0]?.content).toEqual(hex("'Status: 200' 0d0a0d0a 'abc'"))
})
