/** A process leaves new connections to others that accept on the same socket, and accepts again. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { loadLibc } from '../../../src/base/libc.ts'
import { adoptListener, type Listener } from '../../../src/gateway/listen/listener.ts'
import { CONNECTION, connectRaw, get, readRecords, sayHello } from './responder.ts'

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
  const listener = await adoptListener(
    { fd: loadLibc()?.dup(fd) ?? -1, address: `127.0.0.1:${port}`, port },
    {
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      handler: { onRequest: sayHello, onBadRequest: (request) => request.end(0, 1) },
      connection: CONNECTION,
    },
  )
  onTestFinished(async () => {
    other.close()
    await listener.close()
    listener.destroyConnections()
  })
  return { target: { host: '127.0.0.1', port }, other, listener }
}

async function isAnswered(target: Stage['target']): Promise<boolean> {
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
