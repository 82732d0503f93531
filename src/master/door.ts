/**
 * A TCP port at which the master tells how the machine is: to a load balancer's agent check with a line, to others over HTTP. It is
 * the one place where the master reads what strangers send: a line, up to a limit, of which nothing but the path counts.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import type { TcpAddress } from '../base/listen-address.ts'
import { listeningDescriptorOf } from '../base/raw-socket.ts'
import { type AllowedClients, parseAllowedClients } from '../gateway/listen/allowed-clients.ts'
import { MasterError } from './errors.ts'

export interface DoorAnswer {
  readonly status: 200 | 404 | 503
  readonly contentType: string
  readonly body: string
}

export interface DoorOptions {
  readonly clock: Clock
  /** Answers a GET or HEAD for a path, without its query. */
  readonly answer: (path: string) => DoorAnswer | Promise<DoorAnswer>
  /** What whoever does not speak HTTP is told; undefined: nothing. */
  readonly line?: (() => string) | undefined
}

/** Connections at once; more are closed. */
export const MAX_DOOR_CONNECTIONS = 64
/** Bytes of a request's head; more are not read. */
export const MAX_DOOR_HEAD_BYTES = 8192
/** How long one may take, in milliseconds. */
const CONNECTION_MS = 10_000
/** Who has said nothing for so long waits for the line, in milliseconds. */
const SILENCE_MS = 30

export const NOTHING_HERE: DoorAnswer = {
  status: 404,
  contentType: 'text/plain',
  body: 'not found\n',
}

const PHRASES = { 200: 'OK', 404: 'Not Found', 503: 'Service Unavailable' } as const

export class Door {
  readonly #options: DoorOptions
  readonly #server: Server
  #allowed: AllowedClients | undefined = parseAllowedClients([])

  constructor(options: DoorOptions) {
    this.#options = options
    this.#server = createServer((socket) => this.#take(socket))
    this.#server.maxConnections = MAX_DOOR_CONNECTIONS
  }

  /** Resolves when it accepts. Rejects with `MasterError` (MASTER_LISTEN_FAILED). */
  open({ host, port }: TcpAddress): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', (cause) => {
      const isTaken = systemCodeOf(cause) === 'EADDRINUSE'
      const problem = isTaken ? 'somebody listens there, wanted a free address' : cause.message
      const message = `Cannot listen on ${host}:${port}: ${problem}`
      reject(new MasterError('MASTER_LISTEN_FAILED', message, { cause }))
    })
    this.#server.listen({ host, port }, resolve)
    return promise
  }

  /** Accepts on a socket that listens already, at `fd`. */
  openInherited(fd: number): void {
    this.#server.on('error', () => undefined)
    this.#server.listen({ fd })
  }

  /** The descriptor of its socket. */
  get fd(): number {
    return listeningDescriptorOf(this.#server)
  }

  /** Who may connect from here on: these addresses and networks; none: all. Before it is called, nobody. */
  allow(clients: readonly string[]): void {
    this.#allowed = clients.length === 0 ? undefined : parseAllowedClients(clients)
  }

  close(): void {
    this.#server.close()
  }

  #take(socket: Socket): void {
    socket.on('error', () => undefined)
    const { clock, line } = this.#options
    if (this.#allowed !== undefined && !this.#allowed.has(socket.remoteAddress)) {
      socket.destroy()
      return
    }
    let text = ''
    const late = clock.after(CONNECTION_MS, () => socket.destroy())
    const say = (): void => {
      socket.removeListener('data', hear)
      socket.resume()
      if (line === undefined) socket.destroy()
      else socket.end(`${line()}\n`)
    }
    const silence = line === undefined ? undefined : clock.after(SILENCE_MS, say)
    const hear = (chunk: string): void => {
      silence?.cancel()
      text += chunk
      if (!/^[A-Z]{1,7}( |$)/.test(text)) say()
      else if (text.includes('\r\n\r\n') || text.length > MAX_DOOR_HEAD_BYTES) {
        socket.removeListener('data', hear)
        socket.resume()
        void this.#answer(socket, text)
      }
    }
    socket.setEncoding('latin1').on('data', hear)
    socket.on('close', () => {
      silence?.cancel()
      late.cancel()
    })
  }

  async #answer(socket: Socket, head: string): Promise<void> {
    const [, method, path = ''] = /^(GET|HEAD) (\/[^ ?]*)\S* HTTP\/1\.[01]\r\n/.exec(head) ?? []
    const { answer } = this.#options
    const found = method === undefined ? NOTHING_HERE : await answer(path)
    const lines = [
      `HTTP/1.1 ${found.status} ${PHRASES[found.status]}`,
      `Content-Type: ${found.contentType}`,
      `Content-Length: ${Buffer.byteLength(found.body)}`,
      'Cache-Control: no-store',
      'Connection: close',
    ]
    socket.end(`${lines.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : found.body}`)
  }
}
