/** The host's functions, as a component's calls reach them. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { ComponentHost } from '../../../src/component/host/component-host.ts'
import type { FileDescriptor } from '../../../src/component/host/file-descriptor.ts'
import type { Fields } from '../../../src/component/host/http-fields.ts'
import { IncomingRequest } from '../../../src/component/host/http-request.ts'
import { type Case, caseOf, HostResource, some, type Value } from '../../../src/component/value.ts'
import { WasiHost } from '../../../src/wasi/host.ts'
import { createMemoryDirectory } from '../../../src/wasi/memory-directory.ts'
import { CollectingSink, grants } from '../../support/guest.ts'
import { callNow, callOrWait } from '../../support/host-function-call.ts'

const FILES = 'wasi:filesystem/types'
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
    preopens: [{ guestPath: '/tmp', directory: createMemoryDirectory(systemClock) }],
  })
  wasi.begin(granted)
  host.begin(granted)
})

/** One that does not wait. */
const call = (from: string, name: string, ...values: Value[]): Value =>
  callNow(host, { from, name }, values)

function ok(answer: Value): Value {
  assert.equal((answer as Case).tag, 'ok', String((answer as Case).value))
  return (answer as Case).value
}

const failure = (answer: Value): Value => {
  assert.equal((answer as Case).tag, 'err')
  return (answer as Case).value
}

const folder = (): FileDescriptor => {
  const [first] = call(
    'wasi:filesystem/preopens',
    'get-directories',
  ) as readonly (readonly Value[])[]
  assert.equal(first?.[1], '/tmp')
  return first?.[0] as FileDescriptor
}

const file = (path: string, how = 1): HostResource =>
  ok(call(FILES, '[method]descriptor.open-at', folder(), 1, path, how, 3)) as HostResource

const put = (path: string, text: string): void => {
  const descriptor = file(path)
  const stream = ok(call(FILES, '[method]descriptor.write-via-stream', descriptor, 0n))
  ok(call(STREAMS, '[method]output-stream.write', stream, Buffer.from(text)))
}

const textOf = (bytes: Value): string => Buffer.from(bytes as Uint8Array).toString()

