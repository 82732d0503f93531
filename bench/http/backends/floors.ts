/** What nobody can undercut: servers that answer a hello world without looking at it, in Node and in C. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Backend, BackendContext, RunningBackend } from '../backend.ts'
import { HELLO_ANSWER } from '../floor/hello-answer.ts'
import { findProgram, type Server, startServer } from '../process.ts'

const FOLDER = join(import.meta.dirname, '..', 'floor')

export const nodeEcho: Backend = {
  name: 'node-echo',
  programs: ['hello'],
  setup:
    'bench/http/floor/echo-server.ts: a constant answer, one process a core sharing the socket',
  start: (context) => {
    const socket = join(context.folder, 'node-echo.sock')
    return started(socket, {
      name: 'node-echo',
      command: process.execPath,
      args: [join(FOLDER, 'echo-server.ts'), socket, String(context.cores)],
      folder: context.folder,
    })
  },
}

export const cEcho: Backend = {
  name: 'c-echo',
  programs: ['hello'],
  setup: 'bench/http/floor/echo.c (-O2): a constant answer, one process a core sharing the socket',
  start: (context) => {
    const compiler = findProgram('clang', 'cc', 'gcc')
    if (compiler === undefined) throw new Error('no C compiler (clang, cc, gcc) is installed')
    const { folder } = context
    const program = join(folder, 'c-echo')
    execFileSync(compiler, ['-O2', '-o', program, join(FOLDER, 'echo.c')], { stdio: 'pipe' })
    const answer = join(folder, 'c-echo.answer')
    writeFileSync(answer, HELLO_ANSWER)
    const socket = join(folder, 'c-echo.sock')
    const args = [socket, String(context.cores), answer]
    return started(socket, { name: 'c-echo', command: program, args, folder })
  },
}

interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly folder: BackendContext['folder']
}

async function started(socket: string, program: Program): Promise<RunningBackend> {
  const { folder, ...command } = program
  const server: Server = startServer({ ...command, logFile: join(folder, `${command.name}.log`) })
  await server.ready(socket)
  const script = '/hello'
  return {
    servers: [server],
    sockets: { keep: socket, close: socket },
    canKeepConnections: true,
    scripts: { hello: script, download: script, upload: script, copy: script },
  }
}
