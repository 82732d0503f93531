/** wasi:sockets: what a guest may connect to, and what comes of it. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'vitest'
import {
  BYTE,
  type Channel,
  type Items,
  Channel as Stream,
} from '../../../src/component/channel.ts'
import { takeFuture } from '../../../src/component/host/host-future.ts'
import { addressIn, MAX_NAMES, placeOf } from '../../../src/component/host/socket-address.ts'
import { FOR_HOST } from '../../../src/component/lift-bounds.ts'
import { type Case, caseOf, HostResource, OK, type Value } from '../../../src/component/value.ts'
import { beginOutbound, type OutboundRun, outcomeOf } from '../../support/component-outbound.ts'
import { callOrWait, failure, ok } from '../../support/host-function-call.ts'

const RAW = { methods: [] }
const LOCALHOST = { host: 'localhost', methods: [], isPrivate: true }
const TCP = 'wasi:sockets/tcp'
const SOCKET = '[method]tcp-socket.'
const V3 = 'wasi:sockets/types@0.3'

const echoing = (socket: Socket): void => void socket.on('data', (bytes) => socket.write(bytes))

type Call = (from: string, name: string, ...values: Value[]) => Value | Promise<Value>

const callerOf =
  ({ host }: OutboundRun): Call =>
  (from, name, ...values) =>
    callOrWait(host, { from, name }, values)

const V4 = (port: number, ...address: number[]): Case => caseOf('ipv4', [port, address])
const loopback = (port: number): Case => V4(port, 127, 0, 0, 1)

class Network extends HostResource {}
const network = new Network()

const makeSocket = (call: Call, family = 'ipv4'): Value =>
  ok(call('wasi:sockets/tcp-create-socket', 'create-tcp-socket', family))

/** What connecting comes to. */
async function connect(call: Call, socket: Value, remote: Case): Promise<Case> {
  const begun = call(TCP, `${SOCKET}start-connect`, socket, network, remote) as Case
  if (begun.tag === 'err') return begun
  assert.equal(
    failure(call(TCP, `${SOCKET}start-connect`, socket, network, remote)),
    'concurrency-conflict',
  )
  const pollable = call(TCP, `${SOCKET}subscribe`, socket) as Value
  assert.equal(failure(call(TCP, `${SOCKET}finish-connect`, socket)), 'would-block')
  await call('wasi:io/poll', '[method]pollable.block', pollable)
  return call(TCP, `${SOCKET}finish-connect`, socket) as Case
}

/** The address that stands for a name. */
function lookUp(call: Call, name: string): Case {
  const stream = ok(call('wasi:sockets/ip-name-lookup', 'resolve-addresses', network, name))
  const next = () =>
    ok(
      call(
        'wasi:sockets/ip-name-lookup',
        '[method]resolve-address-stream.resolve-next-address',
        stream,
      ),
    )
  const found = next() as Case
  assert.equal((next() as Case).tag, 'none')
  return found.value as Case
}

const read = (call: Call, stream: Value) =>
  call('wasi:io/streams', '[method]input-stream.blocking-read', stream, 100n)
const write = (call: Call, stream: Value, text: string) =>
  call(
    'wasi:io/streams',
    '[method]output-stream.blocking-write-and-flush',
    stream,
    Buffer.from(text),
  )

