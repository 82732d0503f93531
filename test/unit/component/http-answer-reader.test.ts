/** Answers of other servers: whole, and byte by byte. */
import { expect, test } from 'vitest'
import {
  AnswerReader,
  MAX_ANSWER_HEAD_BYTES,
} from '../../../src/component/host/http-answer-reader.ts'

interface Case {
  readonly name: string
  readonly bytes: string
  /** What was asked is HEAD. */
  readonly isHead?: boolean
  /** Behind it the connection ends. */
  readonly ends?: boolean
  readonly status?: number
  readonly body?: string
  readonly problem?: string
  readonly isOver?: boolean
}

const OK = 'HTTP/1.1 200 OK\r\n'

const CASES: readonly Case[] = [
  {
    name: 'a length',
    bytes: `${OK}content-length: 3\r\n\r\nabc`,
    status: 200,
    body: 'abc',
    isOver: true,
  },
  {
    name: 'more than the length',
    bytes: `${OK}content-length: 1\r\n\r\nabc`,
    status: 200,
    body: 'a',
    isOver: true,
  },
  {
    name: 'no reason',
    bytes: 'HTTP/1.1 404\r\ncontent-length: 0\r\n\r\n',
    status: 404,
    body: '',
    isOver: true,
  },
  {
    name: 'chunks',
    bytes: `${OK}Transfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nt: u\r\n\r\n`,
    status: 200,
    body: 'abc0123456789',
    isOver: true,
  },
  {
    name: 'until the end',
    bytes: `${OK}\r\nabc`,
    ends: true,
    status: 200,
    body: 'abc',
    isOver: true,
  },
  {
    name: 'until the end, which has not come',
    bytes: `${OK}\r\nabc`,
    status: 200,
    body: 'abc',
    isOver: false,
  },
  {
    name: 'an answer to HEAD',
    bytes: `${OK}content-length: 3\r\n\r\n`,
    isHead: true,
    status: 200,
    body: '',
    isOver: true,
  },
  {
    name: 'none but a head',
    bytes: 'HTTP/1.1 204 No\r\n\r\n',
    status: 204,
    body: '',
    isOver: true,
  },
  {
    name: 'informational ones before it',
    bytes: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nlink: a\r\n\r\n${OK}content-length: 1\r\n\r\na`,
    status: 200,
    body: 'a',
    isOver: true,
  },
  {
    name: 'a length twice, the same',
    bytes: `${OK}content-length: 1\r\nContent-Length: 1\r\n\r\na`,
    status: 200,
    body: 'a',
    isOver: true,
  },
  {
    name: 'two lengths',
    bytes: `${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nab`,
    problem: 'HTTP-protocol-error',
  },
  { name: 'no length', bytes: `${OK}content-length: -1\r\n\r\n`, problem: 'HTTP-protocol-error' },
  {
    name: 'a length beside chunks',
    bytes: `${OK}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    problem: 'HTTP-response-transfer-coding',
  },
  {
    name: 'another coding',
    bytes: `${OK}transfer-encoding: gzip, chunked\r\n\r\n`,
    problem: 'HTTP-response-transfer-coding',
  },
  {
    name: 'a size of a chunk that is none',
    bytes: `${OK}transfer-encoding: chunked\r\n\r\nx\r\n`,
    status: 200,
    body: '',
    problem: 'HTTP-protocol-error',
  },
  {
    name: 'a chunk that is longer than it says',
    bytes: `${OK}transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n`,
    status: 200,
    body: 'a',
    problem: 'HTTP-protocol-error',
  },
  {
    name: 'a line that is too long',
    bytes: `${OK}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(2000)}\r\n`,
    status: 200,
    body: '',
    problem: 'HTTP-protocol-error',
  },
  {
    name: 'cut short in the head',
    bytes: 'HTTP/1.1 200 O',
    ends: true,
    problem: 'HTTP-response-incomplete',
  },
  { name: 'nothing at all', bytes: '', ends: true, problem: 'connection-terminated' },
  {
    name: 'cut short in the body',
    bytes: `${OK}content-length: 3\r\n\r\nab`,
    ends: true,
    status: 200,
    body: 'ab',
    problem: 'HTTP-response-incomplete',
  },
  {
    name: 'cut short in a chunk',
    bytes: `${OK}transfer-encoding: chunked\r\n\r\n3\r\nab`,
    ends: true,
    status: 200,
    body: 'ab',
    problem: 'HTTP-response-incomplete',
  },
  { name: 'no HTTP', bytes: 'SSH-2.0-x\r\n\r\n', problem: 'HTTP-protocol-error' },
  { name: 'a folded field', bytes: `${OK}a: b\r\n c\r\n\r\n`, problem: 'HTTP-protocol-error' },
  { name: 'a space before the colon', bytes: `${OK}a : b\r\n\r\n`, problem: 'HTTP-protocol-error' },
  { name: 'a NUL in a value', bytes: `${OK}a: b\0c\r\n\r\n`, problem: 'HTTP-protocol-error' },
  {
    name: 'another protocol',
    bytes: 'HTTP/1.1 101 Switching\r\n\r\n',
    problem: 'HTTP-upgrade-failed',
  },
  {
    name: 'a head that is too long',
    bytes: `${OK}a: ${'x'.repeat(MAX_ANSWER_HEAD_BYTES)}`,
    problem: 'HTTP-response-header-section-size',
  },
  {
    name: 'too many fields',
    bytes: `${OK}${'a: b\r\n'.repeat(1001)}\r\n`,
    problem: 'HTTP-protocol-error',
  },
]

function read(
  { bytes, isHead = false, ends = false }: Case,
  step: number,
): AnswerReader & { text?: string } {
  const reader: AnswerReader & { text?: string } = new AnswerReader(isHead)
  const all = Buffer.from(bytes, 'latin1')
  let text = ''
  const take = (): void => {
    for (;;) {
      if (reader.head === undefined || reader.isOver || reader.problem !== undefined) return
      const part = reader.take(7)
      if (part.length === 0) return
      text += Buffer.from(part).toString('latin1')
    }
  }
  for (let at = 0; at < all.length && reader.problem === undefined; at += step) {
    reader.feed(all.subarray(at, at + step))
    take()
  }
  if (ends) reader.end()
  take()
  reader.text = text
  return reader
}

test.each(CASES)('$name', (one) => {
  const steps =
    one.bytes.length > 10_000 ? [one.bytes.length, 4099] : [one.bytes.length, 1, 2, 3, 5]
  for (const step of steps) {
    const reader = read(one, Math.max(1, step))
    expect(reader.problem?.tag, `by ${step}`).toBe(one.problem)
    expect(reader.head?.status, `by ${step}`).toBe(one.status)
    if (one.body !== undefined) expect(reader.text, `by ${step}`).toBe(one.body)
    if (one.isOver !== undefined) expect(reader.isOver, `by ${step}`).toBe(one.isOver)
  }
})

test("what is between a connection's two ends is not told", () => {
  const reader = new AnswerReader(false)
  reader.feed(
    Buffer.from(
      `${OK}Connection: close\r\nX-A: \xe4 \r\nKeep-Alive: x\r\ncontent-length: 0\r\n\r\n`,
      'latin1',
    ),
  )
  const told = reader.head?.fields.map(([name, value]) => [
    name,
    Buffer.from(value).toString('latin1'),
  ])
  expect(told).toEqual([
    ['x-a', '\xe4'],
    ['content-length', '0'],
  ])
})
