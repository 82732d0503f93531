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
  const wire = new Wire(await came, (stream) => {
    stream.on('error', () => undefined)
    streams.push(stream)
  })
  ended.push(() => {
    wire.close()
    peer.destroy()
    server.close()
  })
  return { wire, peer, streams, text: () => Buffer.concat(received).toString() }
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

for (const isRaw of [true, false]) {
  test(`a stream is told of once, and reads on${isRaw ? '' : ' where there was one from the start'}`, async () => {
    const { wire, peer, streams } = await setUp('', isRaw)
    expect(wire.hasStream).toBe(!isRaw)
    const chunk = once(wire.stream, 'data')
    peer.write('later')
    expect(String((await chunk)[0])).toBe('later')
    expect(streams).toEqual([wire.stream])
    expect(wire.bytesRead).toBe(5)
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
