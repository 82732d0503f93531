/** A listening socket and the connections that came in by it. */

import { createServer, type Server, Socket } from 'node:net'
import { emptyAcceptQueue } from '../../base/accept-queue.ts'
import type { Clock } from '../../base/clock.ts'
import { availableDescriptors } from '../../base/file-limit.ts'
import { loadLibc } from '../../base/libc.ts'
import {
  isLoopbackHost,
  parseListenAddress,
  printListenAddress,
} from '../../base/listen-address.ts'
import type { Logger } from '../../base/logger.ts'
import { type Accepted, acceptRaw } from '../../base/raw-socket.ts'
import type { ConnectionOptions } from '../../fastcgi/connection-events.ts'
import type { AllowedClients } from './allowed-clients.ts'
import { bind, DEFAULT_BACKLOG, listen } from './bind.ts'
import { ConnectionDriver, type RequestHandler } from './connection-driver.ts'
import { badAddress, exposed } from './errors.ts'
import type { SocketFile, SocketFileOptions } from './socket-file.ts'
import { makeSocketPair } from './socket-pair.ts'
import { Sweep } from './sweep.ts'
import { type ConnectionTimeouts, DEFAULT_CONNECTION_TIMEOUTS } from './timeouts.ts'

const DEFAULT_MAX_CONNECTIONS = 16_384

/** Of a unix socket. */
const NOWHERE = { remoteAddress: undefined, remotePort: undefined } as const

/** Part of the connections that may be open when a full listener is said to have room again. */
const ROOM_AGAIN = 0.9

export interface ListenerOptions {
  readonly handler: RequestHandler
  readonly clock: Clock
  readonly logger: Logger
  /** For every connection: limits, multiplexing, the answers to FCGI_GET_VALUES. */
  readonly connection: ConnectionOptions
  readonly timeouts?: Partial<ConnectionTimeouts> | undefined
  /** TCP peers that may connect; undefined: all, which takes `insecure` unless only this machine can connect. */
  readonly allowedClients?: AllowedClients | undefined
  /** FCGI_WEB_SERVER_ADDRS: who is not a member, or not a TCP peer, is closed at once. */
  readonly webServers?: AllowedClients | undefined
  /** Allows a TCP address that others can reach without `allowedClients`. Default false. */
  readonly insecure?: boolean | undefined
  /** Owner, group and mode of a unix socket. */
  readonly socketFile?: SocketFileOptions | undefined
  /** Connections the kernel keeps waiting. Default 511. */
  readonly backlog?: number | undefined
  /** Takes an idle socket that would be closed; false: it does not want it. */
  readonly handOver?: ((socket: Socket) => boolean) | undefined
  /** Connections at once; more are closed at once. Default 16,384, or what the file limit leaves room for. */
  readonly maxConnections?: number | undefined
}

/** What holds for a connection from its start on. */
export type ConnectionSettings = Pick<
  ListenerOptions,
  'connection' | 'timeouts' | 'allowedClients' | 'maxConnections'
>

/** A listening socket that somebody else has bound, and checked for exposure. */
export interface BoundListener {
  readonly fd: number
  /** As bound. */
  readonly address: string
  readonly port: number | undefined
}

/** An open listening socket. */
export interface Listener {
  /** As bound (the port chosen by the kernel, if that was asked for), in the form `parseListenAddress` reads. */
  readonly address: string
  /** undefined on a unix socket. */
  readonly port: number | undefined
  /** Open connections. */
  readonly connections: number
  /** Requests that have begun and not ended. */
  readonly activeRequests: number
  /** Bytes of all its connections so far. */
  readonly receivedBytes: number
  readonly sentBytes: number
  /** Leaves new connections to other processes that listen on the same socket, until `resume`. */
  pause(): void
  /** While it does: whether connections wait that nobody has accepted. */
  hasWaiting(): boolean
  /** Accepts again. Idempotent. */
  resume(): void
  /** Other settings for connections that come from now on. */
  update(settings: ConnectionSettings): void
  /** Stops accepting; connections go on, each until it has no request. Idempotent. Resolves when nothing is bound any more. */
  close(): Promise<void>
  /** As `close`, for a socket that nobody else accepts on any more: connections that wait are accepted first. */
  finish(): Promise<void>
  /** Closes connections without a request now, the others as soon as they have none. */
  closeIdle(): void
  /** Takes over an open connection of another process, which has handed it over. */
  adopt(socket: Socket): void
  /**
   * A connection from inside this process: no right to the socket, no list of clients stands in its way. Only where
   * `hasSocketPairs`.
   */
  connect(): Socket
  /** Hands over kept connections without a request now; the others stay. */
  handOverKept(): void
  /** Closes every connection after its next answer: no request can cross the close on its way here. */
  closeAfterAnswer(): void
  /** Cuts all connections. */
  destroyConnections(): void
  /** Resolves as soon as there is no connection. */
  drained(): Promise<void>
}

