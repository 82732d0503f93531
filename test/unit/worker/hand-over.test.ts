import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { detach, type RawSocket } from '../../../src/base/raw-socket.ts'
import type { WorkerMessage } from '../../../src/ipc/messages.ts'
import { HandOver } from '../../../src/worker/hand-over.ts'

/** A connection with a peer. */
async function connect(): Promise<{ readonly near: Socket; readonly peer: Socket }> {
  const path = join(tmpdir(), `hand-over-${process.pid}-${Math.random()}`)
  const server = createServer({ pauseOnConnect: true }).listen(path)
  await once(server, 'listening')
  const peer = createConnection(path)
  const [near] = await once(server, 'connection')
  server.close()
  onTestFinished(() => {
    peer.destroy()
    near.destroy()
  })
  return { near, peer }
}

function setUp() {
  const said: WorkerMessage[] = []
  const received: Socket[] = []
  let written: (() => void)[] = []
  const handOver = new HandOver({
    send: (message) => {
      said.push(message)
      return new Promise((resolve) => written.push(resolve))
    },
    receive: (_, connection) => {
      received.push(connection)
      onTestFinished(() => void connection.destroy())
    },
  })
  /** What was said is on its way. */
  const write = async (): Promise<void> => {
    for (const resolve of written) resolve()
    written = []
    await new Promise(setImmediate)
  }
  return { handOver, said, received, write }
}

async function rawSocket(): Promise<{ readonly raw: RawSocket; readonly peer: Socket }> {
  const { near, peer } = await connect()
  const raw = detach(near)
  if (raw === undefined) throw new Error('no socket')
  return { raw, peer }
}

test('nothing is read before the master has been told', async () => {
  const { handOver, said, received, write } = setUp()
  const { raw, peer } = await rawSocket()
  handOver.take(7, '/s', raw)
  expect([said, received]).toEqual([[{ kind: 'adopted', id: 7 }], []])
  peer.write('x')
  await new Promise(setImmediate)
  expect(received).toEqual([])
  await write()
  const [bytes] = await once(received[0] as Socket, 'data')
  expect(String(bytes)).toBe('x')
})

test('closed, it declines; what it has taken is read before', async () => {
  const { handOver, said, received, write } = setUp()
  const [first, second] = [await rawSocket(), await rawSocket()]
  handOver.take(1, '/s', first.raw)
  let isClosed = false
  void handOver.close().then(() => {
    isClosed = true
  })
  handOver.take(2, '/s', second.raw)
  await new Promise(setImmediate)
  expect([isClosed, said.at(-1)]).toEqual([false, { kind: 'declined', id: 2 }])
  await write()
  expect([isClosed, received.length]).toEqual([true, 1])
})

test('what is given stays open until it is on its way', async () => {
  const { handOver, said, write } = setUp()
  const { near, peer } = await connect()
  expect(handOver.give(near, '/s')).toBe(true)
  let isSent = false
  void handOver.sent().then(() => {
    isSent = true
  })
  await new Promise(setImmediate)
  expect([said, isSent, peer.readableEnded]).toEqual([
    [{ kind: 'give-away', address: '/s' }],
    false,
    false,
  ])
  const end = once(peer.resume(), 'end')
  await write()
  expect(isSent).toBe(true)
  await end
  expect(handOver.give(near, '/s')).toBe(false)
})
