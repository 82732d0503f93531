/** php-fpm 8.2 with opcache: two static pools, since a kept connection occupies a child. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend, BackendContext, RunningBackend } from '../backend.ts'
import { findProgram, outputOf, startServer } from '../process.ts'

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
  const isRoot = process.getuid?.() === 0
  const poolText = (name: string, socket: string, children: number) => `
[${name}]
listen = ${socket}
listen.mode = 0666
listen.backlog = 1024
${isRoot ? 'user = root\ngroup = root' : ''}
pm = static
pm.max_children = ${children}
`
  const configFile = join(context.folder, 'php-fpm.conf')
  writeFileSync(
    configFile,
    `[global]\nerror_log = ${join(context.folder, 'php-fpm-error.log')}\ndaemonize = no\n` +
      poolText('keep', sockets.keep, context.maxUpstreamConnections) +
      poolText('close', sockets.close, CHILDREN_PER_CORE * context.cores),
  )
  const server = startServer({
    name: 'php-fpm',
    command: program,
    args: [
      '--nodaemonize',
      ...(isRoot ? ['--allow-to-run-as-root'] : []),
      ...SETTINGS,
      '--fpm-config',
      configFile,
    ],
    logFile: join(context.folder, 'php-fpm.log'),
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
