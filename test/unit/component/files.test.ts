/** wasi:filesystem of 0.2, as a component's calls reach it. */
import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'vitest'
import type { ComponentHost } from '../../../src/component/host/component-host.ts'
import type { FileDescriptor } from '../../../src/component/host/file-descriptor.ts'
import type { Case, HostResource, Value } from '../../../src/component/value.ts'
import { callNow, failure, hostWithFolder, ok } from '../../support/host-function-call.ts'

const FILES = 'wasi:filesystem/types'
const STREAMS = 'wasi:io/streams'
let host: ComponentHost

beforeEach(() => {
  host = hostWithFolder()
})

/** One that does not wait. */
const call = (from: string, name: string, ...values: Value[]): Value =>
  callNow(host, { from, name }, values)

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
