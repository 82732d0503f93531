/** The listening socket: who may connect, how many, and how it is closed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { parseAllowedClients } from '../../../src/gateway/listen/allowed-clients.ts'
import type { ConnectionPeer } from '../../../src/gateway/listen/connection-driver.ts'
import {
  connectRaw,
  get,
  listenFor,
  readRecords,
  sayHello,
  temporaryDirectory,
} from './responder.ts'

const SERVER = fileURLToPath(new URL('./serve-hello.ts', import.meta.url))

test.each(['0.0.0.0:0', '[::]:0', '0'])(
  '%s without allowed clients is refused',
  async (address) => {
    await expect(listenFor(sayHello, {}, address)).rejects.toMatchObject({
      code: 'GATEWAY_LISTEN_EXPOSED',
    })
  },
)

test.each([
  ['www.sock', 'GATEWAY_LISTEN_BAD_ADDRESS'],
  ['127.0.0.999:1', 'GATEWAY_LISTEN_BAD_ADDRESS'],
  // At most 107 bytes, not characters.
  [`/${'x'.repeat(107)}`, 'GATEWAY_LISTEN_PATH_TOO_LONG'],
  [`/${'\u00e9'.repeat(54)}`, 'GATEWAY_LISTEN_PATH_TOO_LONG'],
])('%s is refused with %s', async (address, code) => {
  await expect(listenFor(sayHello, {}, address)).rejects.toMatchObject({ code })
})

test.each([
  { name: 'insecure', options: { insecure: true } },
  { name: 'allowed clients', options: { allowedClients: parseAllowedClients(['127.0.0.1']) } },
  { name: 'FCGI_WEB_SERVER_ADDRS', options: { webServers: parseAllowedClients(['127.0.0.1']) } },
])('every address of the machine, with $name', async ({ options }) => {
  const { target } = await listenFor(sayHello, options, '0')
  const peer = connectRaw(target)
  peer.socket.write(get(1, false))
  await peer.over
  expect(readRecords(peer.received()).ends).toBe(1)
})

test.each([
  {
    name: 'not an allowed client',
    address: '127.0.0.1:0',
    options: { allowedClients: parseAllowedClients(['10.0.0.1']) },
  },
  {
    name: 'not a web server',
    address: '127.0.0.1:0',
    options: { webServers: parseAllowedClients(['10.0.0.1']) },
  },
  {
    name: 'a unix peer where web servers are listed',
    address: undefined,
    options: { webServers: parseAllowedClients(['127.0.0.1']) },
  },
])('$name: closed without a word', async ({ address, options }) => {
  const { listener, target, logLines } = await listenFor(sayHello, options, address)
  const peer = connectRaw(target)
  peer.socket.write(get(1, false))
  await peer.over
  expect(peer.received().length).toBe(0)
  expect(logLines.map(({ msg }) => msg)).toEqual(['connection refused: not an allowed client'])
  expect(listener.connections).toBe(0)
})

test('allowed clients say nothing about unix sockets', async () => {
  const { target } = await listenFor(sayHello, { allowedClients: parseAllowedClients([]) })
  const peer = connectRaw(target)
  peer.socket.write(get(1, false))
  await peer.over
  expect(readRecords(peer.received()).ends).toBe(1)
})

test('a handler is told who asks', async () => {
  const seen: ConnectionPeer[] = []
  const { listener, target } = await listenFor(
    (request, peer) => {
      seen.push(peer)
      sayHello(request, peer)
    },
    {},
    '127.0.0.1:0',
  )
  const peer = connectRaw(target)
  await once(peer.socket, 'connect')
  const { localPort } = peer.socket
  peer.socket.write(get(1, false))
  await peer.over
  const expected = {
    transport: 'tcp',
    remoteAddress: '127.0.0.1',
    remotePort: localPort,
    listener: listener.address,
  }
  expect(seen).toEqual([expected])
  expect(listener.address).toBe(`127.0.0.1:${listener.port}`)
})

test('a taken port is a coded error', async () => {
  const { listener } = await listenFor(sayHello, {}, '127.0.0.1:0')
  await expect(listenFor(sayHello, {}, listener.address)).rejects.toMatchObject({
    code: 'GATEWAY_LISTEN_IN_USE',
  })
})

test('an address of another machine is a coded error', async () => {
  const options = { insecure: true }
  await expect(listenFor(sayHello, options, '192.0.2.1:0')).rejects.toMatchObject({
    code: 'GATEWAY_LISTEN_FAILED',
  })
})

test('connections over the limit are turned away, with one line; then there is room again', async () => {
  const { listener, target, logLines } = await listenFor(sayHello, { maxConnections: 2 })
  const kept = [connectRaw(target), connectRaw(target)]
  for (const peer of kept) {
    peer.socket.write(get(1, true))
    await peer.until((bytes) => readRecords(bytes).ends === 1)
  }
  for (let tried = 0; tried < 3; tried++) await connectRaw(target).over
  for (const peer of kept) peer.socket.end()
  await listener.drained()
  const next = connectRaw(target)
  next.socket.write(get(1, false))
  await next.over
  expect(readRecords(next.received()).ends).toBe(1)
  expect(logLines.map(({ msg }) => msg)).toEqual([
    'connections are turned away',
    'connections are accepted again',
  ])
})

test('a process out of file descriptors turns peers away, says so once, and recovers', async () => {
  const path = join(temporaryDirectory(), 's')
  const child = spawn(
    'sh',
    ['-c', 'ulimit -n 80; exec "$0" "$@"', process.execPath, SERVER, path],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(createInterface(child.stdout), 'line')
  const lines: string[] = []
  createInterface(child.stderr).on('line', (line) => lines.push(line))
  const sockets = Array.from({ length: 120 }, () =>
    createConnection({ path }).on('error', () => {}),
  )
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
  const closed = sockets.map((socket) => once(socket, 'close'))
  // Most of them are closed by the server: there were never 120 places.
  await Promise.race(closed)
  for (const socket of sockets) socket.resume().destroy()
  await Promise.all(closed)
  let ends = 0
  while (ends === 0) {
    const peer = connectRaw({ path })
    peer.socket.on('error', () => {})
    peer.socket.write(get(1, false))
    await peer.over
    ends = readRecords(peer.received()).ends
  }
  expect(lines.filter((line) => line.includes('turned away'))).toHaveLength(1)
})

test('close stops accepting and leaves connections alone; closeIdle ends those without a request', async () => {
  const { promise: begun, resolve: hasBegun } = Promise.withResolvers<() => void>()
  let requests = 0
  const { listener, target } = await listenFor((request, peer) => {
    requests += 1
    if (requests === 2) hasBegun(() => sayHello(request, peer))
    else sayHello(request, peer)
  })
  const [idle, busy] = [connectRaw(target), connectRaw(target)]
  idle.socket.write(get(1, true))
  await idle.until((bytes) => readRecords(bytes).ends === 1)
  busy.socket.write(get(1, true))
  const answer = await begun
  await listener.close()
  await listener.close()
  const late = connectRaw(target)
  expect((await late.over).code).toBe('ENOENT')
  expect(listener.connections).toBe(2)
  listener.closeIdle()
  expect(await idle.over).toEqual({ hasEnded: true, code: undefined })
  expect(busy.socket.destroyed).toBe(false)
  answer()
  expect(await busy.over).toEqual({ hasEnded: true, code: undefined })
  expect(readRecords(busy.received()).ends).toBe(1)
  await listener.drained()
})

test('destroyConnections cuts everything', async () => {
  const { listener, target } = await listenFor(() => {}, {}, '127.0.0.1:0')
  const peer = connectRaw(target)
  peer.socket.write(get(1, true))
  while (listener.connections === 0) await new Promise(setImmediate)
  listener.destroyConnections()
  expect((await peer.over).code).toBe('ECONNRESET')
  await listener.drained()
})
