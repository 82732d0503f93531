/** fcgiwrap: one native process a request, from the C sources the WebAssembly guests are built from. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import {
  type Backend,
  type BackendContext,
  PROGRAMS,
  type Program,
  type RunningBackend,
} from '../backend.ts'
import { findProgram, startServer } from '../process.ts'

const CHILDREN_PER_CORE = 2
const SOURCES = join(import.meta.dirname, '..', '..', '..', 'guests', 'c')

export const fcgiwrap: Backend = {
  name: 'fcgiwrap',
  setup:
    `the guests' C sources compiled natively (-O2); ${CHILDREN_PER_CORE} preforked processes a core ` +
    'where connections close; where they are kept, one for each connection nginx may keep',
  start,
}

async function start(context: BackendContext): Promise<RunningBackend> {
  const program = findProgram('fcgiwrap')
  if (program === undefined) throw new Error('fcgiwrap is not installed')
  const compiler = findProgram('clang', 'cc', 'gcc')
  if (compiler === undefined) throw new Error('no C compiler (clang, cc, gcc) is installed')
  const scripts = Object.fromEntries(
    PROGRAMS.map((name) => [name, compile(compiler, name, context.folder)]),
  ) as Record<Program, string>

  const startPool = async (name: string, processes: number) => {
    const socket = join(context.folder, `${name}.sock`)
    const server = startServer({
      name,
      command: program,
      args: ['-c', String(processes), '-s', `unix:${socket}`],
      logFile: join(context.folder, `${name}.log`),
    })
    await server.ready(socket)
    return { server, socket }
  }
  const keep = await startPool('fcgiwrap-keep', context.maxUpstreamConnections)
  const close = await startPool('fcgiwrap-close', CHILDREN_PER_CORE * context.cores)
  return {
    servers: [keep.server, close.server],
    sockets: { keep: keep.socket, close: close.socket },
    canKeepConnections: true,
    scripts,
  }
}

function compile(compiler: string, name: Program, folder: string): string {
  const output = join(folder, `${name}.cgi`)
  execFileSync(compiler, ['-O2', '-o', output, join(SOURCES, `${name}.c`)], { stdio: 'pipe' })
  return output
}
