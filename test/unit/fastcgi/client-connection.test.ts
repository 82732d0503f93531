import { expect, test } from 'vitest'
import {
  ClientConnection,
  type ClientLimits,
  DEFAULT_CLIENT_LIMITS,
} from '../../../src/fastcgi/client-connection.ts'
import type { FastCgiErrorCode } from '../../../src/fastcgi/errors.ts'
import { hex, join } from '../../support/fastcgi/hex.ts'
import { describe, record, splitRecords } from '../../support/fastcgi/records.ts'
import { peer, readAll } from '../../support/fastcgi/server-peer.ts'

function connect(limits: Partial<ClientLimits> = {}) {
  const closed: FastCgiErrorCode[] = []
  const told = { output: 0, inputWanted: 0 }
  const client = new ClientConnection(
    {
      onOutput: () => {
        told.output++
      },
      onInputWanted: () => {
        told.inputWanted++
      },
      onClose: ({ code }) => {
        closed.push(code)
      },
    },
    { ...DEFAULT_CLIENT_LIMITS, ...limits },
  )
  const flush = () => {
    const bytes = join(client.takeOutput())
    client.outputWritten(bytes.length)
    return bytes
  }
  return { client, closed, told, flush }
}

const END = record(3, 1, hex('00000007 00 000000'))

test('a request is BEGIN, PARAMS, STDIN, all ended', () => {
  const { client, told, flush } = connect()
  const request = client.begin({ keepConnection: true, params: [['A', 'bc']] })
  expect(request.stdin.write(hex("'body'"))).toBe(4)
  request.stdin.end()
  expect(told.output).toBe(1)
  expect(flush()).toEqual(
    hex(`01 01 0001 0008 00 00  0001 01 0000000000
         01 04 0001 0005 03 00  01 02 'A' 'bc' 000000
         01 04 0001 0000 00 00
         01 05 0001 0004 04 00  'body' 00000000
         01 05 0001 0000 00 00`),
  )
})

test('a Filter without a file still ends DATA; role and flags are sent', () => {
  const { client, flush } = connect()
  const request = client.begin({ role: 3, keepConnection: false, params: [] })
  request.stdin.end()
  request.data.end()
  expect(describe(splitRecords(flush()))).toEqual([
    '1:1 "\\u0000\\u0003\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000"',
    '4:1 ""',
    '5:1 ""',
    '8:1 ""',
  ])
})

test('large params are cut into records', () => {
  const { client, flush } = connect()
  client.begin({ keepConnection: true, params: [['A', 'x'.repeat(100_000)]] })
  const params = splitRecords(flush()).filter(({ type }) => type === 4)
  expect(params.length).toBe(5)
  expect(join(params.map(({ content }) => content))).toEqual(
    hex(`01 800186a0 'A' '${'x'.repeat(100_000)}'`),
  )
})

test('an answer is the same byte by byte', () => {
  const answer = join([
    record(6, 1, hex("'out'"), 5),
    record(7, 1, hex("'err'"), 255),
    record(6, 1, hex("'put'")),
    record(7, 1),
    record(6, 1),
    END,
  ])
  for (const size of [1, 2, 7, 8, 9, 1000]) {
    const { client } = connect()
    const request = client.begin({ keepConnection: true, params: [] })
    const ends: unknown[] = []
    request.onEnd((...end) => ends.push(end))
    for (let at = 0; at < answer.length; at += size) client.receive(answer.slice(at, at + size))
    expect(readAll(request.stdout)).toEqual({ bytes: hex("'output'"), ended: true })
    expect(readAll(request.stderr)).toEqual({ bytes: hex("'err'"), ended: true })
    expect(ends).toEqual([[0, 7]])
    expect(client.activeRequests).toBe(0)
  }
})

test('onEnd after the end calls at once; an unknown status counts as a refusal', () => {
  const { client } = connect()
  const request = client.begin({ keepConnection: true, params: [] })
  client.receive(record(3, 1, hex('00000000 63 000000')))
  const ends: unknown[] = []
  request.onEnd((...end) => ends.push(end))
  expect(ends).toEqual([[2, 0]])
  expect(request.stdin.write(hex("'late'"))).toBe(4)
})

test('ids: 1 where it is free, others next to it', () => {
  const { client } = connect()
  const ids = [1, 2, 3].map(() => client.begin({ keepConnection: true, params: [] }).id)
  expect(new Set(ids).size).toBe(3)
  expect(ids[0]).toBe(1)
  client.receive(END)
  expect(client.begin({ keepConnection: true, params: [] }).id).toBe(1)
})

test('abort is sent once, and STDIN no more', () => {
  const { client, flush } = connect()
  const request = client.begin({ keepConnection: true, params: [] })
  flush()
  request.abort()
  request.abort()
  expect(request.stdin.write(hex("'x'"))).toBe(1)
  expect(flush()).toEqual(hex('01 02 0001 0000 00 00'))
})

test('STDIN waits for the socket', () => {
  const { client, flush } = connect({ outputBufferBytes: 10 })
  const request = client.begin({ keepConnection: true, params: [] })
  let woken = 0
  expect(request.stdin.write(new Uint8Array(20))).toBe(10)
  expect(request.stdin.write(new Uint8Array(1))).toBe(0)
  request.stdin.onWritable(() => woken++)
  flush()
  expect(woken).toBe(1)
})

