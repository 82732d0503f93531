/** php-fpm 8.2 with opcache: two static pools, since a kept connection occupies a child. */
import { join } from 'node:path'
import type { Backend, BackendContext, RunningBackend } from '../backend.ts'
import { type PhpFpmPool, startPhpFpm } from '../php-fpm-server.ts'
import { findProgram, outputOf } from '../process.ts'

const CHILDREN_PER_CORE = 2
const SETTINGS = ['-d', 'opcache.enable=1', '-d', 'post_max_size=64M']
const SCRIPTS = join(import.meta.dirname, '..', 'php')

export const phpFpm: Backend = {
  name: 'php-fpm',
  setup:
    `opcache on, pm=static; ${CHILDREN_PER_CORE} children a core where connections close; ` +
    'where they are kept, one child for each connection nginx may keep (a kept connection occupies its child)',
  start,
}

async function start(context: BackendContext): Promise<RunningBackend> {
  const program = findProgram('php-fpm8.2', 'php-fpm')
  if (program === undefined) throw new Error('php-fpm8.2 is not installed')
  if (!/Opcode Caching => Up and Running/.test(outputOf(program, [...SETTINGS, '-i']))) {
    throw new Error('opcache does not run in this php-fpm: php8.2-opcache is needed')
  }
  const sockets = {
    keep: join(context.folder, 'php-keep.sock'),
    close: join(context.folder, 'php-close.sock'),
  }
  const pool = (name: keyof typeof sockets, children: number): PhpFpmPool => ({
    ...{ name, socket: sockets[name] },
    lines: [
      ...['listen.mode = 0666', 'listen.backlog = 1024'],
      ...['pm = static', `pm.max_children = ${children}`],
    ],
  })
  const server = startPhpFpm({
    ...{ folder: context.folder, program, settings: SETTINGS },
    pools: [
      pool('keep', context.maxUpstreamConnections),
      pool('close', CHILDREN_PER_CORE * context.cores),
    ],
  })
  await Promise.all(Object.values(sockets).map((socket) => server.ready(socket)))
  return {
    servers: [server],
    sockets,
    canKeepConnections: true,
    scripts: {
      hello: join(SCRIPTS, 'hello.php'),
      download: join(SCRIPTS, 'download.php'),
      upload: join(SCRIPTS, 'upload.php'),
      copy: join(SCRIPTS, 'copy.php'),
    },
  }
}
