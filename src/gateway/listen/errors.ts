/** Why a listening socket cannot be opened, and why a connection is given up. */
import { CodedError } from '../../base/errors.ts'

export type ListenErrorCode =
  /** The address is none of the forms that `parseListenAddress` reads. */
  | 'GATEWAY_LISTEN_BAD_ADDRESS'
  /** The path of a unix socket does not fit into the kernel's `sun_path`. */
  | 'GATEWAY_LISTEN_PATH_TOO_LONG'
  /** Somebody else listens on this address. */
  | 'GATEWAY_LISTEN_IN_USE'
  /** What lies at the path of the unix socket is not a socket. */
  | 'GATEWAY_LISTEN_NOT_A_SOCKET'
  /** The socket file's owner, group or mode cannot be set: no such name, a mode that is none, or no right to. */
  | 'GATEWAY_LISTEN_BAD_OWNER'
  /** The inherited file descriptor is missing or is not a listening socket. */
  | 'GATEWAY_LISTEN_NOT_INHERITED'
  /** A TCP address others can reach, without a list of allowed clients. */
  | 'GATEWAY_LISTEN_EXPOSED'
  /** An entry of the allowed clients is neither an address nor a network. */
  | 'GATEWAY_LISTEN_BAD_CLIENT'
  /** The kernel refused: no such interface, no permission, no such directory, ... */
  | 'GATEWAY_LISTEN_FAILED'
  /** The peer sent no byte within `firstByteMs` after it connected. */
  | 'GATEWAY_FIRST_BYTE_TIMEOUT'
  /** The peer took longer than `paramsMs` from the first byte of a request to the end of its PARAMS. */
  | 'GATEWAY_PARAMS_TIMEOUT'
  /** No byte of the request's body arrived for `bodyIdleMs`. */
  | 'GATEWAY_BODY_TIMEOUT'
  /** The peer took no byte of our output for `writeStallMs`. */
  | 'GATEWAY_WRITE_TIMEOUT'
  /** A kept connection without a request was idle for `keepAliveIdleMs`. */
  | 'GATEWAY_IDLE_TIMEOUT'

export class ListenError extends CodedError<ListenErrorCode> {}

export function badAddress(text: string): ListenError {
  return new ListenError(
    'GATEWAY_LISTEN_BAD_ADDRESS',
    `Cannot listen on ${JSON.stringify(text)}: wanted a path, host:port, [ipv6]:port, a port, fd:N, systemd:NAME or "inherited"`,
  )
}

export function exposed(address: string): ListenError {
  return new ListenError(
    'GATEWAY_LISTEN_EXPOSED',
    `Cannot listen on ${address}: others can reach it and FastCGI has no password, wanted a loopback address, a list of allowed clients, or the insecure option`,
  )
}