test('unread STDOUT stops the reading of a single request, and of several at their common limit', () => {
  const { client, told } = connect({ inputBufferBytes: 100, totalInputBytes: 200 })
  const first = client.begin({ keepConnection: true, params: [] })
  client.receive(record(6, 1, new Uint8Array(100)))
  expect(client.wantsInput).toBe(false)
  first.stdout.read(1)
  expect([client.wantsInput, told.inputWanted]).toEqual([true, 1])
  client.begin({ keepConnection: true, params: [] })
  client.receive(record(6, 1, new Uint8Array(100)))
  expect(client.wantsInput).toBe(true)
  client.receive(record(6, 1, new Uint8Array(1)))
  expect(client.wantsInput).toBe(false)
})

test('getValues is answered in order; UNKNOWN_TYPE and a lost connection give nothing', () => {
  const { client, flush } = connect()
  const answers: unknown[] = []
  for (let times = 0; times < 3; times++) {
    client.getValues(['FCGI_MAX_REQS'], (values) => answers.push([...values]))
  }
  expect(flush().subarray(0, 24)).toEqual(hex("01 09 0000 000f 01 00 0d 00 'FCGI_MAX_REQS' 00"))
  client.receive(record(10, 0, hex("0d 02 'FCGI_MAX_REQS' '64'")))
  client.receive(record(11, 0, hex('09 00000000000000')))
  client.inputEnded()
  expect(answers).toEqual([[['FCGI_MAX_REQS', '64']], [], []])
})

test('the end of the connection ends requests with an error, and wakes their readers', () => {
  const { client, closed } = connect()
  const request = client.begin({ keepConnection: true, params: [] })
  const ends: unknown[] = []
  let woken = 0
  client.receive(record(6, 1, hex("'half'")))
  readAll(request.stdout)
  request.stdout.onReadable(() => woken++)
  request.onEnd((_status, _appStatus, error) => ends.push(error?.code))
  client.inputEnded()
  expect([ends, woken, closed]).toEqual([['FASTCGI_CONNECTION_LOST'], 1, []])
  expect(() => client.begin({ keepConnection: true, params: [] })).toThrow(
    expect.objectContaining({ code: 'FASTCGI_CONNECTION_LOST' }),
  )
})

const BROKEN = [
  { name: 'version 0', bytes: hex('00'), code: 'FASTCGI_BAD_VERSION' },
  {
    name: 'END_REQUEST of 4 bytes',
    bytes: record(3, 1, new Uint8Array(4)),
    code: 'FASTCGI_BAD_LENGTH',
  },
  { name: 'STDIN from an application', bytes: record(5, 1), code: 'FASTCGI_BAD_RECORD' },
]

test.each(BROKEN)('$name closes and ends requests', ({ bytes, code }) => {
  const { client, closed } = connect()
  const ends: unknown[] = []
  client
    .begin({ keepConnection: true, params: [] })
    .onEnd((_s, _a, error) => ends.push(error?.code))
  client.receive(bytes)
  expect([closed, ends]).toEqual([[code], [code]])
})

test('client and server: several large requests at once, with small buffers and small pieces', () => {
  const { client } = connect({ inputBufferBytes: 5000, outputBufferBytes: 3000 })
  const server = peer({
    limits: { stdinBufferBytes: 4000, outputBufferBytes: 2000 },
    onRequest(request) {
      let held = new Uint8Array(0)
      const pump = () => {
        while (true) {
          if (held.length === 0) {
            const next = request.stdin.read(1500)
            if (next === undefined) return request.end(0, request.id)
            if (next.length === 0) return request.stdin.onReadable(pump)
            held = new Uint8Array(next)
          }
          const count = request.stdout.write(held)
          held = held.slice(count)
          if (count === 0) return request.stdout.onWritable(pump)
        }
      }
      pump()
    },
  })
  const SIZE = 100_000
  const results: { id: number; bytes: number; ended: unknown }[] = []
  for (let turn = 0; turn < 5; turn++) {
    const request = client.begin({ keepConnection: true, params: [['N', String(turn)]] })
    const result = { id: request.id, bytes: 0, ended: undefined as unknown }
    results.push(result)
    request.onEnd((...end) => {
      result.ended = end
    })
    let sent = 0
    const send = () => {
      while (sent < SIZE) {
        const count = request.stdin.write(new Uint8Array(Math.min(SIZE - sent, 7000)).fill(turn))
        if (count === 0) return request.stdin.onWritable(send)
        sent += count
      }
      request.stdin.end()
    }
    const receive = () => {
      for (
        let part = request.stdout.read(999);
        part !== undefined;
        part = request.stdout.read(999)
      ) {
        if (part.length === 0) return request.stdout.onReadable(receive)
        expect(part.every((byte) => byte === turn)).toBe(true)
        result.bytes += part.length
      }
    }
    send()
    receive()
  }
  for (let round = 0; round < 10_000 && client.activeRequests > 0; round++) {
    if (server.connection.wantsInput) {
      for (const part of client.takeOutput()) {
        server.connection.receive(part.slice())
        client.outputWritten(part.length)
      }
    }
    if (client.wantsInput) {
      for (const part of server.connection.takeOutput()) {
        client.receive(part.slice())
        server.connection.outputWritten(part.length)
      }
    }
  }
  expect(results).toEqual(results.map(({ id }) => ({ id, bytes: SIZE, ended: [0, id] })))
  expect([client.bufferedBytes, server.connection.bufferedBytes]).toEqual([0, 0])
})
