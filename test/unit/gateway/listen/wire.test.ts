/** A connection with its stream and without, over real sockets. */
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { type Accepted, acceptRaw } from '../../../../src/base/raw-socket.ts'
import { Wire } from '../../../../src/gateway/listen/wire.ts'

const PATH = join(tmpdir(), `wasm-fpm-wire-${process.pid}.sock`)
const ended: (() => void)[] = []

afterEach(() => {
  for (const end of ended.splice(0)) end()
  rmSync(PATH, { force: true })
})

/** A peer that has sent `first`, and what was accepted of it. */
async function setUp(first: string, isRaw = true) {
  const server = createServer({ allowHalfOpen: true })
  const streams: Socket[] = []
  const came = new Promise<Accepted | Socket>((resolve) => {
    server.on('connection', resolve)
    server.listen(PATH, () => {
      if (isRaw) acceptRaw(server, resolve)
    })
  })
  await once(server, 'listening')
  const peer = connect({ path: PATH, allowHalfOpen: true })
  const received: Buffer[] = []
  peer.on('data', (chunk: Buffer) => received.push(chunk))
  if (first !== '') peer.write(first)
  const read: Uint8Array[] = []
  const wire = new Wire(await came, {
    opened: (stream) => {
      stream.on('error', () => undefined)
      streams.push(stream)
    },
    received: (bytes) => read.push(bytes),
  })
  ended.push(() => {
    wire.close()
    peer.destroy()
    server.close()
  })
  return {
    ...{ wire, peer, streams },
    text: () => Buffer.concat(received).toString(),
    readText: () => Buffer.concat(read).toString(),
  }
}

async function receive(wire: Wire): Promise<string> {
  for (;;) {
    const bytes = wire.receiveNow()
    if (bytes !== undefined) return Buffer.from(bytes).toString()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('what comes and goes at once, and the end, take no stream', async () => {
  const { wire, peer, streams, text } = await setUp('request')
  expect(await receive(wire)).toBe('request')
  expect(wire.receiveNow()).toBeUndefined()
  expect(wire.sendNow([Buffer.from('whole '), Buffer.from('answer')])).toHaveLength(0)
  wire.close()
  await once(peer, 'end')
  expect(text()).toBe('whole answer')
  expect([wire.hasStream, streams.length, wire.bytesRead, wire.bytesWritten]).toEqual([
    false,
    0,
    0,
    12,
  ])
  expect(() => wire.stream).toThrow('closed')
})

test('what was received is not overwritten by what comes or goes later', async () => {
  const { wire, peer } = await setUp('first')
  const first = await receive(wire)
  const bytes = Buffer.from(first)
  peer.write('other')
  const second = await receive(wire)
  wire.sendNow([Buffer.from('-----')])
  expect([bytes.toString(), second]).toEqual(['first', 'other'])
})

test('what the kernel does not take is left, and its order kept by the stream', async () => {
  const { wire, peer, text } = await setUp('request')
  peer.pause()
  let sent = ''
  let left: Uint8Array = new Uint8Array(0)
  for (let index = 0; left.length === 0; index += 1) {
    const piece = String(index % 10).repeat(50_000)
    sent += piece
    left = wire.sendNow([Buffer.from(piece)])
  }
  const rest = Buffer.from(left)
  wire.sendNow([Buffer.from('x')]) // full: nothing goes, and what was left is nobody's else
  expect(rest.equals(left)).toBe(true)
  wire.stream.end(left)
  peer.resume()
  await once(peer, 'end')
  expect(text()).toBe(sent)
  expect(wire.bytesWritten).toBe(sent.length)
})

for (const bytes of [10, 50_000]) {
  test(`a peer that is gone takes nothing of ${bytes} bytes, and no signal ends the process`, async () => {
    const { wire, peer } = await setUp('request')
    expect(await receive(wire)).toBe('request')
    peer.destroy()
    await expect.poll(() => wire.isPeerGone).toBe(true)
    expect(wire.sendNow([Buffer.alloc(bytes)])).toHaveLength(bytes)
    expect(wire.bytesWritten).toBe(0)
  })
}

for (const isRaw of [true, false]) {
  test(`a stream is told of once, and reads on${isRaw ? '' : ' where there was one from the start'}`, async () => {
    const { wire, peer, streams, readText } = await setUp('', isRaw)
    expect(wire.hasStream).toBe(!isRaw)
    wire.read()
    peer.write('later')
    await expect.poll(readText).toBe('later')
    peer.write(', and later')
    await expect.poll(readText).toBe('later, and later')
    expect(streams).toEqual([wire.stream])
    expect(wire.bytesRead).toBe(16)
    const ended = once(wire.stream, 'end')
    peer.end()
    await ended
  })

  test(`what stands still is not read, and nothing is lost${isRaw ? '' : ', with a stream'}`, async () => {
    const { wire, peer, readText } = await setUp('', isRaw)
    wire.read()
    wire.stream.pause()
    const sent = Array.from({ length: 50_000 }, (_, at) => `${at} `).join('')
    peer.end(sent)
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
    expect(readText().length).toBe(0)
    const ended = once(wire.stream, 'end')
    wire.stream.resume()
    wire.stream.pause()
    wire.stream.resume()
    await ended
    expect(readText() === sent).toBe(true)
  })

  test(`what is sent past the stream comes in order with what goes through it${isRaw ? '' : ', one from the start'}`, async () => {
    const { wire, peer, text } = await setUp('', isRaw)
    wire.read()
    expect(wire.isQueueing).toBe(false)
    expect(wire.sendNow([Buffer.from('no: one ').subarray(4)])).toHaveLength(0)
    wire.stream.write('two ')
    expect(wire.isQueueing).toBe(wire.stream.writableLength > 0)
    await expect.poll(() => wire.isQueueing).toBe(false)
    expect(wire.sendNow([Buffer.from('three ')])).toHaveLength(0)
    peer.pause()
    let long = 0
    for (; !wire.isQueueing; long += 100_000) wire.stream.write('-'.repeat(100_000))
    peer.resume()
    await expect.poll(() => wire.isQueueing).toBe(false)
    wire.stream.end('end')
    expect(wire.isQueueing).toBe(true)
    await expect.poll(() => text().length).toBe('one two three end'.length + long)
    expect(text().replaceAll('-', '')).toBe('one two three end')
  })

  test(`a peer that has hung up is gone, one that has half-closed is not${isRaw ? '' : ', with a stream'}`, async () => {
    const { wire, peer } = await setUp('', isRaw)
    expect(wire.isPeerGone).toBe(false)
    await new Promise<void>((resolve) => peer.end(resolve))
    expect(wire.isPeerGone).toBe(false)
    peer.destroy()
    await once(peer, 'close')
    expect(wire.isPeerGone).toBe(true)
    wire.close()
    expect(wire.isPeerGone).toBe(false)
  })
}