describe('0.2', () => {
  test('connects, sends and receives, and says where to', async () => {
    const run = await beginOutbound(echoing, RAW)
    const call = callerOf(run)
    const socket = makeSocket(call)
    assert.equal(call(TCP, `${SOCKET}address-family`, socket), 'ipv4')
    assert.equal(failure(call(TCP, `${SOCKET}remote-address`, socket)), 'invalid-state')
    const [input, output] = ok(await connect(call, socket, loopback(run.port))) as [Value, Value]
    assert.deepEqual(ok(call(TCP, `${SOCKET}remote-address`, socket)), loopback(run.port))
    ok(await write(call, output, 'hello'))
    assert.equal(Buffer.from(ok(await read(call, input)) as Uint8Array).toString(), 'hello')
    assert.deepEqual(await call(TCP, `${SOCKET}shutdown`, socket, 'send'), OK)
    assert.equal((failure(await write(call, output, 'more')) as Case).tag, 'closed')
    assert.equal((failure(await read(call, input)) as Case).tag, 'closed')
    assert.equal(run.sent, 'hello')
  })

  test('shut down for reading: no more is read', async () => {
    const run = await beginOutbound(echoing, RAW)
    const call = callerOf(run)
    const socket = makeSocket(call)
    assert.equal(failure(await call(TCP, `${SOCKET}shutdown`, socket, 'both')), 'invalid-state')
    const [input, output] = ok(await connect(call, socket, loopback(run.port))) as [Value, Value]
    assert.deepEqual(await call(TCP, `${SOCKET}shutdown`, socket, 'receive'), OK)
    assert.equal((failure(await read(call, input)) as Case).tag, 'closed')
    ok(await write(call, output, 'a'))
  })

  test('a name is looked up where it is connected to, and by its entry', async () => {
    const run = await beginOutbound(echoing, LOCALHOST)
    const call = callerOf(run)
    const standIn = lookUp(call, 'LocalHost')
    assert.deepEqual(standIn, caseOf('ipv4', [240, 0, 0, 0]))
    assert.deepEqual(lookUp(call, 'localhost'), standIn)
    const socket = makeSocket(call)
    ok(await connect(call, socket, V4(run.port, 240, 0, 0, 0)))
    // The address itself has no entry.
    assert.equal(
      failure(await connect(call, makeSocket(call), loopback(run.port))),
      'access-denied',
    )
    // In another run it stands for nothing.
    run.host.begin(run.granted)
    const later = await connect(call, makeSocket(call), V4(run.port, 240, 0, 0, 0))
    assert.equal(failure(later), 'access-denied')
  })

  test.each([
    ['what no entry allows', V4(1, 127, 0, 0, 1), 'access-denied'],
    ['a name of nobody that was asked for', V4(80, 240, 0, 0, 7), 'access-denied'],
    ['no port', V4(0, 127, 0, 0, 1), 'invalid-argument'],
    ['nowhere', V4(80, 0, 0, 0, 0), 'invalid-argument'],
    ['the other family', caseOf('ipv6', [80, 0, [0, 0, 0, 0, 0, 0, 0, 1], 0]), 'invalid-argument'],
  ])('refused: %s', async (_, remote, code) => {
    const call = callerOf(await beginOutbound(echoing, RAW))
    assert.equal(failure(await connect(call, makeSocket(call), remote)), code)
  })

  test('refused: an IPv4 address in IPv6, and what asks for HTTP only', async () => {
    const run = await beginOutbound(echoing)
    const call = callerOf(run)
    const mapped = caseOf('ipv6', [80, 0, [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], 0])
    const six = makeSocket(call, 'ipv6')
    assert.equal(failure(await connect(call, six, mapped)), 'invalid-argument')
    assert.equal(
      failure(await connect(call, makeSocket(call), loopback(run.port))),
      'access-denied',
    )
  })

  test('a peer that is not there, and more connections than a request may have', async () => {
    const run = await beginOutbound(echoing, { ...RAW, ports: [1] })
    const call = callerOf(run)
    assert.equal(failure(await connect(call, makeSocket(call), loopback(1))), 'connection-refused')
    const many = await beginOutbound(echoing, RAW)
    const ask = callerOf(many)
    for (let open = 0; open < 2; open += 1)
      ok(await connect(ask, makeSocket(ask), loopback(many.port)))
    const third = await connect(ask, makeSocket(ask), loopback(many.port))
    assert.equal(failure(third), 'new-socket-limit')
  })

  test('closed with its socket, which its streams keep', async () => {
    const run = await beginOutbound(echoing, RAW)
    const call = callerOf(run)
    const { host } = run
    const socket = makeSocket(call) as HostResource
    const handles = host.handles(0)
    const handle = handles.add('socket', socket)
    const streams = ok(await connect(call, socket, loopback(run.port))) as HostResource[]
    for (const stream of streams) handles.drop(handles.add('stream', stream), 'stream')
    // What it was waited for with.
    assert.equal(socket.children, 1)
    assert.throws(() => handles.drop(handle, 'socket'), /before 1 that came out of it/)
    socket.drop()
    await run.hasClosed
  })

  test('nothing is bound, listens, is accepted, or is UDP', async () => {
    const call = callerOf(await beginOutbound(echoing, RAW))
    const socket = makeSocket(call)
    const asked = (name: string, ...values: Value[]) =>
      failure(call(TCP, `${SOCKET}${name}`, socket, ...values))
    assert.equal(asked('start-bind', network, loopback(80)), 'access-denied')
    assert.equal(asked('finish-bind'), 'not-in-progress')
    assert.equal(asked('start-listen'), 'access-denied')
    assert.equal(asked('accept'), 'invalid-state')
    assert.equal(asked('finish-connect'), 'not-in-progress')
    assert.equal(asked('set-hop-limit', 3), 'not-supported')
    assert.equal(
      failure(call('wasi:sockets/udp-create-socket', 'create-udp-socket', 'ipv4')),
      'not-supported',
    )
  })

  test('names: too many, and what is none', async () => {
    const call = callerOf(await beginOutbound(echoing, RAW))
    const resolve = (name: string) =>
      call('wasi:sockets/ip-name-lookup', 'resolve-addresses', network, name)
    for (const name of ['', '-a', 'a b', 'a/b', 'ä', 'a'.repeat(254), '[::1]', '127.0.0.1:80'])
      assert.equal(failure(resolve(name)), 'invalid-argument', name)
    for (let count = 0; count < MAX_NAMES; count += 1) ok(resolve(`n${count}`))
    assert.equal(failure(resolve('more')), 'temporary-resolver-failure')
    ok(resolve('N0'))
    assert.deepEqual(lookUp(call, '10.1.2.3'), caseOf('ipv4', [10, 1, 2, 3]))
  })
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '0:0:0:0:0:0:0:1'],
  ['2001:DB8::a:0', '2001:db8:0:0:0:0:a:0'],
  ['::', '0:0:0:0:0:0:0:0'],
  ['fe80::', 'fe80:0:0:0:0:0:0:0'],
  ['1.2.3', undefined],
  ['256.1.1.1', undefined],
  ['1::2::3', undefined],
  ['fe80::1%eth0', undefined],
])('the address %s', (text, written) => {
  const found = addressIn(text)
  const parts = found?.value as readonly number[]
  const place =
    found &&
    placeOf(caseOf(found.tag, found.tag === 'ipv4' ? [1, parts] : [1, 0, parts, 0])).address
  assert.equal(place, written)
})

