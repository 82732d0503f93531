/** The last one to accept on a socket loses nobody who has connected, and the end of a connection comes with its last answer. */
import { once } from 'node:events'
import { BoundSocket, type NetConnectOpts } from 'node:net'
import { join } from 'node:path'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { loadLibc } from '../../../src/base/libc.ts'
import { descriptorOf } from '../../../src/base/raw-socket.ts'
import { adoptListener, type Listener } from '../../../src/gateway/listen/listener.ts'
import {
  CONNECTION,
  connectRaw,
  get,
  readRecords,
  sayHello,
  temporaryDirectory,
} from './responder.ts'

const WAITING = 20

interface Stage {
  readonly listener: Listener
  readonly target: NetConnectOpts
  /** As the master does when the address is given up. */
  readonly refuse: () => void
}

async function setUp(transport: 'tcp' | 'unix'): Promise<Stage> {
  const path = join(temporaryDirectory(), 's')
  const where: object = transport === 'unix' ? { path } : { host: '127.0.0.1', port: 0 }
  const bound = new BoundSocket(where)
  const fd = loadLibc()?.dup(bound.fd()) ?? -1
  const masters = loadLibc()?.dup(fd) ?? -1
  const refuse = (): void => {
    loadLibc()?.refuseNew(masters)
    loadLibc()?.close(masters)
  }
  const port = transport === 'unix' ? undefined : bound.address().port
  const address = port === undefined ? path : `127.0.0.1:${port}`
  // Its file would be gone.
  if (transport === 'tcp') bound.close()
  const listener = await adoptListener(
    { fd, address, port },
    {
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      handler: { onRequest: sayHello, onBadRequest: (request) => request.end(0, 1) },
      connection: CONNECTION,
    },
  )
  onTestFinished(async () => {
    await listener.close()
    listener.destroyConnections()
    if (transport === 'unix') bound.close()
  })
  return { listener, refuse, target: port === undefined ? { path } : { host: '127.0.0.1', port } }
}

for (const transport of ['tcp', 'unix'] as const) {
  test(`${transport}: connections that wait when the end comes are answered, later ones refused`, async () => {
    const { listener, refuse, target } = await setUp(transport)
    listener.pause()
    const waiting = Array.from({ length: WAITING }, () => connectRaw(target))
    await Promise.all(waiting.map(({ socket }) => once(socket, 'connect')))
    // Before anything is closed: who asks another machine instead has lost nothing.
    refuse()
    const finished = listener.finish()
    if (transport === 'tcp') expect((await connectRaw(target).over).code).toBe('ECONNREFUSED')
    await finished
    for (const { socket } of waiting) socket.write(get(1, false))
    await Promise.all(waiting.map(({ over }) => over))
    expect(waiting.map(({ received }) => readRecords(received()).ends)).toEqual(
      waiting.map(() => 1),
    )
  })
}

test('the end of a kept connection comes with its last answer, not behind it', async () => {
  const { listener, target } = await setUp('tcp')
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  await peer.until((bytes) => readRecords(bytes).ends === 1)
  listener.closeAfterAnswer()
  peer.socket.write(get(1, true))
  await once(peer.socket, 'data')
  // 0: the end is there. A web server that sees it later has sent the next request by then.
  expect(loadLibc()?.read(descriptorOf(peer.socket), Buffer.alloc(1))).toBe(0)
  await peer.over
  expect(readRecords(peer.received()).ends).toBe(2)
})
