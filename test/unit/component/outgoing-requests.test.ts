/** Requests that a component sends: what a peer gets to see of them, and what it cannot make of them. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { beforeEach, expect, test } from 'vitest'
import { type Case, caseOf, NONE, some, type Value } from '../../../src/component/value.ts'
import { beginOutbound, type OutboundRun } from '../../support/component-outbound.ts'
import { callOrWait, ok } from '../../support/host-function-call.ts'

const HTTP = 'wasi:http/types'
const STREAMS = 'wasi:io/streams'
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'

let run: OutboundRun

/** Begins a run of a guest that may ask the peer. */
async function begin(serve: (socket: Socket) => void): Promise<void> {
  run = await beginOutbound(serve)
}

/** Answers as soon as a head has come, and again for each further one. */
const answering = (socket: Socket): void => void socket.on('data', () => socket.write(ANSWER))

beforeEach(() => begin(answering))

const call = (from: string, name: string, ...values: Value[]): Value | Promise<Value> =>
  callOrWait(run.host, { from, name }, values)

interface Wanted {
  readonly method?: Case
  readonly fields?: ReadonlyArray<readonly [string, string]>
  readonly path?: string
}

/** A request for the peer. */
function make({ method = caseOf('get'), fields = [], path = '/a' }: Wanted = {}): Value {
  const list = fields.map(([name, value]) => [name, Buffer.from(value)])
  const made = ok(call(HTTP, '[static]fields.from-list', list))
  const request = call(HTTP, '[constructor]outgoing-request', made) as Value
  ok(call(HTTP, '[method]outgoing-request.set-method', request, method))
  ok(call(HTTP, '[method]outgoing-request.set-scheme', request, some(caseOf('HTTP'))))
  ok(call(HTTP, '[method]outgoing-request.set-authority', request, some(`127.0.0.1:${run.port}`)))
  ok(call(HTTP, '[method]outgoing-request.set-path-with-query', request, some(path)))
  return request
}

const send = (request: Value, options: Case = NONE): Case =>
  call('wasi:http/outgoing-handler', 'handle', request, options) as Case

const bodyOf = (request: Value): readonly [body: Value, stream: Value] => {
  const body = ok(call(HTTP, '[method]outgoing-request.body', request))
  return [body, ok(call(HTTP, '[method]outgoing-body.write', body))]
}

/** Once it takes something. */
async function write(stream: Value, text: string): Promise<Case> {
  const pollable = call(STREAMS, '[method]output-stream.subscribe', stream) as Value
  await call('wasi:io/poll', '[method]pollable.block', pollable)
  return (await call(STREAMS, '[method]output-stream.write', stream, Buffer.from(text))) as Case
}

/** The answer to it: a response, or the code of an error. */
async function outcome(future: Value): Promise<Case> {
  const pollable = call(HTTP, '[method]future-incoming-response.subscribe', future) as Value
  await call('wasi:io/poll', '[method]pollable.block', pollable)
  const found = call(HTTP, '[method]future-incoming-response.get', future) as Case
  return ok(found.value as Case) as Case
}

async function textOf(response: Value): Promise<string> {
  const body = ok(call(HTTP, '[method]incoming-response.consume', response))
  const stream = ok(call(HTTP, '[method]incoming-body.stream', body))
  let text = ''
  for (;;) {
    const part = (await call(STREAMS, '[method]input-stream.blocking-read', stream, 100n)) as Case
    if (part.tag === 'err') return `${text} ${(part.value as Case).tag}`
    text += Buffer.from(part.value as Uint8Array).toString()
  }
}

test('one without a body', async () => {
  const future = ok(send(make({ fields: [['X-A', 'b']], path: '?q' })))
  const response = ok(await outcome(future))
  assert.equal(await textOf(response), 'hi closed')
  assert.equal(
    run.sent,
    `GET /?q HTTP/1.1\r\nhost: 127.0.0.1:${run.port}\r\nx-a: b\r\nte: trailers\r\nconnection: close, te\r\n\r\n`,
  )
  assert.deepEqual(call(HTTP, '[method]future-incoming-response.get', future), some(caseOf('err')))
})

test('a body in chunks, begun before it is sent', async () => {
  const request = make({ method: caseOf('post') })
  const [body, stream] = bodyOf(request)
  ok(await write(stream, 'abc'))
  const future = ok(send(request))
  ok(await write(stream, '0123456789'))
  ok(call(HTTP, '[static]outgoing-body.finish', body, NONE))
  ok(await outcome(future))
  await call(STREAMS, '[method]output-stream.blocking-flush', stream)
  const [head, rest] = run.sent.split('\r\n\r\n', 2)
  assert.match(head ?? '', /^POST .*transfer-encoding: chunked/s)
  assert.match(`${rest}\r\n\r\n`, /^3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n$/)
})

