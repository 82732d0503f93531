/** Guests, and peers of theirs, that do with connections what they should not: one a limit, and nobody else notices. */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type Peer, startPeer } from '../support/outbound-peer.ts'
import { type AskOptions, HELLO, type Stage, setStage } from './stage.ts'

const MODULES = { outbound: readFileSync('build/guests/c/outbound.wasm') }
const KIB = 1024

const silent = (socket: Socket): void => void socket.resume().on('end', () => socket.end())
const deaf = (socket: Socket): void => void socket.pause()
const resetting = (socket: Socket): void => void setTimeout(() => socket.resetAndDestroy(), 50)
/** As much as it is let. */
const flooding = (socket: Socket): void => {
  const chunk = Buffer.alloc(64 * KIB, 'x')
  const more = (): void => {
    while (socket.write(chunk));
  }
  socket.on('drain', more)
  more()
}
const dribbling = (socket: Socket): void => {
  const timer = setInterval(() => socket.write('.'), 20)
  socket.on('close', () => clearInterval(timer))
}

interface Case {
  readonly name: string
  readonly serve: (socket: Socket) => void
  readonly query: string
  readonly limits: string
  /** The body. */
  readonly says: RegExp
  /** In the log; undefined: nothing. */
  readonly code: string | undefined
  readonly protocol?: 'tls'
}

const CASES: readonly Case[] = [
  {
    name: 'connections of a request',
    serve: silent,
    query: 'do=open&n=100',
    limits: 'outbound = 3',
    says: /^open: No file descriptors available\nopened 3\n$/,
    code: 'OUTBOUND_REQUEST_FULL',
  },
  {
    name: 'connections of a tenant',
    serve: silent,
    query: 'do=open&n=100',
    limits: 'outbound = 8\noutbound_tenant = 2',
    says: /^open: Resource temporarily unavailable\nopened 2\n$/,
    code: 'OUTBOUND_TENANT_FULL',
  },
  {
    name: 'connections are files, too',
    serve: silent,
    query: 'do=open&n=100',
    // Three streams and three folders.
    limits: 'outbound = 100\nopen_files = 10',
    says: /^open: .*\nopened [2-6]\n$/,
    code: undefined,
  },
  {
    name: 'a peer that never answers',
    serve: silent,
    query: 'do=drain',
    limits: 'outbound_connect = "150ms"',
    says: /^open: .*timed out\n$/,
    code: 'OUTBOUND_CONNECT_TIMEOUT',
    protocol: 'tls',
  },
  {
    name: 'a peer that says nothing',
    serve: silent,
    query: 'do=drain',
    limits: 'outbound_idle = "150ms"',
    says: /^read 0\nread: .*timed out\n$/,
    code: 'OUTBOUND_IDLE',
  },
  {
    name: 'a peer that reads nothing',
    serve: deaf,
    query: 'do=flood',
    limits: 'outbound_idle = "150ms"',
    says: /^wrote \d+\nwrite: .*timed out\n$/,
    code: 'OUTBOUND_IDLE',
  },
  {
    name: 'a peer that sends a byte now and then',
    serve: dribbling,
    query: 'do=drain',
    limits: 'outbound_time = "300ms"',
    says: /^read [1-9]\d*\nread: .*timed out\n$/,
    code: 'OUTBOUND_TOO_LONG',
  },
  {
    name: 'a peer that sends without end',
    serve: flooding,
    query: 'do=drain',
    limits: 'outbound_received = "300KiB"',
    says: /^read [1-9]\d{4,5}\nread: Quota exceeded\n$/,
    code: 'OUTBOUND_TOO_MUCH_RECEIVED',
  },
  {
    name: 'a guest that sends without end',
    serve: silent,
    query: 'do=flood',
    limits: 'outbound_sent = "300KiB"',
    says: /^wrote \d+\nwrite: Quota exceeded\n$/,
    code: 'OUTBOUND_TOO_MUCH_SENT',
  },
  {
    name: 'a peer that breaks off',
    serve: resetting,
    query: 'do=drain',
    limits: '',
    says: /^read 0\nread: Connection reset by peer\n$/,
    code: 'OUTBOUND_CONNECT_FAILED',
  },
]

async function start(serve: (socket: Socket) => void): Promise<Peer> {
  const peer = await startPeer(serve)
  onTestFinished(() => peer.close())
  return peer
}

function setOutboundStage({ port }: Peer, limits: string): Stage {
  const entries = ['tcp', 'tls'].map(
    (protocol) => `{ host = "127.0.0.1", ports = [${port}], protocol = "${protocol}" }`,
  )
  return setStage({
    modules: MODULES,
    keys: `outbound = [${entries.join()}]\npm_status_path = "/status.wasm"`,
    limits,
  })
}

function asking({ port }: Peer, query: string, protocol = 'tcp'): AskOptions {
  return { params: [['QUERY_STRING', `${query}&path=/dev/${protocol}/127.0.0.1/${port}`]] }
}

/** A counter of the status page. */
async function counted(stage: Stage, name: string): Promise<unknown> {
  const { body } = await stage.ask('hog', 'status', { params: [['QUERY_STRING', 'json']] })
  const status = JSON.parse(body.toString()) as { 'wasm-fpm': Record<string, unknown> }
  return status['wasm-fpm'][name]
}

