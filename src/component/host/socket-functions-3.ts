/** wasi:sockets of 0.3: as that of 0.2, and what is sent and received are streams. */
import { Errno } from '../../wasi/errno.ts'
import type { Channel } from '../channel.ts'
import { Deferred } from '../deferred.ts'
import { type Case, caseOf, err, NONE, OK, ok, type Value } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { InputStream } from './guest-input.ts'
import { OutputStream } from './guest-output.ts'
import { type Interface, plain, waiting } from './host-function.ts'
import { makeFuture, resolveFuture } from './host-future.ts'
import type { IoError } from './io-error.ts'
import type { Wish } from './preview1-calls.ts'
import type { AddressFamily } from './socket-address.ts'
import { socketErrorOf3 } from './socket-errors.ts'
import { lookUp } from './socket-functions.ts'
import { socketOptions } from './socket-options.ts'
import { StreamSink } from './stream-sink.ts'
import { StreamSource } from './stream-source.ts'
import { endSending, TcpSocket } from './tcp-socket.ts'

export const NAME_LOOKUP_3: Interface = {
  'resolve-addresses': plain(
    'async (string) -> result<list<$ip-address>, $lookup-error-3>',
    (host) => (name: string) => {
      const { tag, value } = lookUp(host, name)
      return tag === 'ok' ? ok([value]) : err(caseOf(value as string))
    },
  ),
}

/** Each direction is asked for once. */
class HalvedSocket extends TcpSocket {
  isSending = false
  isReceiving = false
}

class Connecting extends Deferred {
  readonly #socket: HalvedSocket

  constructor(socket: HalvedSocket) {
    super()
    this.#socket = socket
  }

  outcome(): readonly [Value] | undefined {
    const errno = this.#socket.finish()
    if (errno === undefined) return undefined
    return [errno === Errno.SUCCESS ? OK : err(socketErrorOf3(errno))]
  }

  wishes(): readonly Wish[] {
    return this.#socket.wishes() ?? []
  }

  override cancel(): void {
    this.#socket.close()
  }
}

function connect(self: HalvedSocket, remote: Case): Case | Deferred {
  const problem = self.connect(remote)
  if (problem === undefined) return new Connecting(self)
  return err(typeof problem === 'number' ? socketErrorOf3(problem) : caseOf(problem))
}

const endOf = (problem: IoError | undefined): Case =>
  problem === undefined ? OK : err(socketErrorOf3(problem.errno))

const INVALID_STATE = err(caseOf('invalid-state'))

function send(host: ComponentHost, self: HalvedSocket, data: Channel): Channel {
  const end = makeFuture()
  if (self.remote === undefined || self.isSending) {
    data.drop()
    resolveFuture(end, INVALID_STATE)
    return end
  }
  self.isSending = true
  const open = self.open.retain()
  const output = new OutputStream(host.calls, { fd: open.fd })
  host.work.add(
    new StreamSink(data, output, (problem) => {
      if (problem === undefined) endSending(host, open.fd)
      open.release()
      resolveFuture(end, endOf(problem))
    }),
  )
  return end
}

function receive(host: ComponentHost, self: HalvedSocket): Value {
  const end = makeFuture()
  if (self.remote === undefined || self.isReceiving) {
    resolveFuture(end, INVALID_STATE)
    return [
      new StreamSource(host.work, new InputStream(host.calls, undefined), () => undefined).channel,
      end,
    ]
  }
  self.isReceiving = true
  const open = self.open.retain()
  const input = new InputStream(host.calls, { fd: open.fd })
  const source = new StreamSource(host.work, input, (problem) => {
    open.release()
    resolveFuture(end, endOf(problem))
  })
  return [source.channel, end]
}

const SELF = 'borrow<$tcp-socket-3>'
const RESULT = 'result<_, $network-error-3>'
const ADDRESS = 'result<$socket-address, $network-error-3>'
const refused = (type: string, code: string) => plain(type, () => () => err(caseOf(code)))

export const TCP_3: Interface = {
  '[static]tcp-socket.create': plain(
    '($address-family) -> result<own<$tcp-socket-3>, $network-error-3>',
    (host) => (family: AddressFamily) => ok(new HalvedSocket(host, family)),
  ),
  '[method]tcp-socket.bind': refused(`(${SELF}, $socket-address) -> ${RESULT}`, 'access-denied'),
  '[method]tcp-socket.connect': waiting(
    `async (${SELF}, $socket-address) -> ${RESULT}`,
    () => connect,
  ),
  '[method]tcp-socket.listen': refused(
    `(${SELF}) -> result<stream<own<$tcp-socket-3>>, $network-error-3>`,
    'access-denied',
  ),
  '[method]tcp-socket.send': plain(
    `(${SELF}, stream<u8>) -> $socket-end`,
    (host) => (self: HalvedSocket, data: Channel) => send(host, self, data),
  ),
  '[method]tcp-socket.receive': plain(
    `(${SELF}) -> tuple<stream<u8>, $socket-end>`,
    (host) => (self: HalvedSocket) => receive(host, self),
  ),
  '[method]tcp-socket.get-local-address': plain(
    `(${SELF}) -> ${ADDRESS}`,
    () =>
      ({ remote }: HalvedSocket) =>
        remote === undefined ? INVALID_STATE : err(caseOf('other', NONE)),
  ),
  '[method]tcp-socket.get-remote-address': plain(
    `(${SELF}) -> ${ADDRESS}`,
    () =>
      ({ remote }: HalvedSocket) =>
        remote === undefined ? INVALID_STATE : ok(remote),
  ),
  '[method]tcp-socket.get-is-listening': plain(`(${SELF}) -> bool`, () => () => false),
  '[method]tcp-socket.get-address-family': plain(
    `(${SELF}) -> $address-family`,
    () =>
      ({ family }: HalvedSocket) =>
        family,
  ),
  '[method]tcp-socket.set-listen-backlog-size': refused(
    `(${SELF}, u64) -> ${RESULT}`,
    'not-supported',
  ),
  ...socketOptions({
    ...{ resource: 'tcp-socket', handle: '$tcp-socket-3', getter: 'get-' },
    ...{ error: '$network-error-3', refused: caseOf('not-supported') },
  }),
}
