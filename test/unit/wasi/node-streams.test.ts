import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { sinkToWritable, sourceFromReadable } from '../../../src/wasi/node-streams.ts'

function readable(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => stream.once('readable', resolve))
}

test('a source hands out what has arrived, in parts, and then the end', async () => {
  const stream = new PassThrough()
  const source = sourceFromReadable(stream)
  expect(source.read(10)).toBe(NOTHING_YET)
  let woken = 0
  source.onReadable(() => woken++)
  const arrived = readable(stream)
  stream.write('hello')
  await arrived
  expect(woken).toBe(1)
  expect(Buffer.from(source.read(2) ?? []).toString()).toBe('he')
  source.onReadable(() => woken++)
  expect(woken).toBe(2)
  expect(Buffer.from(source.read(10) ?? []).toString()).toBe('llo')
  expect(source.read(10)).toBe(NOTHING_YET)
  const noticed = new Promise<void>((resolve) => source.onReadable(resolve))
  stream.end()
  await noticed
  // As a guest reads: again after each wake-up, until the end.
  for (let bytes = source.read(10); bytes !== undefined; bytes = source.read(10)) {
    expect(bytes).toBe(NOTHING_YET)
    await new Promise<void>((resolve) => source.onReadable(resolve))
  }
  expect(source.read(10)).toBeUndefined()
})

test('an error ends a source', async () => {
  const stream = new PassThrough()
  const source = sourceFromReadable(stream)
  const woken = new Promise<void>((resolve) => source.onReadable(resolve))
  stream.destroy(new Error('broken'))
  await woken
  expect(source.read(1)).toBeUndefined()
})

test('a sink pushes back, copies, and says when all is out', async () => {
  const released: (() => void)[] = []
  let text = ''
  const stream = new Writable({
    highWaterMark: 4,
    write: (chunk: Buffer, _encoding, callback) => {
      text += chunk.toString()
      released.push(callback)
    },
  })
  const sink = sinkToWritable(stream)
  const bytes = Buffer.from('hello')
  expect(sink.write(bytes)).toBe(5)
  bytes.fill(0)
  expect(sink.write(Buffer.from('more'))).toBe(0)
  const writable = new Promise<void>((resolve) => sink.onWritable(resolve))
  let isDrained = false
  const drained = sink.drained().then(() => {
    isDrained = true
  })
  expect(isDrained).toBe(false)
  released.shift()?.()
  await writable
  await drained
  expect(text).toBe('hello')
  sink.end()
  expect(sink.write(Buffer.from('more'))).toBe(4)
  expect(text).toBe('hello')
})

test('a sink that breaks swallows everything and holds nobody up', async () => {
  const stream = new Writable({ highWaterMark: 1, write: () => undefined })
  const sink = sinkToWritable(stream)
  sink.write(Buffer.from('hello'))
  expect(sink.write(Buffer.from('x'))).toBe(0)
  const woken = new Promise<void>((resolve) => sink.onWritable(resolve))
  const drained = sink.drained()
  stream.destroy(new Error('EPIPE'))
  await Promise.all([woken, drained])
  expect(sink.write(Buffer.from('x'))).toBe(1)
})
