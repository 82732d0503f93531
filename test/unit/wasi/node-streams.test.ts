import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import { sinkToDescriptor, sourceFromReadable } from '../../../src/wasi/node-streams.ts'

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

test('a sink says what became of the bytes, and waits for a full pipe', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasi-sink-'))
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
  const sink = sinkToDescriptor(fd)
  const page = Buffer.alloc(4096, 'x')
  let written = 0
  for (let count = sink.write(page); count !== 0; count = sink.write(page)) written += count
  expect(written).toBeGreaterThan(4096)
  const writable = new Promise<void>((resolve) => sink.onWritable(resolve))
  expect(readSync(fd, Buffer.alloc(written))).toBe(written)
  await writable
  expect(sink.write(page)).toBe(4096)
  sink.end()
  expect(sink.write(page)).toBe(4096)
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

test('a full disk is told', () => {
  const fd = openSync('/dev/full', 'w')
  const sink = sinkToDescriptor(fd)
  expect(sink.write(Buffer.from('hello'))).toBe(-Errno.NOSPC)
  let woken = 0
  sink.onWritable(() => woken++)
  expect(woken).toBe(1)
  closeSync(fd)
})