/** All connections of guests are gone, and the tenant answers. */
async function expectNoneLeft(stage: Stage): Promise<void> {
  await expect.poll(() => counted(stage, 'outbound open')).toBe(0)
  expect((await stage.ask('hog', 'hello')).body.toString()).toBe(HELLO)
}

for (const { name, serve, query, limits, says, code, protocol } of CASES) {
  test(name, async () => {
    const peer = await start(serve)
    using stage = setOutboundStage(peer, limits)
    const { status, body } = await stage.ask('hog', 'outbound', asking(peer, query, protocol))
    expect([status, body.toString()]).toEqual([200, expect.stringMatching(says)])
    expect(stage.failures()).toEqual(code === undefined ? [] : [{ code, level: 'warn' }])
    await expectNoneLeft(stage)
    expect((await stage.ask('neighbour', 'hello')).body.toString()).toBe(HELLO)
  })
}

const ENDS = [
  { name: 'ends without closing it', query: 'do=hold&ms=50', wall: '10s' },
  { name: 'traps', query: 'do=trap', wall: '10s' },
  { name: 'is stopped while it reads', query: 'do=drain', wall: '200ms' },
  { name: 'is stopped while it writes', query: 'do=flood', wall: '200ms' },
  { name: 'is stopped while it connects', query: 'do=drain', wall: '200ms', protocol: 'tls' },
]

test.for(ENDS)('connections end with a guest that $name', async ({ query, wall, protocol }) => {
  const peer = await start(deaf)
  using stage = setOutboundStage(peer, `wall = "${wall}"`)
  await stage.ask('hog', 'outbound', asking(peer, query, protocol))
  expect(peer.count()).toBe(1)
  await expectNoneLeft(stage)
})

test('connections end with a request that is given up', async () => {
  const peer = await start(silent)
  using stage = setOutboundStage(peer, 'wall = "10s"')
  const exchange = stage.begin('hog', 'outbound', asking(peer, 'do=drain'))
  await expect.poll(() => peer.sockets.size).toBe(1)
  exchange.abort()
  await exchange.reply
  await expectNoneLeft(stage)
})

test('a guest that takes nothing stops the peer, and nothing of it is kept', async () => {
  const peer = await start(flooding)
  using stage = setOutboundStage(peer, 'wall = "10s"')
  const before = process.memoryUsage().external
  const asked = stage.ask('hog', 'outbound', asking(peer, 'do=hold&ms=500'))
  await expect.poll(() => peer.sockets.size).toBe(1)
  const [socket] = peer.sockets
  await expect.poll(() => socket?.writableNeedDrain).toBe(true)
  const sent = socket?.bytesWritten ?? 0
  // What the kernel and one buffer hold.
  expect(sent).toBeLessThan(16 * 1024 * KIB)
  expect(process.memoryUsage().external - before).toBeLessThan(16 * 1024 * KIB)
  expect((await asked).body.toString()).toBe('held\n')
  await expectNoneLeft(stage)
})

test('a guest that asks for ever for what it may not have fills no log, and all of it is counted', async () => {
  const peer = await start(silent)
  using stage = setOutboundStage(peer, 'wall = "30s"\ncpu = "30s"')
  const params: AskOptions['params'] = [
    ['QUERY_STRING', 'do=insist&n=5000&path=/dev/tcp/other.example/1'],
  ]
  const startMs = performance.now()
  expect((await stage.ask('hog', 'outbound', { params })).body.toString()).toBe('insisted\n')
  const seconds = Math.ceil((performance.now() - startMs) / 1000) + 1
  expect(stage.failures().length).toBeLessThanOrEqual(10 * seconds)
  expect(await counted(stage, 'outbound failures')).toEqual({ 'not-allowed': 5000 })
})

test('a guest that opens and closes for ever leaves nothing behind', async () => {
  const peer = await start(silent)
  using stage = setOutboundStage(peer, 'wall = "30s"\ncpu = "30s"')
  const { body } = await stage.ask('hog', 'outbound', asking(peer, 'do=reopen&n=300'))
  expect(body.toString()).toMatch(/^(?:open: .*\n)?reopened \d+\n$/)
  await expectNoneLeft(stage)
})

test('a neighbour is answered while sixteen guests send and receive all they can', async () => {
  const [sender, taker] = [await start(flooding), await start(silent)]
  using stage = setStage({
    modules: MODULES,
    keys: `max_children = 16
pm_status_path = "/status.wasm"
outbound = [{ host = "127.0.0.1", ports = [${sender.port}, ${taker.port}] }]`,
    limits: 'wall = "2s"\ncpu = "30s"\noutbound_sent = "100GiB"\noutbound_received = "100GiB"',
  })
  await stage.ask('neighbour', 'hello')
  const busy = Array.from({ length: 16 }, (_, index) =>
    index % 2 === 0
      ? stage.ask('hog', 'outbound', asking(sender, 'do=drain'))
      : stage.ask('hog', 'outbound', asking(taker, 'do=flood')),
  )
  await expect.poll(() => sender.sockets.size + taker.sockets.size).toBe(16)
  const waitsMs: number[] = []
  for (let turn = 0; turn < 30; turn++) {
    const startMs = performance.now()
    expect((await stage.ask('neighbour', 'hello')).body.toString()).toBe(HELLO)
    waitsMs.push(performance.now() - startMs)
  }
  waitsMs.sort((left, right) => left - right)
  expect(waitsMs[15]).toBeLessThan(50)
  await Promise.all(busy)
  await expectNoneLeft(stage)
})
