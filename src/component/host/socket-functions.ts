/** wasi:sockets of 0.2: TCP connections where the tenant's configuration allows them, and names. Nothing listens, and nothing is bound. */
import { Errno } from '../../wasi/errno.ts'
import { type Case, err, HostResource, NONE, OK, ok, some } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { InputStream } from './guest-input.ts'
import { OutputStream } from './guest-output.ts'
import { type Interface, plain, waiting } from './host-function.ts'
import type { IoError } from './io-error.ts'
import { Pollable } from './pollable.ts'
import { after } from './preview1-calls.ts'
import { type AddressFamily, addressIn, isName } from './socket-address.ts'
import { socketErrorOf } from './socket-errors.ts'
import { socketOptions } from './socket-options.ts'
import { endSending, TcpSocket } from './tcp-socket.ts'

const RESULT = 'result<_, $network-error>'
const ADDRESS = 'result<$socket-address, $network-error>'

class Network extends HostResource {}

export const INSTANCE_NETWORK: Interface = {
  'instance-network': plain('() -> own<$network>', () => () => new Network()),
}

export const NETWORK: Interface = {
  'network-error-code': plain(
    '(borrow<$error>) -> option<$network-error>',
    () => (error: IoError) => (error.code === undefined ? some(socketErrorOf(error.errno)) : NONE),
  ),
}

/** Why a name has no address, or the one that it has. */
export function lookUp(host: ComponentHost, name: string): Case {
  const own = addressIn(name)
  if (own !== undefined) return ok(own)
  if (!isName(name)) return err('invalid-argument')
  const standIn = host.socketNames.standIn(name)
  if (standIn === undefined) return err('temporary-resolver-failure')
  return ok(standIn)
}

class AddressStream extends HostResource {
  readonly address: Case
  isTaken = false

  constructor(address: Case) {
    super()
    this.address = address
  }
}

export const NAME_LOOKUP: Interface = {
  'resolve-addresses': plain(
    '(borrow<$network>, string) -> result<own<$resolve-address-stream>, $network-error>',
    (host) => (_: Network, name: string) => {
      const found = lookUp(host, name)
      return found.tag === 'ok' ? ok(new AddressStream(found.value as Case)) : found
    },
  ),
  '[method]resolve-address-stream.resolve-next-address': plain(
    '(borrow<$resolve-address-stream>) -> result<option<$ip-address>, $network-error>',
    () => (self: AddressStream) => {
      if (self.isTaken) return ok(NONE)
      self.isTaken = true
      return ok(some(self.address))
    },
  ),
  '[method]resolve-address-stream.subscribe': plain(
    '(borrow<$resolve-address-stream>) -> own<$pollable>',
    () => () => new Pollable(undefined),
  ),
}

/** With its streams, which it is given up after. */
class StreamingSocket extends TcpSocket {
  input: InputStream | undefined
  output: OutputStream | undefined
}

export const CREATE_TCP: Interface = {
  'create-tcp-socket': plain(
    '($address-family) -> result<own<$tcp-socket>, $network-error>',
    (host) => (family: AddressFamily) => ok(new StreamingSocket(host, family)),
  ),
}

const SELF = 'borrow<$tcp-socket>'
/** Nobody may connect to a guest. */
const denied = (type: string) => plain(type, () => () => err('access-denied'))
const never = (type: string, code: string) => plain(type, () => () => err(code))

export const TCP: Interface = {
  '[method]tcp-socket.start-bind': denied(
    `(${SELF}, borrow<$network>, $socket-address) -> ${RESULT}`,
  ),
  '[method]tcp-socket.finish-bind': never(`(${SELF}) -> ${RESULT}`, 'not-in-progress'),
  '[method]tcp-socket.start-connect': plain(
    `(${SELF}, borrow<$network>, $socket-address) -> ${RESULT}`,
    () => (self: StreamingSocket, _: Network, remote: Case) => {
      if (self.state === 'connecting') return err('concurrency-conflict')
      const problem = self.connect(remote)
      if (problem === undefined) return OK
      return err(typeof problem === 'number' ? socketErrorOf(problem) : problem)
    },
  ),
  '[method]tcp-socket.finish-connect': plain(
    `(${SELF}) -> result<tuple<own<$input-stream>, own<$output-stream>>, $network-error>`,
    ({ calls }) =>
      (self: StreamingSocket) => {
        if (self.state !== 'connecting') return err('not-in-progress')
        const errno = self.finish()
        if (errno === undefined) return err('would-block')
        if (errno !== Errno.SUCCESS) return err(socketErrorOf(errno))
        const { fd } = self.open
        self.input = new InputStream(calls, { fd }).of(self)
        self.output = new OutputStream(calls, { fd }).of(self)
        return ok([self.input, self.output])
      },
  ),
  '[method]tcp-socket.start-listen': denied(`(${SELF}) -> ${RESULT}`),
  '[method]tcp-socket.finish-listen': never(`(${SELF}) -> ${RESULT}`, 'not-in-progress'),
  '[method]tcp-socket.accept': never(
    `(${SELF}) -> result<tuple<own<$tcp-socket>, own<$input-stream>, own<$output-stream>>, $network-error>`,
    'invalid-state',
  ),
  '[method]tcp-socket.local-address': plain(
    `(${SELF}) -> ${ADDRESS}`,
    () => (self: StreamingSocket) =>
      err(self.remote === undefined ? 'invalid-state' : 'not-supported'),
  ),
  '[method]tcp-socket.remote-address': plain(
    `(${SELF}) -> ${ADDRESS}`,
    () =>
      ({ remote }: StreamingSocket) =>
        remote === undefined ? err('invalid-state') : ok(remote),
  ),
  '[method]tcp-socket.is-listening': plain(`(${SELF}) -> bool`, () => () => false),
  '[method]tcp-socket.address-family': plain(
    `(${SELF}) -> $address-family`,
    () =>
      ({ family }: StreamingSocket) =>
        family,
  ),
  '[method]tcp-socket.set-listen-backlog-size': never(
    `(${SELF}, u64) -> ${RESULT}`,
    'not-supported',
  ),
  ...socketOptions({
    ...{ resource: 'tcp-socket', handle: '$tcp-socket', getter: '', error: '$network-error' },
    refused: 'not-supported',
  }),
  '[method]tcp-socket.subscribe': plain(
    `(${SELF}) -> own<$pollable>`,
    () => (self: StreamingSocket) => new Pollable(self.wishes).of(self),
  ),
  '[method]tcp-socket.shutdown': waiting(
    `(${SELF}, enum{receive, send, both}) -> ${RESULT}`,
    (host) =>
      (self: StreamingSocket, which: string): Case | Promise<Case> => {
        const { input, output } = self
        if (input === undefined || output === undefined) return err('invalid-state')
        if (which !== 'send') input.end()
        if (which === 'receive') return OK
        return after(output.flush(true), () => {
          output.close()
          endSending(host, self.open.fd)
          return OK
        })
      },
  ),
}
