/** What runs such applications without WebAssembly: Puma, Starman, and fcgiwrap, which starts an interpreter for each request. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { paramLines } from '../http/nginx.ts'
import { findProgram, type Server, startServer } from '../http/process.ts'
import type { Page } from './pages.ts'

/** As many as wrk has connections. */
const PROCESSES = '4'

export interface RunningPeer {
  readonly server: Server
  /** Of nginx's location. */
  readonly lines: string
}

interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export function isPeerThere({ peer, language, mounts }: Page): boolean {
  const programs = language === 'lua' ? [peer, 'lua5.4'] : [peer]
  return (
    programs.every((program) => findProgram(program) !== undefined) &&
    Object.values(mounts).every((path) => existsSync(path))
  )
}

/** One a page: with the applications of others in the same process neither side would be what it is. */
export async function startPeer(page: Page, folder: string): Promise<RunningPeer> {
  const { name, peer } = page
  const socket = join(folder, `${name}-${peer}.sock`)
  const { program, args, env = {} } = commandOf(page, socket)
  const server = startServer({
    ...{ name: peer, command: findProgram(program) ?? program, args, env },
    logFile: join(folder, `${name}-${peer}.log`),
  })
  await server.ready(socket)
  return { server, lines: linesOf(page, socket) }
}

function commandOf({ peer, root, app }: Page, socket: string): Command {
  switch (peer) {
    case 'puma':
      return {
        program: 'puma',
        args: [
          ...[
            '--environment',
            'production',
            '--workers',
            PROCESSES,
            '--threads',
            '1:1',
            '--preload',
          ],
          ...['--dir', root, '--bind', `unix://${socket}`, app],
        ],
      }
    case 'starman':
      return {
        program: 'starman',
        args: [
          ...['--env', 'deployment', '--preload-app', '--workers', PROCESSES],
          ...['--max-requests', '1000000000', '--listen', socket, join(root, app)],
        ],
      }
    case 'fcgiwrap':
      return { program: 'fcgiwrap', args: ['-c', PROCESSES, '-s', `unix:${socket}`] }
  }
}

function linesOf({ name, peer, root, app }: Page, socket: string): string {
  if (peer !== 'fcgiwrap') {
    return `proxy_pass http://unix:${socket}:/${name}; proxy_http_version 1.1; proxy_set_header Connection "";`
  }
  const params = {
    ...{ SCRIPT_NAME: '""', PATH_INFO: `/${name}`, AS_CGI: '1' },
    SCRIPT_FILENAME: join(root, `${app}.cgi`),
  }
  return `fastcgi_pass unix:${socket}; ${paramLines(params)}`
}
