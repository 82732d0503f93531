/** wasi:filesystem of 0.3, as a component's calls reach it: contents and entries are streams. */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'vitest'
import { Channel, type Items } from '../../../src/component/channel.ts'
import type { ComponentHost } from '../../../src/component/host/component-host.ts'
import { makeFuture, resolveFuture, takeFuture } from '../../../src/component/host/host-future.ts'
import { boundsFor } from '../../../src/component/lift-bounds.ts'
import { type Case, OK, type Value } from '../../../src/component/value.ts'
import { callNow, hostWithFolder } from '../../support/host-function-call.ts'

const U8 = { kind: 'primitive', of: 'u8' } as const

let host: ComponentHost

beforeEach(() => {
  host = hostWithFolder()
})

function call(name: string, ...values: readonly Value[]): Value {
  const isPreopens = name === 'get-directories'
  const from = `wasi:filesystem/${isPreopens ? 'preopens' : 'types'}@0.3`
  return callNow(host, { from, name: isPreopens ? name : `[method]descriptor.${name}` }, values)
}

const folder = (): Value => (call('get-directories') as Value[][])[0]?.[0]

function opened(path: string, how = 1): Value {
  const { tag, value } = call('open-at', folder(), 1, path, how, 3) as Case
  assert.equal(tag, 'ok')
  return value
}

/** All that comes out of it, so many at a time. */
function read(channel: Channel, atOnce: number): Items[] {
  const found: Items[] = []
  let hasEnded = false
  while (!hasEnded) {
    let remain = atOnce
    channel.start({
      ...{ side: 'read', owner: 0, onProgress: () => undefined },
      buffer: {
        ...{ element: U8, isEmpty: false, bounds: boundsFor('utf8') },
        get remain(): number {
          return remain
        },
        write: (items, count) => {
          found.push(items)
          remain -= count
        },
      },
      onDone: (result) => {
        hasEnded ||= result === 'dropped'
      },
    })
    host.work.step()
    if (!hasEnded) channel.cancel()
  }
  return found
}

function write(channel: Channel, text: string): void {
  const bytes = Buffer.from(text)
  let at = 0
  channel.start({
    ...{ side: 'write', owner: 0, onProgress: () => undefined, onDone: () => undefined },
    buffer: {
      ...{ element: U8, isEmpty: false },
      get remain(): number {
        return bytes.length - at
      },
      read: (count) => {
        at += count
        return bytes.subarray(at - count, at)
      },
    },
  })
  while (at < bytes.length) host.work.step()
  host.work.step()
  channel.drop()
  host.work.step()
}

function valueIn(future: Channel): Value {
  const found: Value[] = []
  takeFuture(future, (value) => found.push(value))
  assert.equal(found.length, 1)
  return found[0]
}

test('written by a stream, and read by one', () => {
  const text = 'one, two'.repeat(20_000)
  const data = new Channel(false)
  const end = call('write-via-stream', opened('a'), data, 0n) as Channel
  write(data, text)
  assert.deepEqual(valueIn(end), OK)
  const more = new Channel(false)
  const moreEnd = call('append-via-stream', opened('a', 0), more) as Channel
  write(more, 'three')
  assert.deepEqual(valueIn(moreEnd), OK)
  const [stream, readEnd] = call('read-via-stream', opened('a', 0), 5n) as [Channel, Channel]
  const all = Buffer.concat(read(stream, 1000) as Uint8Array[]).toString()
  assert.equal(all, `${text.slice(5)}three`)
  assert.deepEqual(valueIn(readEnd), OK)
})

test('a folder is read entry by entry', () => {
  for (const name of ['a', 'b', 'c']) opened(name)
  const [stream, end] = call('read-directory', folder()) as [Channel, Channel]
  const entries = read(stream, 2).flat() as Value[][]
  assert.deepEqual(
    entries.map(([type, name]) => [(type as Case).tag, name]),
    ['a', 'b', 'c'].map((name) => ['regular-file', name]),
  )
  assert.deepEqual(valueIn(end), OK)
})

test('types and errors are those of 0.3', () => {
  assert.deepEqual(call('get-type', folder()), {
    tag: 'ok',
    value: { tag: 'directory', value: undefined },
  })
  const { value } = call('stat-at', folder(), 1, 'none') as Case
  assert.deepEqual(value, { tag: 'no-entry', value: undefined })
  const [type, , size] = (call('stat', opened('a')) as Case).value as readonly Value[]
  assert.deepEqual([type, size], [{ tag: 'regular-file', value: undefined }, 0n])
  const [, end] = call('read-directory', opened('a')) as [Channel, Channel]
  assert.ok(end)
})

test('who asks for nothing is told that there is something', () => {
  const data = new Channel(false)
  call('write-via-stream', opened('a'), data, 0n)
  write(data, 'x')
  const [stream] = call('read-via-stream', opened('a', 0), 0n) as [Channel, Channel]
  const results: string[] = []
  stream.start({
    ...{ side: 'read', owner: 0, onProgress: () => undefined },
    buffer: {
      element: U8,
      isEmpty: true,
      remain: 0,
      bounds: boundsFor('utf8'),
      write: () => undefined,
    },
    onDone: (result) => results.push(result),
  })
  assert.equal(host.work.step(), 'moved')
  assert.deepEqual(results, ['completed'])
  assert.equal(Buffer.concat(read(stream, 10) as Uint8Array[]).toString(), 'x')
})

test('a future has its value whether it is asked for before or after', () => {
  const future = makeFuture()
  const found: Value[] = []
  takeFuture(future, (value) => found.push(value))
  resolveFuture(future, 7)
  assert.deepEqual(found, [7])
})
