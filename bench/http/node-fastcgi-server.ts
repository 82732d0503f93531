/** The peer written in JavaScript: `node-fastcgi-server.ts SOCKET PROCESSES`. An entry point, never imported. */
import cluster from 'node:cluster'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { Server } from 'node:net'

/** The part of node-fastcgi used here; the package carries no types. */
interface NodeFastCgi {
  createServer(responder: (request: IncomingMessage, response: ServerResponse) => void): Server
}

const CHUNK = Buffer.alloc(65_536, 'x')
const [socket = '', processes = '1'] = process.argv.slice(2)

if (cluster.isPrimary) {
  // Every process accepts by itself, as the workers of wasm-fpm do: no hop through the primary.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  for (let count = 0; count < Number(processes); count++) cluster.fork()
  process.once('SIGTERM', () => process.exit(0))
} else {
  const { createServer } = createRequire(import.meta.url)('node-fastcgi') as NodeFastCgi
  createServer(respond).listen(socket)
}

function respond(request: IncomingMessage, response: ServerResponse): void {
  // A client that leaves in the middle of a request is part of every run of the load generator.
  response.on('error', () => undefined)
  const url = new URL(request.url ?? '/', 'http://localhost')
  response.setHeader('Content-Type', 'text/plain')
  if (url.pathname.endsWith('/download')) {
    download(Number(url.searchParams.get('n')), response)
  } else if (url.pathname.endsWith('/upload')) {
    upload(request, response)
  } else if (url.pathname.endsWith('/copy')) {
    request.pipe(response)
  } else {
    response.end('Hello, world!\n')
  }
}

function download(byteCount: number, response: ServerResponse): void {
  let left = byteCount
  response.setHeader('Content-Length', byteCount)
  const writeMore = (): void => {
    while (left > 0) {
      const chunk = CHUNK.subarray(0, Math.min(left, CHUNK.length))
      left -= chunk.length
      if (!response.write(chunk)) {
        response.once('drain', writeMore)
        return
      }
    }
    response.end()
  }
  writeMore()
}

function upload(request: IncomingMessage, response: ServerResponse): void {
  let byteCount = 0
  request.on('data', (chunk: Buffer) => {
    byteCount += chunk.length
  })
  request.on('end', () => response.end(`${byteCount}\n`))
}