test('a body with a length', async () => {
  const request = make({ method: caseOf('post'), fields: [['content-length', '3']] })
  const [body, stream] = bodyOf(request)
  const future = ok(send(request))
  ok(await write(stream, 'abc'))
  ok(call(HTTP, '[static]outgoing-body.finish', body, NONE))
  ok(await outcome(future))
  assert.match(run.sent, /content-length: 3\r\nte: trailers\r\nconnection: close, te\r\n\r\nabc$/)
})

test('no second request behind a body that is longer than it says', async () => {
  const request = make({ method: caseOf('post'), fields: [['content-length', '3']] })
  const [, stream] = bodyOf(request)
  const future = ok(send(request))
  const { tag } = await write(stream, 'abcDELETE / HTTP/1.1\r\n\r\n')
  assert.equal(tag, 'err')
  assert.equal(((await outcome(future)).value as Case).tag, 'HTTP-request-body-size')
  await run.hasClosed
  assert.doesNotMatch(run.sent, /DELETE/)
})

test('a body that is shorter than it says is broken off', async () => {
  const request = make({ method: caseOf('post'), fields: [['content-length', '9']] })
  const [body, stream] = bodyOf(request)
  ok(await write(stream, 'abc'))
  const future = ok(send(request))
  const finished = call(HTTP, '[static]outgoing-body.finish', body, NONE) as Case
  assert.deepEqual(finished.value, caseOf('HTTP-request-body-size', some(3n)))
  assert.equal((await outcome(future)).tag, 'err')
})

const fieldsOf = (entries: ReadonlyArray<readonly [string, string]>): Value =>
  ok(
    call(
      HTTP,
      '[static]fields.from-list',
      entries.map(([name, value]) => [name, Buffer.from(value)]),
    ),
  )

test.each(['before it is sent', 'afterwards'])('trailers behind a body, given %s', async (when) => {
  for (const text of ['abc', '']) {
    await begin(answering)
    const request = make({ method: caseOf('post') })
    const [body, stream] = bodyOf(request)
    if (text !== '') ok(await write(stream, text))
    const trailers = some(fieldsOf([['X-Sum', '1']]))
    const finish = (): Value =>
      ok(call(HTTP, '[static]outgoing-body.finish', body, trailers) as Case)
    if (when === 'before it is sent') finish()
    const future = ok(send(request))
    if (when === 'afterwards') finish()
    ok(await outcome(future))
    await call(STREAMS, '[method]output-stream.blocking-flush', stream)
    const chunk = text === '' ? '' : '3\r\nabc\r\n'
    assert.ok(run.sent.endsWith(`\r\n\r\n${chunk}0\r\nx-sum: 1\r\n\r\n`), run.sent)
  }
})

test('no trailers that say what has to be known before, or behind a body that has a length', () => {
  const finish = (fields: NonNullable<Wanted['fields']>, trailer: string): Value => {
    const request = make({ method: caseOf('post'), fields })
    const [body] = bodyOf(request)
    const given = some(fieldsOf([[trailer, '0']]))
    const answer = call(HTTP, '[static]outgoing-body.finish', body, given) as Case
    return answer.tag === 'ok' ? 'ok' : answer.value
  }
  const refused = caseOf('HTTP-protocol-error')
  for (const name of ['Content-Length', 'host', 'content-type'])
    assert.deepEqual(finish([], name), refused)
  assert.deepEqual(finish([['content-length', '0']], 'x-sum'), refused)
  assert.equal(finish([], 'x-sum'), 'ok')
})

/** What comes behind the body of an answer, which is read before, or not. */
async function trailersOf(response: Value, isRead: boolean): Promise<Case> {
  const body = ok(call(HTTP, '[method]incoming-response.consume', response))
  if (isRead) {
    const stream = ok(call(HTTP, '[method]incoming-body.stream', body))
    await call(STREAMS, '[method]input-stream.blocking-read', stream, 1n)
  }
  const future = call(HTTP, '[static]incoming-body.finish', body) as Value
  const pollable = call(HTTP, '[method]future-trailers.subscribe', future) as Value
  await call('wasi:io/poll', '[method]pollable.block', pollable)
  const found = ok((call(HTTP, '[method]future-trailers.get', future) as Case).value as Case)
  assert.deepEqual(call(HTTP, '[method]future-trailers.get', future), some(caseOf('err')))
  return found as Case
}

