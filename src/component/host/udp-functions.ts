/** UDP of wasi:sockets: no socket of it is made, so that nothing else of it can be called. It is here for programs that import all of it. */
import { fault } from '../guest-fault.ts'
import { caseOf, err } from '../value.ts'
import { type HostFunction, type Interface, plain } from './host-function.ts'
import { socketOptions } from './socket-options.ts'

const SELF = 'borrow<$udp-socket>'
const RECEIVER = 'borrow<$incoming-datagram-stream>'
const SENDER = 'borrow<$outgoing-datagram-stream>'
const RESULT = 'result<_, $network-error>'
const ADDRESS = 'result<$socket-address, $network-error>'

/** One of a resource that there is none of. */
function unreached(type: string): HostFunction {
  return plain(type, () => () => {
    throw fault('a socket of UDP was used, and there are none')
  })
}

export const CREATE_UDP: Interface = {
  'create-udp-socket': plain(
    '($address-family) -> result<own<$udp-socket>, $network-error>',
    () => () => err('not-supported'),
  ),
}

export const UDP: Interface = {
  '[method]udp-socket.start-bind': unreached(
    `(${SELF}, borrow<$network>, $socket-address) -> ${RESULT}`,
  ),
  '[method]udp-socket.finish-bind': unreached(`(${SELF}) -> ${RESULT}`),
  '[method]udp-socket.stream': unreached(
    `(${SELF}, option<$socket-address>) -> result<tuple<own<$incoming-datagram-stream>, own<$outgoing-datagram-stream>>, $network-error>`,
  ),
  '[method]udp-socket.local-address': unreached(`(${SELF}) -> ${ADDRESS}`),
  '[method]udp-socket.remote-address': unreached(`(${SELF}) -> ${ADDRESS}`),
  '[method]udp-socket.address-family': unreached(`(${SELF}) -> $address-family`),
  ...socketOptions({
    ...{ resource: 'udp-socket', handle: '$udp-socket', getter: '', error: '$network-error' },
    refused: 'not-supported',
  }),
  '[method]udp-socket.subscribe': unreached(`(${SELF}) -> own<$pollable>`),
  '[method]incoming-datagram-stream.receive': unreached(
    `(${RECEIVER}, u64) -> result<list<$datagram>, $network-error>`,
  ),
  '[method]incoming-datagram-stream.subscribe': unreached(`(${RECEIVER}) -> own<$pollable>`),
  '[method]outgoing-datagram-stream.check-send': unreached(
    `(${SENDER}) -> result<u64, $network-error>`,
  ),
  '[method]outgoing-datagram-stream.send': unreached(
    `(${SENDER}, list<$sent-datagram>) -> result<u64, $network-error>`,
  ),
  '[method]outgoing-datagram-stream.subscribe': unreached(`(${SENDER}) -> own<$pollable>`),
}

const SELF_3 = 'borrow<$udp-socket-3>'
const RESULT_3 = 'result<_, $network-error-3>'
const ADDRESS_3 = 'result<$socket-address, $network-error-3>'

export const UDP_3: Interface = {
  '[static]udp-socket.create': plain(
    '($address-family) -> result<own<$udp-socket-3>, $network-error-3>',
    () => () => err(caseOf('not-supported')),
  ),
  '[method]udp-socket.bind': unreached(`(${SELF_3}, $socket-address) -> ${RESULT_3}`),
  '[method]udp-socket.connect': unreached(`(${SELF_3}, $socket-address) -> ${RESULT_3}`),
  '[method]udp-socket.disconnect': unreached(`(${SELF_3}) -> ${RESULT_3}`),
  '[method]udp-socket.send': unreached(
    `async (${SELF_3}, list<u8>, option<$socket-address>) -> ${RESULT_3}`,
  ),
  '[method]udp-socket.receive': unreached(
    `async (${SELF_3}) -> result<tuple<list<u8>, $socket-address>, $network-error-3>`,
  ),
  '[method]udp-socket.get-local-address': unreached(`(${SELF_3}) -> ${ADDRESS_3}`),
  '[method]udp-socket.get-remote-address': unreached(`(${SELF_3}) -> ${ADDRESS_3}`),
  '[method]udp-socket.get-address-family': unreached(`(${SELF_3}) -> $address-family`),
  ...socketOptions({
    ...{ resource: 'udp-socket', handle: '$udp-socket-3', getter: 'get-' },
    ...{ error: '$network-error-3', refused: caseOf('not-supported') },
  }),
}
