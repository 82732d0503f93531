/** A socket that several processes accept on: one leaves new connections to others, and accepts again; the backlog. */
import { once } from 'node:events'
import {
  type AddressInfo,
  BoundSocket,
  createServer,
  type NetConnectOpts,
  type Server,
  type Socket,
} from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { loadLibc } from '../../../src/base/libc.ts'
import {
  adoptListener,
  type BoundListener,
  type Listener,
} from '../../../src/gateway/listen/listener.ts'
import {
  CONNECTION,
  connectRaw,
  get,
  readRecords,
  sayHello,
  temporaryDirectory,
} from './responder.ts'

const BACKLOG = 3

interface Stage {
  readonly target: { readonly host: string; readonly port: number }
  /** Accepts on the same socket. */
  readonly other: Server
  readonly listener: Listener
}

async function setUp(): Promise<Stage> {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  const { fd } = (other as unknown as { readonly _handle: { readonly fd: number } })._handle
  const listener = await adopt({
    fd: loadLibc()?.dup(fd) ?? -1,
    address: `127.0.0.1:${port}`,
    port,
  })
  onTestFinished(async () => {
    other.close()
    await listener.close()
    listener.destroyConnections()
  })
  return { target: { host: '127.0.0.1', port }, other, listener }
}

function adopt(bound: BoundListener, backlog?: number): Promise<Listener> {
  return adoptListener(bound, {
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    handler: { onRequest: sayHello, onBadRequest: (request) => request.end(0, 1) },
    connection: CONNECTION,
    backlog,
  })
}

async function isAnswered(target: NetConnectOpts): Promise<boolean> {
  const peer = connectRaw(target)
  peer.socket.write(get(1, false))
  await peer.over
  return readRecords(peer.received()).ends === 1
}

test('while it pauses, others take every connection', async () => {
  const { target, other, listener } = await setUp()
  let taken = 0
  other.on('connection', (socket: Socket) => {
    taken += 1
    socket.destroy()
  })
  listener.pause()
  listener.pause()
  for (let count = 0; count < 20; count += 1) await connectRaw(target).over
  expect(taken).toBe(20)
  listener.resume()
  other.close()
  expect(await isAnswered(target)).toBe(true)
})

test('a connection that comes while nobody accepts is answered after the pause', async () => {
  const { target, other, listener } = await setUp()
  listener.pause()
  other.close()
  const peer = connectRaw(target)
  peer.socket.write(get(1, false))
  await once(peer.socket, 'connect')
  listener.resume()
  listener.resume()
  await peer.over
  expect(readRecords(peer.received()).ends).toBe(1)
})

test('its connections go on while it pauses', async () => {
  const { target, other, listener } = await setUp()
  other.close()
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  listener.pause()
  peer.socket.write(get(1, false))
  await peer.over
  expect(readRecords(peer.received()).ends).toBe(2)
  listener.resume()
  expect(await isAnswered(target)).toBe(true)
})

test('closed while it pauses, it leaves nothing that listens', async () => {
  const { target, other, listener } = await setUp()
  other.close()
  listener.pause()
  await listener.close()
  listener.resume()
  expect((await connectRaw(target).over).code).toBe('ECONNREFUSED')
})

test('the kernel keeps as many connections waiting as the backlog says, before and after a pause', async () => {
  const path = join(temporaryDirectory(), 's')
  const where: object = { path }
  const bound = new BoundSocket(where)
  const fd = loadLibc()?.dup(bound.fd()) ?? -1
  const listener = await adopt({ fd, address: path, port: undefined }, BACKLOG)
  onTestFinished(async () => {
    await listener.close()
    bound.close()
  })
  for (let round = 0; round < 2; round += 1) {
    listener.pause()
    const peers = Array.from({ length: 9 }, () => connectRaw({ path }))
    const results = await Promise.allSettled(peers.map(({ socket }) => once(socket, 'connect')))
    const waiting = peers.filter((_, index) => results[index]?.status === 'fulfilled')
    // One more than the backlog: so Linux counts.
    expect(waiting).toHaveLength(BACKLOG + 1)
    listener.resume()
    for (const peer of waiting) {
      peer.socket.write(get(1, false))
      await peer.over
      expect(readRecords(peer.received()).ends).toBe(1)
    }
  }
})
