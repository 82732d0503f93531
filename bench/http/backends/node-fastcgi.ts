/** node-fastcgi from npm, clustered over the cores so that it has as many processes as wasm-fpm. */
import { join } from 'node:path'
import type { Backend, BackendContext, RunningBackend } from '../backend.ts'
import { startServer } from '../process.ts'

const SERVER = join(import.meta.dirname, '..', 'node-fastcgi-server.ts')

export const nodeFastcgi: Backend = {
  name: 'node-fastcgi',
  setup:
    'the npm package, handlers in bench/http/node-fastcgi-server.ts, one process a core sharing the socket; ' +
    'it ignores FCGI_KEEP_CONN, so its connections close in every workload',
  start,
}

async function start(context: BackendContext): Promise<RunningBackend> {
  const socket = join(context.folder, 'node-fastcgi.sock')
  const server = startServer({
    name: 'node-fastcgi',
    command: process.execPath,
    args: [SERVER, socket, String(context.cores)],
    logFile: join(context.folder, 'node-fastcgi.log'),
  })
  await server.ready(socket)
  return {
    servers: [server],
    sockets: { keep: socket, close: socket },
    // Version 2.0.0 tests a flag its record library spells otherwise, and closes after every reply.
    canKeepConnections: false,
    scripts: { hello: '/hello', download: '/download', upload: '/upload', copy: '/copy' },
  }
}