const CHUNKED = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n'
const TRAILERS: ReadonlyArray<readonly [name: string, end: string, expected: unknown]> = [
  ['one', '0\r\nX-Sum: 1\r\n\r\n', [['x-sum', '1']]],
  ['some that are not told', '0\r\nConnection: a\r\ncontent-length: 7\r\nb: \r\n\r\n', [['b', '']]],
  ['none', '0\r\n\r\n', []],
  ['one that is no field', '0\r\nX Sum: 1\r\n\r\n', 'HTTP-protocol-error'],
  ['too many', `0\r\n${'a: b\r\n'.repeat(1001)}\r\n`, 'HTTP-response-trailer-section-size'],
  [
    'too long',
    `0\r\na: ${'b'.repeat(65_530)}\r\nc: d\r\n\r\n`,
    'HTTP-response-trailer-section-size',
  ],
  ['broken off', '0\r\na: b\r\n', 'HTTP-response-incomplete'],
]
test.each(TRAILERS)('trailers of an answer: %s', async (_, end, expected) => {
  for (const isRead of [true, false]) {
    await begin((socket) => {
      socket.once('data', () => {
        socket.write(CHUNKED)
        setImmediate(() => socket.end(end))
      })
    })
    const { tag, value } = await trailersOf(ok(await outcome(ok(send(make())))), isRead)
    if (tag === 'err') assert.equal((value as Case).tag, expected)
    else {
      const fields = (value as Case).value
      const entries = fields === undefined ? [] : call(HTTP, '[method]fields.entries', fields)
      const told = entries as ReadonlyArray<readonly [string, Uint8Array]>
      assert.deepEqual(
        told.map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
        expected,
      )
    }
    await run.hasClosed
  }
})

const LENGTHS: ReadonlyArray<readonly [name: string, fields: Wanted['fields']]> = [
  ['a length without a body', [['content-length', '5']]],
  [
    'two lengths',
    [
      ['content-length', '0'],
      ['content-length', '0'],
    ],
  ],
  ['a length that is none', [['content-length', '0x0']]],
]
test.each(LENGTHS)('refused: %s', (_, fields = []) => {
  const { tag, value } = send(make({ fields }))
  assert.deepEqual([tag, (value as Case).tag], ['err', 'HTTP-request-body-size'])
})

test('Host is where it goes, whatever the guest says', async () => {
  ok(
    await outcome(
      ok(
        send(
          make({
            fields: [
              ['host', 'other.example'],
              ['expect', 'x'],
            ],
          }),
        ),
      ),
    ),
  )
  assert.doesNotMatch(run.sent, /other|expect/)
})

const TEXTS: ReadonlyArray<readonly [part: string, value: Value]> = [
  ['path-with-query', some('/a b')],
  ['path-with-query', some('/a\r\nx: y')],
  ['path-with-query', some('http://else/')],
  ['path-with-query', some('/a#b')],
  ['path-with-query', some(`/${'x'.repeat(9000)}`)],
  ['authority', some('user@host')],
  ['authority', some('host/x')],
  ['authority', some('host:1:2')],
  ['authority', some('h\r\nx')],
  ['scheme', some(caseOf('other', 'a b'))],
  ['method', caseOf('other', 'GET / HTTP/1.1\r\n')],
  ['method', caseOf('other', '')],
]
test.each(TEXTS)('%s cannot be %o', (part, value) => {
  const request = make()
  assert.deepEqual(
    call(HTTP, `[method]outgoing-request.set-${part}`, request, value),
    caseOf('err'),
  )
})

test('methods that are not listed, or not sent by anybody', () => {
  const code = (request: Value): string => (send(request).value as Case).tag
  assert.equal(code(make({ method: caseOf('delete') })), 'HTTP-request-denied')
  assert.equal(code(make({ method: caseOf('other', 'get') })), 'HTTP-request-denied')
  assert.equal(code(make({ method: caseOf('connect') })), 'HTTP-request-method-invalid')
})

test('no more at once than a request may have; one that is given up makes room', () => {
  const futures = [ok(send(make())), ok(send(make()))]
  const { value } = send(make())
  assert.equal((value as Case).tag, 'connection-limit-reached')
  ;(futures[0] as unknown as { drop: () => void }).drop()
  ok(send(make()))
})

test('a first byte that does not come in time', async () => {
  await begin((socket) => void socket.resume())
  const options = call(HTTP, '[constructor]request-options') as Value
  ok(call(HTTP, '[method]request-options.set-first-byte-timeout', options, some(30_000_000n)))
  const { tag, value } = await outcome(ok(send(make(), some(options))))
  assert.deepEqual([tag, (value as Case).tag], ['err', 'HTTP-response-timeout'])
  await run.hasClosed
})

test('a body that its peer breaks off', async () => {
  await begin((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi'))
  })
  const response = ok(await outcome(ok(send(make()))))
  assert.equal(await textOf(response), 'hi last-operation-failed')
})

test('no more is sent than its request may send', async () => {
  await begin((socket) => void socket.resume())
  const request = make({ method: caseOf('post') })
  const [, stream] = bodyOf(request)
  const future = ok(send(request))
  const part = 'x'.repeat(60_000)
  let written = 0
  while ((await write(stream, part)).tag === 'ok') written += part.length
  expect(written).toBeLessThanOrEqual(200_000 + 65_536)
  assert.equal(((await outcome(future)).value as Case).tag, 'HTTP-request-body-size')
})
