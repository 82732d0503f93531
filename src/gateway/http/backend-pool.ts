/** Kept connections to one FastCGI listener. A connection carries one request at a time, as with most web servers. */
import { createConnection, type NetConnectOpts, type Socket } from 'node:net'
import { parseListenAddress } from '../../base/listen-address.ts'
import type { Logger } from '../../base/logger.ts'
import { BackendConnection } from './backend-connection.ts'
import { HttpFrontError } from './errors.ts'

/** Connections kept without a request. How many there are at all is bounded by the front's own connections. */
const MAX_IDLE_CONNECTIONS = 64

export class BackendPool {
  readonly #connect: () => Socket
  readonly #logger: Logger
  /** The one used last is used next, so that the others can be noticed as superfluous. */
  readonly #idle: BackendConnection[] = []
  #isClosed = false

  /** `connect` is called when the first request comes. */
  constructor(connect: () => Socket, logger: Logger) {
    this.#connect = connect
    this.#logger = logger
  }

  /** A connection for one request; to be given back with `release` when that has ended. */
  acquire(): BackendConnection {
    return this.#idle.pop() ?? new BackendConnection(this.#connect(), this.#logger, this.#forget)
  }

  release(connection: BackendConnection): void {
    if (!connection.isUsable) return
    if (this.#isClosed || this.#idle.length >= MAX_IDLE_CONNECTIONS) connection.close()
    else this.#idle.push(connection)
  }

  /** Closes idle connections, and the others when they are released. Idempotent. */
  close(): void {
    this.#isClosed = true
    for (const connection of this.#idle.splice(0)) connection.close()
  }

  readonly #forget = (connection: BackendConnection): void => {
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
  }
}

/** Connects to a listener's address. Throws `HttpFrontError` (GATEWAY_HTTP_NO_BACKEND). */
export function connectorTo(address: string): () => Socket {
  const target = connectTarget(address)
  return () => createConnection({ ...target, noDelay: true })
}

function connectTarget(text: string): NetConnectOpts {
  const address = parseListenAddress(text)
  if (address?.kind === 'unix') return { path: address.path }
  if (address?.kind === 'tcp') {
    const { host, port } = address
    if (host === '0.0.0.0') return { host: '127.0.0.1', port }
    return { host: host === '::' ? '::1' : host, port }
  }
  throw new HttpFrontError(
    'GATEWAY_HTTP_NO_BACKEND',
    `Cannot serve HTTP in front of ${text}: an inherited socket has no address to connect to, wanted a path or host:port in the pool's \`listen\``,
  )
}
