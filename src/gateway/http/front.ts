/**
 * The built-in HTTP front (`serve --http`), so that a first try needs no web server: HTTP/1.1 to browsers, FastCGI to our
 * own listener, like any web server. No TLS, no static files, no HTTP/2: a real web server has them.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { emptyAcceptQueue } from '../../base/accept-queue.ts'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { BackendPool } from './backend-pool.ts'
import { CarriedRequest } from './carried-request.ts'
import { cgiParams } from './cgi-params.ts'
import { HttpFrontError } from './errors.ts'

export interface HttpFrontOptions {
  readonly host: string
  /** 0: the kernel chooses. */
  readonly port: number
  /** A socket bound already to listen on instead; becomes the front's. */
  readonly fd?: number | undefined
  /** Connects to the FastCGI listener. */
  readonly connect: () => Socket
  readonly logger: Logger
  /** Open connections of browsers. Default 1,024; more are closed at once. */
  readonly maxConnections?: number | undefined
}

export interface HttpFront {
  /** As bound. */
  readonly port: number
  /** Stops accepting and closes idle connections; requests under way go on. Idempotent. */
  close(): Promise<void>
  /** As `close`, where nobody else accepts on its `fd` any more: connections that wait are accepted first. */
  finish(clock: Clock): Promise<void>
  /** Resolves when, after `close`, the last connection is gone. */
  drained(): Promise<void>
}

export const MAX_FRONT_CONNECTIONS = 1024
const KEEP_ALIVE_MS = 65_000

/** Throws `HttpFrontError` (GATEWAY_HTTP_LISTEN_FAILED). */
export async function startHttpFront(options: HttpFrontOptions): Promise<HttpFront> {
  const { connect, logger } = options
  const pool = new BackendPool(connect, logger)
  let isClosing = false
  const server = createServer(
    { noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      // Connections kept by their clients would outlive `close` by the keep-alive timeout.
      response.once('close', () => {
        if (isClosing) request.socket.end()
      })
      carryOver(request, response, { pool, logger })
    },
  )
  server.maxConnections = options.maxConnections ?? MAX_FRONT_CONNECTIONS
  await listen(server, options)
  const gone = new Promise<void>((resolve) => server.once('close', resolve))
  const front: HttpFront = {
    port: (server.address() as AddressInfo).port,
    async finish(clock) {
      const { fd } = options
      if (fd !== undefined) await emptyAcceptQueue({ fd, clock })
      await front.close()
    },
    async close() {
      if (isClosing) return
      isClosing = true
      server.close()
      server.closeIdleConnections()
      pool.close()
    },
    drained: () => gone,
  }
  return front
}

function carryOver(
  request: IncomingMessage,
  response: ServerResponse,
  { pool, logger }: { readonly pool: BackendPool; readonly logger: Logger },
): void {
  const connection = pool.acquire()
  const backend = connection.begin(cgiParams(request))
  const onEnd = (): void => pool.release(connection)
  new CarriedRequest({ request, response, backend, logger, onEnd }).start()
}

function listen(server: Server, { host, port, fd }: HttpFrontOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(
        new HttpFrontError(
          'GATEWAY_HTTP_LISTEN_FAILED',
          `Cannot serve HTTP on ${host}:${port}: ${cause.message}`,
          { cause },
        ),
      )
    server.once('error', failed)
    server.listen(fd === undefined ? { host, port } : { fd }, () => {
      server.removeListener('error', failed)
      resolve()
    })
  })
}