/**
 * Starts to listen on an address as operators write it. Throws `ListenError` (GATEWAY_LISTEN_BAD_ADDRESS, _IN_USE, _EXPOSED,
 * _NOT_INHERITED, _NOT_A_SOCKET, _PATH_TOO_LONG, _BAD_OWNER, _FAILED). A `systemd:NAME` address must have been made an `fd:N` before
 * (`inheritedDescriptors`).
 */
export async function openListener(text: string, options: ListenerOptions): Promise<Listener> {
  const address = parseListenAddress(text)
  if (address === undefined) throw badAddress(text)
  const isGuarded = options.allowedClients !== undefined || options.webServers !== undefined
  const mayBeExposed = isGuarded || options.insecure === true
  if (address.kind === 'tcp' && !mayBeExposed && !isLoopbackHost(address.host)) {
    throw exposed(printListenAddress(address))
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false })
  const file = await bind(server, address, options)
  const bound = server.address()
  const isTcp = typeof bound === 'object' && bound !== null
  const port = isTcp ? bound.port : undefined
  const name = printListenAddress(
    address.kind === 'tcp' && port !== undefined ? { ...address, port } : address,
  )
  if (isTcp && !mayBeExposed && !isLoopbackHost(bound.address)) {
    server.close()
    throw exposed(`${name} (${bound.address})`)
  }
  return new OpenListener(server, { ...options, name, port, file })
}

/** Accepts on a socket that is bound already and becomes this listener's. Throws `ListenError` (GATEWAY_LISTEN_FAILED). */
export async function adoptListener(
  { fd, address, port }: BoundListener,
  options: ListenerOptions,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false })
  const backlog = options.backlog ?? DEFAULT_BACKLOG
  await listen(server, address, { fd, backlog })
  return new OpenListener(server, { ...options, name: address, port, file: undefined, fd })
}

interface Bound extends ListenerOptions {
  readonly name: string
  readonly port: number | undefined
  readonly file: SocketFile | undefined
  /** Of a socket that others accept on too; undefined: there is nobody else. */
  readonly fd?: number
}

/** How a connection came. */
type Way = 'unix' | 'tcp' | 'inside'

class OpenListener implements Listener {
  readonly address: string
  readonly port: number | undefined
  readonly #server: Server
  #options: Bound
  #timeouts: ConnectionTimeouts
  readonly #drivers: Sweep<ConnectionDriver>
  #drainWaiters: (() => void)[] = []
  /** Of connections that are gone. */
  #receivedBefore = 0
  #sentBefore = 0
  #isClosed = false
  /** Connections there is room for. */
  #maxConnections = 0
  /** The listening socket, where it is one that others accept on too. */
  #fd: number | undefined
  /** Keeps it while this process does not accept. */
  #pausedFd: number | undefined
  /** Whether connections are being turned away right now: logged once when that starts and once when it is over. */
  #isFull = false