describe('0.3', () => {
  const makeOne = (call: Call): Value => ok(call(V3, '[static]tcp-socket.create', 'ipv4'))

  async function connected(run: OutboundRun, call: Call, remote: Case): Promise<Case> {
    return await outcomeOf(run, call(V3, `${SOCKET}connect`, makeOneOf, remote))
  }
  let makeOneOf: Value

  /** Reads until the end of a stream. */
  async function all({ host }: OutboundRun, channel: Channel): Promise<string> {
    let text = ''
    let hasEnded = false
    const ask = (): void => {
      let taken = 0
      channel.start({
        ...{ side: 'read', owner: undefined, onProgress: () => undefined },
        buffer: {
          ...{ element: BYTE, isEmpty: false, bounds: FOR_HOST },
          get remain(): number {
            return 1000 - taken
          },
          write: (items: Items, count: number) => {
            taken += count
            text += Buffer.from(items as Uint8Array).toString()
          },
        },
        onDone: (result) => {
          if (result === 'dropped') hasEnded = true
        },
      })
    }
    ask()
    await host.work.until(() => hasEnded)
    return text
  }

  /** Gives all of a text, and no more. */
  function give(channel: Channel, text: string): void {
    const bytes = Buffer.from(text)
    let at = 0
    channel.start({
      ...{ side: 'write', owner: undefined, onProgress: () => undefined },
      buffer: {
        ...{ element: BYTE, isEmpty: false },
        get remain(): number {
          return bytes.length - at
        },
        read: (count: number): Items => {
          at += count
          if (at === bytes.length) queueMicrotask(() => channel.drop())
          return bytes.subarray(at - count, at)
        },
      },
      onDone: () => undefined,
    })
  }

  test('connects, sends a stream, and receives one', async () => {
    const run = await beginOutbound((socket) => {
      socket.on('data', (bytes) => socket.end(bytes))
    }, RAW)
    const call = callerOf(run)
    makeOneOf = makeOne(call)
    assert.deepEqual(await connected(run, call, loopback(run.port)), OK)
    const sent = new Stream(false)
    give(sent, 'hello')
    const told: Value[] = []
    takeFuture(call(V3, `${SOCKET}send`, makeOneOf, sent) as Channel, (value) => told.push(value))
    const [received, end] = call(V3, `${SOCKET}receive`, makeOneOf) as [Channel, Channel]
    takeFuture(end, (value) => told.push(value))
    assert.equal(await all(run, received), 'hello')
    assert.deepEqual(ok(call(V3, `${SOCKET}get-remote-address`, makeOneOf)), loopback(run.port))
    await run.host.work.until(() => told.length === 2)
    assert.deepEqual(told, [OK, OK])
    assert.equal(run.sent, 'hello')
    // Each once.
    const more: Value[] = []
    takeFuture(call(V3, `${SOCKET}send`, makeOneOf, new Stream(false)) as Channel, (value) =>
      more.push(value),
    )
    takeFuture((call(V3, `${SOCKET}receive`, makeOneOf) as Channel[])[1] as Channel, (value) =>
      more.push(value),
    )
    assert.deepEqual(
      more.map((value) => (failure(value) as Case).tag),
      ['invalid-state', 'invalid-state'],
    )
    ;(makeOneOf as HostResource).drop()
    await run.hasClosed
  })

  test.each([
    ['what no entry allows', V4(1, 127, 0, 0, 1), 'access-denied'],
    ['no port', V4(0, 127, 0, 0, 1), 'invalid-argument'],
  ])('refused: %s', async (_, remote, code) => {
    const run = await beginOutbound(echoing, RAW)
    const call = callerOf(run)
    makeOneOf = makeOne(call)
    assert.equal((failure(await connected(run, call, remote)) as Case).tag, code)
  })

  test('nothing listens, names stand for themselves', async () => {
    const run = await beginOutbound(echoing, RAW)
    const call = callerOf(run)
    const socket = makeOne(call)
    assert.equal((failure(call(V3, `${SOCKET}listen`, socket)) as Case).tag, 'access-denied')
    assert.equal(
      (failure(call(V3, `${SOCKET}bind`, socket, loopback(80))) as Case).tag,
      'access-denied',
    )
    assert.equal(
      (failure(call(V3, '[static]udp-socket.create', 'ipv4')) as Case).tag,
      'not-supported',
    )
    const lookup = 'wasi:sockets/ip-name-lookup@0.3'
    assert.deepEqual(ok(call(lookup, 'resolve-addresses', 'a.example')), [
      caseOf('ipv4', [240, 0, 0, 0]),
    ])
    assert.equal(
      (failure(call(lookup, 'resolve-addresses', 'a b')) as Case).tag,
      'invalid-argument',
    )
  })
})