describe('files', () => {
  test('written by a stream, read by another one, at offsets of their own', () => {
    put('a', 'one, two')
    const descriptor = file('a', 0)
    const stream = ok(call(FILES, '[method]descriptor.read-via-stream', descriptor, 5n))
    assert.equal(textOf(ok(call(STREAMS, '[method]input-stream.read', stream, 2n))), 'tw')
    assert.equal(textOf(ok(call(STREAMS, '[method]input-stream.blocking-read', stream, 9n))), 'o')
    assert.deepEqual(failure(call(STREAMS, '[method]input-stream.read', stream, 9n)), {
      tag: 'closed',
      value: undefined,
    })
    assert.deepEqual(ok(call(FILES, '[method]descriptor.read', descriptor, 3n, 0n)), [
      Uint8Array.from(Buffer.from('one')),
      false,
    ])
  })

  test('a stream outlives its descriptor, whoever gets the number next', () => {
    put('a', 'of a')
    put('b', 'of b')
    const descriptor = file('a', 0)
    const stream = ok(
      call(FILES, '[method]descriptor.read-via-stream', descriptor, 0n),
    ) as HostResource
    descriptor.drop()
    file('b', 0)
    assert.equal(textOf(ok(call(STREAMS, '[method]input-stream.read', stream, 9n))), 'of a')
    stream.drop()
  })

  test('appended to', () => {
    put('a', 'one')
    const stream = ok(call(FILES, '[method]descriptor.append-via-stream', file('a', 0)))
    for (const part of [', two', ', three'])
      ok(call(STREAMS, '[method]output-stream.blocking-write-and-flush', stream, Buffer.from(part)))
    assert.equal(
      textOf((ok(call(FILES, '[method]descriptor.read', file('a', 0), 99n, 0n)) as Value[])[0]),
      'one, two, three',
    )
  })

  test('what they are', () => {
    put('a', '12345')
    const stat = ok(call(FILES, '[method]descriptor.stat-at', folder(), 1, 'a')) as Value[]
    assert.deepEqual(stat.slice(0, 3), ['regular-file', 1n, 5n])
    assert.equal(ok(call(FILES, '[method]descriptor.get-type', folder())), 'directory')
    assert.equal(call(FILES, '[method]descriptor.is-same-object', file('a', 0), file('a', 0)), true)
    assert.equal(call(FILES, '[method]descriptor.is-same-object', file('a', 0), folder()), false)
    ok(
      call(
        FILES,
        '[method]descriptor.set-times-at',
        folder(),
        1,
        'a',
        { tag: 'timestamp', value: [7n, 5] },
        { tag: 'no-change', value: undefined },
      ),
    )
    const changed = ok(call(FILES, '[method]descriptor.stat-at', folder(), 1, 'a')) as Value[]
    assert.deepEqual(changed[3], { tag: 'some', value: [7n, 5] })
  })

  test('folders', () => {
    ok(call(FILES, '[method]descriptor.create-directory-at', folder(), 'd'))
    for (const name of ['d/x', 'd/y']) put(name, name)
    ok(call(FILES, '[method]descriptor.rename-at', folder(), 'd/x', folder(), 'd/z'))
    ok(call(FILES, '[method]descriptor.symlink-at', folder(), 'y', 'd/link'))
    assert.equal(ok(call(FILES, '[method]descriptor.readlink-at', folder(), 'd/link')), 'y')
    const opened = ok(call(FILES, '[method]descriptor.open-at', folder(), 1, 'd', 2, 1))
    const entries = ok(call(FILES, '[method]descriptor.read-directory', opened))
    const found: Value[] = []
    for (;;) {
      const { tag, value } = ok(
        call(FILES, '[method]directory-entry-stream.read-directory-entry', entries),
      ) as Case
      if (tag === 'none') break
      found.push(value)
    }
    assert.deepEqual(found.sort(), [
      ['regular-file', 'y'],
      ['regular-file', 'z'],
      ['symbolic-link', 'link'],
    ])
    for (const name of ['d/link', 'd/y', 'd/z'])
      ok(call(FILES, '[method]descriptor.unlink-file-at', folder(), name))
    ok(call(FILES, '[method]descriptor.remove-directory-at', folder(), 'd'))
  })

  const FAILURES: ReadonlyArray<readonly [name: string, code: string, call: () => Value]> = [
    [
      'a file that is not there',
      'no-entry',
      () => call(FILES, '[method]descriptor.open-at', folder(), 1, 'no', 0, 1),
    ],
    [
      'a way out',
      'not-permitted',
      () => call(FILES, '[method]descriptor.open-at', folder(), 1, '../etc', 0, 1),
    ],
    [
      'an absolute path',
      'not-permitted',
      () => call(FILES, '[method]descriptor.open-at', folder(), 1, '/etc', 0, 1),
    ],
    [
      'a path of 20 KiB',
      'name-too-long',
      () => call(FILES, '[method]descriptor.stat-at', folder(), 1, 'x'.repeat(20_480)),
    ],
    [
      'a folder that is a file',
      'not-directory',
      () => call(FILES, '[method]descriptor.open-at', folder(), 1, 'f', 2, 1),
    ],
    [
      'to write a file that is open to be read',
      'not-permitted',
      () =>
        call(
          FILES,
          '[method]descriptor.write',
          ok(call(FILES, '[method]descriptor.open-at', folder(), 1, 'f', 0, 1)),
          Buffer.from('x'),
          0n,
        ),
    ],
    [
      'to change the size of one',
      'invalid',
      () =>
        call(
          FILES,
          '[method]descriptor.set-size',
          ok(call(FILES, '[method]descriptor.open-at', folder(), 1, 'f', 0, 1)),
          1n,
        ),
    ],
    [
      'to read where no file has anything',
      'invalid',
      () => call(FILES, '[method]descriptor.read', file('f'), 1n, (1n << 64n) - 1n),
    ],
    [
      'advice about a folder',
      'bad-descriptor',
      () => call(FILES, '[method]descriptor.advise', folder(), 0n, 0n, 'normal'),
    ],
  ]

  test.each(FAILURES)('%s: %s', (_, code, made) => {
    put('f', '')
    assert.equal(failure(made()), code)
  })
})

const [READS, WRITES, CREATES] = [1, 2, 1]
const OPENED: ReadonlyArray<readonly [asked: number, how: number, flags: number]> = [
  [0, 0, READS],
  [READS, 0, READS],
  [WRITES, 0, WRITES],
  [0, CREATES, READS | WRITES],
  [READS, CREATES, READS | WRITES],
  [WRITES, CREATES, WRITES],
]

test.each(OPENED)('opened with flags %i and %i it has %i', (asked, how, flags) => {
  put('f', 'text')
  const opened = ok(call(FILES, '[method]descriptor.open-at', folder(), 1, 'f', how, asked))
  assert.equal(ok(call(FILES, '[method]descriptor.get-flags', opened)), flags)
})

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
