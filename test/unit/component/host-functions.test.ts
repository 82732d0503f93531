/** The host's functions, as a component's calls reach them. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'vitest'
import { ComponentHost } from '../../../src/component/host/component-host.ts'
import type { Fields } from '../../../src/component/host/http-fields.ts'
import { IncomingRequest } from '../../../src/component/host/http-request.ts'
import { type Case, caseOf, HostResource, some, type Value } from '../../../src/component/value.ts'
import { WasiHost } from '../../../src/wasi/host.ts'
import { CollectingSink, grants } from '../../support/guest.ts'
import { callNow, callOrWait, failure, ok } from '../../support/host-function-call.ts'

const STREAMS = 'wasi:io/streams'
const HTTP = 'wasi:http/types'
let host: ComponentHost
let stdout: CollectingSink
let stderr: CollectingSink

beforeEach(() => {
  const wasi = new WasiHost(new Set())
  host = new ComponentHost(wasi, { value: 0 }, { owners: 1, world: 'http' })
  stdout = new CollectingSink()
  stderr = new CollectingSink()
  const granted = grants({
    stdout,
    stderr,
    args: ['/app.wasm'],
    env: [
      'REQUEST_METHOD=PATCH',
      'REQUEST_URI=/a?b',
      'HTTP_HOST=h',
      'HTTP_X_ONE=1',
      'CONTENT_TYPE=t/t',
      'HTTPS=on',
    ],
  })
  wasi.begin(granted)
  host.begin(granted)
})

/** One that does not wait. */
const call = (from: string, name: string, ...values: Value[]): Value =>
  callNow(host, { from, name }, values)

const textOf = (bytes: Value): string => Buffer.from(bytes as Uint8Array).toString()

test('a run is told one seed, and the next one does not find it', () => {
  const seed = (): Value => call('wasi:random/insecure-seed', 'insecure-seed')
  assert.deepEqual(seed(), seed())
  host.end()
  assert.equal(host.seed, undefined)
})

const SAID: ReadonlyArray<readonly [part: string, said: Case, known: Case]> = [
  ['method', caseOf('other', 'GET'), caseOf('get')],
  ['method', caseOf('other', 'get'), caseOf('other', 'get')],
  ['method', caseOf('other', 'PURGE'), caseOf('other', 'PURGE')],
  ['scheme', some(caseOf('other', 'https')), some(caseOf('HTTPS'))],
  ['scheme', some(caseOf('other', 'ftp')), some(caseOf('other', 'ftp'))],
]

test.each(SAID)('what is %s has a case of its own, or none: %o', (part, said, known) => {
  const fields = call(HTTP, '[constructor]fields')
  const request = call(HTTP, '[constructor]outgoing-request', fields)
  ok(call(HTTP, `[method]outgoing-request.set-${part}`, request, said))
  assert.deepEqual(call(HTTP, `[method]outgoing-request.${part}`, request), known)
})

test.each([
  [99, 'err'],
  [100, 'ok'],
  [599, 'ok'],
  [600, 'err'],
])('status %i: %s', (status, tag) => {
  const response = call(HTTP, '[constructor]outgoing-response', call(HTTP, '[constructor]fields'))
  const said = call(HTTP, '[method]outgoing-response.set-status-code', response, status) as Case
  assert.equal(said.tag, tag)
})

describe('fields', () => {
  const BAD: ReadonlyArray<readonly [name: string, value: string, tag: string]> = [
    ['a b', 'x', 'invalid-syntax'],
    ['', 'x', 'invalid-syntax'],
    ['a:', 'x', 'invalid-syntax'],
    ['ä', 'x', 'invalid-syntax'],
    ['a', 'x\r\nSet-Cookie: y', 'invalid-syntax'],
    ['a', 'x\0', 'invalid-syntax'],
    ['Transfer-Encoding', 'chunked', 'forbidden'],
    ['Connection', 'close', 'forbidden'],
    ['status', '200', 'forbidden'],
  ]

  test.each(BAD)('%j: %j is %s', (name, value, tag) => {
    const fields = call(HTTP, '[constructor]fields')
    assert.equal(
      (failure(call(HTTP, '[method]fields.append', fields, name, Buffer.from(value))) as Case).tag,
      tag,
    )
    assert.equal(
      (failure(call(HTTP, '[method]fields.set', fields, name, [Buffer.from(value)])) as Case).tag,
      tag,
    )
    assert.equal(
      (failure(call(HTTP, '[static]fields.from-list', [[name, Buffer.from(value)]])) as Case).tag,
      tag,
    )
    assert.deepEqual((fields as Fields).entries, [])
  })

  test('names are the same in any case, and keep their order', () => {
    const fields = call(HTTP, '[constructor]fields')
    for (const [name, value] of [
      ['A', '1'],
      ['b', '2'],
      ['a', '3'],
    ] as const)
      ok(call(HTTP, '[method]fields.append', fields, name, Buffer.from(value)))
    assert.deepEqual((call(HTTP, '[method]fields.get', fields, 'a') as Value[]).map(textOf), [
      '1',
      '3',
    ])
    const copy = call(HTTP, '[method]fields.clone', fields)
    ok(call(HTTP, '[method]fields.delete', fields, 'A'))
    assert.equal(call(HTTP, '[method]fields.has', fields, 'a'), false)
    assert.equal(call(HTTP, '[method]fields.has', copy, 'a'), true)
  })

  test('those of a request cannot be changed', () => {
    const fields = call(
      HTTP,
      '[method]incoming-request.headers',
      new IncomingRequest(host.variables),
    )
    assert.deepEqual(
      (fields as Fields).entries.map(([name, value]) => [name, textOf(value)]),
      [
        ['host', 'h'],
        ['x-one', '1'],
        ['content-type', 't/t'],
      ],
    )
    assert.equal(
      (failure(call(HTTP, '[method]fields.append', fields, 'a', Buffer.from('1'))) as Case).tag,
      'immutable',
    )
  })
})

