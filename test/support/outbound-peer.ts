/** Servers on loopback for guests that connect, and certificates made by openssl. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'

export interface Peer {
  /** Of TCP and TLS. */
  readonly port: number
  /** That are open on the peer's side. */
  readonly sockets: ReadonlySet<Socket>
  /** That have ever come. */
  readonly count: () => number
  close(): void
}

export interface Certificate {
  readonly key: string
  readonly cert: string
  /** The file that says whom to trust. */
  readonly caFile: string
}

/** For the name `peer.test` and 127.0.0.1, signed by itself. */
export function makeCertificate(folder: string): Certificate {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-days', '2', '-subj', '/CN=peer.test', '-keyout', key, '-out', cert],
      ...['-addext', 'subjectAltName=DNS:peer.test,DNS:localhost'],
    ],
    { stdio: 'ignore' },
  )
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), caFile: cert }
}

export interface PeerOptions {
  /** A unix socket; default: a port of 127.0.0.1. */
  readonly path?: string
  readonly tls?: Certificate
}

/** `serve` is called with every connection. */
export async function startPeer(
  serve: (socket: Socket) => void,
  { path, tls }: PeerOptions = {},
): Promise<Peer> {
  const sockets = new Set<Socket>()
  let count = 0
  const take = (socket: Socket): void => {
    count += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    serve(socket)
  }
  const server: Server =
    tls === undefined
      ? createServer({ allowHalfOpen: true }, take)
      : createTlsServer({ key: tls.key, cert: tls.cert }, take).on(
          'tlsClientError',
          () => undefined,
        )
  await new Promise<void>((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(path, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    sockets,
    count: () => count,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Answers each request by HTTP/1.0 with its path, in two pieces. */
export function echoPath(socket: Socket): void {
  let head = ''
  socket.setEncoding('utf8').on('data', (text: string) => {
    head += text
    if (!head.includes('\r\n\r\n')) return
    const [, path] = head.split(' ')
    socket.write('HTTP/1.0 200 OK\r\n\r\n')
    setTimeout(() => socket.end(`you asked for ${path}\n`), 5)
  })
}
