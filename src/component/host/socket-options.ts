/** Options of sockets of wasi:sockets, in each version of it: functions of one shape. */
import { err, type Value } from '../value.ts'
import { type Interface, plain } from './host-function.ts'

/** Options of a socket, as they are asked for and set: they are the system's here, and not the guest's. */
const TCP_OPTIONS: Readonly<Record<string, string>> = {
  'keep-alive-enabled': 'bool',
  'keep-alive-idle-time': 'u64',
  'keep-alive-interval': 'u64',
  'keep-alive-count': 'u32',
  'hop-limit': 'u8',
  'receive-buffer-size': 'u64',
  'send-buffer-size': 'u64',
}
const UDP_OPTIONS: Readonly<Record<string, string>> = {
  'unicast-hop-limit': 'u8',
  'receive-buffer-size': 'u64',
  'send-buffer-size': 'u64',
}

interface OptionNames {
  /** `tcp-socket` or `udp-socket`. */
  readonly resource: 'tcp-socket' | 'udp-socket'
  /** How types have it. */
  readonly handle: string
  /** Before the name of what is asked for. */
  readonly getter: '' | 'get-'
  /** The type of errors. */
  readonly error: string
  /** The error that all of them answer. */
  readonly refused: Value
}

/** All of a resource's, each of which is refused. */
export function socketOptions({
  resource,
  handle,
  getter,
  error,
  refused,
}: OptionNames): Interface {
  const options = resource === 'tcp-socket' ? TCP_OPTIONS : UDP_OPTIONS
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, type]) => [
      [
        `[method]${resource}.${getter}${name}`,
        plain(`(borrow<${handle}>) -> result<${type}, ${error}>`, () => () => err(refused)),
      ],
      [
        `[method]${resource}.set-${name}`,
        plain(`(borrow<${handle}>, ${type}) -> result<_, ${error}>`, () => () => err(refused)),
      ],
    ]),
  )
}