  constructor(server: Server, options: Bound) {
    this.#server = server
    this.#options = options
    this.#timeouts = { ...DEFAULT_CONNECTION_TIMEOUTS, ...options.timeouts }
    this.#drivers = new Sweep(options.clock)
    this.address = options.name
    this.port = options.port
    this.#fd = options.fd
    // Over the file limit libuv accepts and closes without a word; a bound of our own can be logged.
    this.#limitConnections()
    server.on('connection', this.#accept)
    server.on('listening', this.#hear)
    this.#hear()
    server.on('error', (error: NodeJS.ErrnoException) =>
      this.#reportFull(error.code ?? error.message),
    )
  }

  get connections(): number {
    return this.#drivers.size
  }

  get receivedBytes(): number {
    return this.#sum(this.#receivedBefore, ({ bytesRead }) => bytesRead)
  }

  get sentBytes(): number {
    return this.#sum(this.#sentBefore, ({ bytesWritten }) => bytesWritten)
  }

  get activeRequests(): number {
    return this.#sum(0, (driver) => driver.activeRequests)
  }

  update(settings: ConnectionSettings): void {
    this.#options = { ...this.#options, ...settings }
    this.#timeouts = { ...DEFAULT_CONNECTION_TIMEOUTS, ...settings.timeouts }
    this.#limitConnections()
  }

  pause(): void {
    if (this.#isClosed || this.#pausedFd !== undefined || this.#fd === undefined) return
    const fd = loadLibc()?.dup(this.#fd) ?? -1
    if (fd < 0) return
    this.#pausedFd = fd
    this.#server.close()
  }

  hasWaiting(): boolean {
    return this.#pausedFd !== undefined && loadLibc()?.isReadable(this.#pausedFd) === true
  }

  resume(): void {
    if (this.#pausedFd === undefined) return
    this.#fd = this.#pausedFd
    this.#pausedFd = undefined
    this.#server.listen({ fd: this.#fd }, this.#options.backlog ?? DEFAULT_BACKLOG)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.file?.remove()
    if (this.#drivers.size === 0) this.#drivers.end()
    this.resume() // or the descriptor would be left
    // Its callback waits for the connections; the socket itself is closed when this returns.
    this.#server.close()
  }

  async finish(): Promise<void> {
    this.resume()
    if (!this.#isClosed && this.#fd !== undefined) {
      const { clock } = this.#options
      await emptyAcceptQueue({ fd: this.#fd, clock })
    }
    await this.close()
  }

  closeIdle(): void {
    for (const driver of this.#drivers) driver.closeWhenIdle()
  }

  adopt(socket: Socket): void {
    this.#drive(socket, { transport: this.#transport, isKept: true })
  }

  connect(): Socket {
    const { near, far } = makeSocketPair()
    if (far !== undefined) this.#drive(far, { transport: 'inside', isKept: false })
    return near
  }

  handOverKept(): void {
    for (const driver of this.#drivers) driver.handOverIfIdle()
  }

  closeAfterAnswer(): void {
    for (const driver of this.#drivers) driver.closeAfterAnswer()
  }

  destroyConnections(): void {
    for (const driver of this.#drivers) driver.destroy()
  }

  drained(): Promise<void> {
    if (this.#drivers.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#drainWaiters.push(resolve))
  }

  /** Over TCP a connection does not end with what we close, so there it needs its stream anyway. */
  readonly #hear = (): void => {
    if (this.#transport === 'unix') acceptRaw(this.#server, this.#accept)
  }

  readonly #accept = (socket: Socket | Accepted): void => {
    if (this.#drivers.size < this.#maxConnections) {
      this.#drive(socket, { transport: this.#transport, isKept: false })
      return
    }
    this.#reportFull('too many connections')
    turnAway(socket)
  }

  get #transport(): 'unix' | 'tcp' {
    return this.port === undefined ? 'unix' : 'tcp'
  }

  #drive(
    socket: Socket | Accepted,
    { transport: way, isKept }: { readonly transport: Way; readonly isKept: boolean },
  ): void {
    const transport = way === 'inside' ? 'unix' : way
    const { remoteAddress, remotePort } = socket instanceof Socket ? socket : NOWHERE
    const peer = { transport, remoteAddress, remotePort, listener: this.address } as const
    if (way !== 'inside' && !this.#isAllowed(way, remoteAddress)) {
      this.#options.logger.warn({ peer }, 'connection refused: not an allowed client')
      turnAway(socket)
      return
    }
    this.#reportRoom()
    const { handler, connection, clock, logger, handOver } = this.#options
    const driver = new ConnectionDriver(socket, {
      handler,
      peer,
      connection,
      timeouts: this.#timeouts,
      clock,
      logger,
      isKept,
      handOver: way === 'inside' ? undefined : handOver,
      onClosed: this.#forget,
    })
    this.#drivers.add(driver)
    driver.start()
  }

  #sum(start: number, of: (driver: ConnectionDriver) => number): number {
    let sum = start
    for (const driver of this.#drivers) sum += of(driver)
    return sum
  }

  #limitConnections(): void {
    const wanted = this.#options.maxConnections ?? DEFAULT_MAX_CONNECTIONS
    this.#maxConnections = Math.min(wanted, this.#drivers.size + availableDescriptors())
  }

  #isAllowed(transport: 'tcp' | 'unix', remoteAddress: string | undefined): boolean {
    const { allowedClients, webServers } = this.#options
    if (webServers !== undefined && !webServers.has(remoteAddress)) return false
    return transport === 'unix' || allowedClients === undefined || allowedClients.has(remoteAddress)
  }

  readonly #forget = (driver: ConnectionDriver): void => {
    this.#drivers.delete(driver)
    this.#receivedBefore += driver.bytesRead
    this.#sentBefore += driver.bytesWritten
    if (this.#drivers.size > 0) return
    if (this.#isClosed) this.#drivers.end()
    const waiters = this.#drainWaiters
    this.#drainWaiters = []
    for (const resolve of waiters) resolve()
  }

  #reportFull(reason: string): void {
    if (this.#isFull) return
    this.#isFull = true
    const { size } = this.#drivers
    this.#options.logger.error(
      { listener: this.address, connections: size, reason },
      'connections are turned away',
    )
  }

  #reportRoom(): void {
    // Not at the first free place: a full listener would write two lines for every connection.
    const isCrowded = this.#drivers.size > this.#maxConnections * ROOM_AGAIN
    if (!this.#isFull || isCrowded) return
    this.#isFull = false
    this.#options.logger.info({ listener: this.address }, 'connections are accepted again')
  }
}

function turnAway(socket: Socket | Accepted): void {
  if (socket instanceof Socket) socket.on('error', () => {}).destroy()
  else socket.close()
}
