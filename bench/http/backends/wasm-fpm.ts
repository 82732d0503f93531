/** wasm-fpm itself, from source: document-root mode over the C guests, one worker a core. */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Backend, type BackendContext, PROGRAMS, type RunningBackend } from '../backend.ts'
import { startServer } from '../process.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..', '..')
const MAIN = join(CHECKOUT, 'src', 'cli', 'main.ts')
const GUESTS = join(CHECKOUT, 'build', 'guests', 'c')
const TENANT = 'bench'

export interface WasmFpmOptions {
  /** Added to the environment of the process. */
  readonly env?: Readonly<Record<string, string>>
  /** What is run, with the configuration file as its last argument; default: the command, with `serve`. */
  readonly program?: readonly string[]
}

export const wasmFpm: Backend = {
  name: 'wasm-fpm',
  setup:
    'from source, document-root mode, default lifetime, `workers` set to the number of cores, no access log (as php-fpm by default)',
  start: (context) => startWasmFpm(context),
}

/** Starts wasm-fpm over the built C guests. Throws when guests or command are missing. */
export async function startWasmFpm(
  context: BackendContext,
  { env = {}, program = [MAIN, 'serve', '--config'] }: WasmFpmOptions = {},
): Promise<RunningBackend> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} does not exist`)
  const root = join(context.folder, 'wasm-root')
  mkdirSync(root, { recursive: true })
  for (const name of PROGRAMS) {
    const module = join(GUESTS, `${name}.wasm`)
    if (!existsSync(module)) throw new Error(`${module} is missing: run \`make guests\``)
    copyFileSync(module, join(root, `${name}.wasm`))
  }
  const socket = join(context.folder, 'wasm-fpm.sock')
  const configFile = join(context.folder, 'wasm-fpm.toml')
  writeFileSync(configFile, configText({ socket, root, context }))
  const server = startServer({
    name: 'wasm-fpm',
    command: process.execPath,
    args: [...program, configFile],
    logFile: join(context.folder, 'wasm-fpm.log'),
    env: { NODE_ENV: 'production', ...env },
  })
  await server.ready(socket)
  return {
    servers: [server],
    sockets: { keep: socket, close: socket },
    canKeepConnections: true,
    scripts: {
      hello: join(root, 'hello.wasm'),
      download: join(root, 'download.wasm'),
      upload: join(root, 'upload.wasm'),
      copy: join(root, 'copy.wasm'),
    },
    params: { WASM_FPM_TENANT: TENANT },
  }
}

interface ConfigValues {
  readonly socket: string
  readonly root: string
  readonly context: BackendContext
}

function configText({ socket, root, context }: ConfigValues): string {
  return `process_control_timeout = "2s"

[[pool]]
name = "bench"
listen = ["${socket}"]
workers = ${context.cores}

[[tenant]]
name = "${TENANT}"
pool = "bench"
hosts = ["localhost"]
root = "${root}"
max_children = ${context.maxConnections}
access_log = "off" # as php-fpm's is by default
`
}
