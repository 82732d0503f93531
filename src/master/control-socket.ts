/**
 * Takes commands from `wasm-fpm reload`, `restart`, `upgrade`, `drain`, `undrain`, `stop` and `status`: one JSON line in, one JSON line out. Only the
 * master's user and root can connect (mode 0600).
 */
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { toWire, type WireError } from '../base/errors.ts'
import { listeningDescriptorOf } from '../base/raw-socket.ts'
import {
  adoptSocketFile,
  createSocketFile,
  type SocketFile,
} from '../gateway/listen/socket-file.ts'
import { controlFolders, controlName, makeFolder } from './control-place.ts'
import { MasterError } from './errors.ts'
import type { InheritedControl } from './heirloom.ts'
import type { ServerStatus } from './server-status.ts'
import { removeStaleControlSockets } from './stale-control-sockets.ts'

/** What a master can be told. */
const CONTROL_COMMANDS = [
  'reload',
  'restart',
  'upgrade',
  'drain',
  'undrain',
  'stop',
  'status',
] as const
export type ControlCommand = (typeof CONTROL_COMMANDS)[number]

export interface ControlRequest {
  readonly command: ControlCommand
  /** `status`: the tenant to tell of; undefined: all. */
  readonly tenant?: string | undefined
  /** `drain`: how long; undefined: until `undrain`. */
  readonly limitMs?: number | undefined
  /** `upgrade`: the program to start, with the arguments that come before its own. */
  readonly program?: readonly string[] | undefined
}

/** What carrying out a command comes to. */
export interface ControlResult {
  /** For people. */
  readonly message: string
  /** Of `status`. */
  readonly status?: ServerStatus | undefined
}

export type ControlAnswer =
  | ({ readonly ok: true } & ControlResult)
  | { readonly ok: false; readonly error: WireError }

export interface ControlSocket {
  readonly path: string
  readonly fd: number
  /** Takes no more commands: another process does, on the same socket. */
  leave(): void
  /** Takes no more commands; resolves when those that were given have been answered. */
  close(): Promise<void>
}

/** Carries out a command, or throws. */
export type Obey = (request: ControlRequest) => Promise<ControlResult>

/** Bytes of a command. */
const MAX_REQUEST_BYTES = 4096
/** Commands at once. */
const MAX_CONNECTIONS = 16

const SOCKET_MODE = 0o600

/**
 * Listens for commands about `configFile`, and clears away what masters that were killed have left in the same folder. Undefined: no folder for the socket is to be had. Throws `MasterError` (MASTER_ALREADY_RUNNING).
 */
export async function openControlSocket(
  configFile: string,
  obey: Obey,
): Promise<ControlSocket | undefined> {
  const uid = process.getuid?.() ?? -1
  const folder = controlFolders(uid).find((candidate) => makeFolder(candidate, uid))
  if (folder === undefined) return undefined
  const path = join(folder, controlName(configFile))
  const server = makeServer(obey)
  const bound = createSocketFile(path, { mode: SOCKET_MODE }, (temporary) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen({ path: temporary }, resolve)
    return promise
  })
  const file = await bound.catch((cause: unknown) => {
    server.close()
    throw toWire(cause).code === 'GATEWAY_LISTEN_IN_USE' ? alreadyRunning(configFile, cause) : cause
  })
  await removeStaleControlSockets(folder, uid)
  return asControlSocket(server, file)
}

/** Takes commands on the socket of the master before. */
export async function adoptControlSocket(
  { fd, path }: InheritedControl,
  obey: Obey,
): Promise<ControlSocket> {
  const server = makeServer(obey)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen({ fd }, resolve)
  await promise
  return asControlSocket(server, adoptSocketFile(path))
}

function makeServer(obey: Obey): Server {
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, obey))
  server.maxConnections = MAX_CONNECTIONS
  return server
}

function asControlSocket(server: Server, file: SocketFile): ControlSocket {
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  server.once('close', resolve)
  const stop = (): void => {
    if (server.listening) server.close()
  }
  return {
    path: file.path,
    fd: listeningDescriptorOf(server),
    leave() {
      file.leave()
      stop()
    },
    close() {
      file.remove()
      stop()
      return closed
    },
  }
}

function serve(socket: Socket, obey: Obey): void {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('error', () => undefined)
  socket.on('data', (chunk: string) => {
    text += chunk
    if (text.length > MAX_REQUEST_BYTES) socket.destroy()
    else if (text.includes('\n')) {
      socket.removeAllListeners('data')
      socket.resume()
      void answer(text, obey).then((reply) => socket.end(`${JSON.stringify(reply)}\n`))
    }
  })
  socket.on('end', () => {
    if (!text.includes('\n')) socket.destroy()
  })
}

async function answer(text: string, obey: Obey): Promise<ControlAnswer> {
  try {
    return { ok: true, ...(await obey(readRequest(text))) }
  } catch (error) {
    return { ok: false, error: toWire(error) }
  }
}

function readRequest(text: string): ControlRequest {
  const request = Object(JSON.parse(text))
  const given: unknown = Reflect.get(request, 'command')
  const tenant: unknown = Reflect.get(request, 'tenant')
  const command = CONTROL_COMMANDS.find((known) => known === given)
  if (command !== undefined) {
    const limitMs: unknown = Reflect.get(request, 'limitMs')
    const program: unknown = Reflect.get(request, 'program')
    return {
      command,
      program: isTexts(program) ? program : undefined,
      tenant: typeof tenant === 'string' ? tenant : undefined,
      limitMs: typeof limitMs === 'number' && limitMs > 0 ? limitMs : undefined,
    }
  }
  throw new MasterError(
    'MASTER_BUSY',
    `Cannot obey ${JSON.stringify(given)}: wanted one of ${CONTROL_COMMANDS.join(', ')}`,
  )
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function alreadyRunning(configFile: string, cause: unknown): MasterError {
  return new MasterError(
    'MASTER_ALREADY_RUNNING',
    `Cannot serve ${configFile}: a wasm-fpm that serves it is running already, wanted none: \`wasm-fpm reload\` makes it take up a change, \`wasm-fpm stop\` ends it`,
    { cause },
  )
}