test('a request is what its variables say', () => {
  const request = new IncomingRequest(host.variables)
  const asked = (name: string): Value => call(HTTP, `[method]incoming-request.${name}`, request)
  assert.deepEqual(asked('method'), { tag: 'patch', value: undefined })
  assert.deepEqual(asked('path-with-query'), { tag: 'some', value: '/a?b' })
  assert.deepEqual(asked('authority'), { tag: 'some', value: 'h' })
  assert.deepEqual(asked('scheme'), { tag: 'some', value: { tag: 'HTTPS', value: undefined } })
  ok(asked('consume'))
  failure(asked('consume'))
})

test('what is printed on either output is standard error', () => {
  for (const name of ['stdout', 'stderr']) {
    const stream = call(`wasi:cli/${name}`, `get-${name}`)
    ok(call(STREAMS, '[method]output-stream.write', stream, Buffer.from(`${name}\n`)))
  }
  assert.deepEqual([stdout.text, stderr.text], ['', 'stdout\nstderr\n'])
})

test('a length that is not true is an error, and the answer is not finished', async () => {
  const fields = call(HTTP, '[constructor]fields')
  ok(call(HTTP, '[method]fields.append', fields, 'content-length', Buffer.from('4')))
  const response = call(HTTP, '[constructor]outgoing-response', fields)
  const body = ok(call(HTTP, '[method]outgoing-response.body', response))
  const stream = ok(call(HTTP, '[method]outgoing-body.write', body))
  call(HTTP, '[static]response-outparam.set', undefined, { tag: 'ok', value: response })
  ok(call(STREAMS, '[method]output-stream.write', stream, Buffer.from('abc')))
  assert.deepEqual(
    failure(call(HTTP, '[static]outgoing-body.finish', body, { tag: 'none', value: undefined })),
    { tag: 'HTTP-response-body-size', value: { tag: 'some', value: 3n } },
  )
  await assert.rejects(host.response.finish(), /without finishing the body/)
  assert.equal(stdout.text, 'Status: 200\r\ncontent-length: 4\r\n\r\nabc')
})

test('waiting for the first of several', async () => {
  const late = call('wasi:clocks/monotonic-clock', 'subscribe-duration', 60_000_000_000n)
  const soon = call('wasi:clocks/monotonic-clock', 'subscribe-duration', 1_000_000n)
  assert.equal(call('wasi:io/poll', '[method]pollable.ready', late), false)
  assert.deepEqual(
    await callOrWait(host, { from: 'wasi:io/poll', name: 'poll' }, [[late, soon]]),
    [1],
  )
  const now = call('wasi:clocks/monotonic-clock', 'subscribe-instant', 0n)
  assert.deepEqual(
    await callOrWait(host, { from: 'wasi:io/poll', name: 'poll' }, [[late, now]]),
    [1],
  )
  assert.throws(() => call('wasi:io/poll', 'poll', []), /wait for nothing/)
  assert.throws(
    () =>
      call(
        'wasi:io/poll',
        'poll',
        Array.from({ length: 257 }, () => now),
      ),
    /257 things, wanted at most 256/,
  )
})

test('a body that is written byte by byte before its answer is set is not kept byte by byte', () => {
  const response = call(HTTP, '[constructor]outgoing-response', call(HTTP, '[constructor]fields'))
  const body = ok(call(HTTP, '[method]outgoing-response.body', response))
  const stream = ok(call(HTTP, '[method]outgoing-body.write', body))
  let text = ''
  for (let count = 0; count < 10_000; count++) {
    const byte = String.fromCharCode(97 + (count % 26))
    text += byte
    ok(call(STREAMS, '[method]output-stream.write', stream, Buffer.from(byte)))
  }
  let pieces = 0
  const write = stdout.write.bind(stdout)
  stdout.write = (bytes) => {
    pieces += 1
    return write(bytes)
  }
  call(HTTP, '[static]response-outparam.set', undefined, { tag: 'ok', value: response })
  assert.equal(stdout.text, `Status: 200\r\n\r\n${text}`)
  assert.ok(pieces < 10, `${pieces} pieces`)
})

test('more fields than may be are refused before they are looked at', () => {
  const fields = call(HTTP, '[constructor]fields')
  const invalid = Buffer.from('\0')
  for (const values of [Array(1001).fill(invalid), [Buffer.alloc(131_072)]] as Value[])
    assert.throws(() => call(HTTP, '[method]fields.set', fields, 'a', values), /more than 1000/)
  for (const entries of [Array(1001).fill(['a', invalid]), [['a', Buffer.alloc(131_072)]]])
    assert.throws(() => call(HTTP, '[static]fields.from-list', entries as Value), /more than 1000/)
})

test('a run knows nothing of the one before', () => {
  host.handles(0).add('a', new (class extends HostResource {})())
  host.end()
  assert.throws(() => host.handles(0).get(1, 'a'), /no handle 1/)
  assert.deepEqual(host.variables.pairs(), [])
})
