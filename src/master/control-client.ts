/** The other end of the control socket: how a command reaches the master that runs. */
import { createConnection } from 'node:net'
import { fromWire } from '../base/errors.ts'
import { controlPaths } from './control-place.ts'
import type {
  ControlAnswer,
  ControlCommand,
  ControlRequest,
  ControlResult,
} from './control-socket.ts'
import { MasterError } from './errors.ts'
import type { ServerStatus } from './server-status.ts'

/**
 * Has the master of `configFile` carry out `command`; resolves with what it says when it has. Throws what the master
 * throws, and `MasterError` (MASTER_NOT_RUNNING).
 */
export async function command(
  configFile: string,
  name: Exclude<ControlCommand, 'status'>,
  more: Pick<ControlRequest, 'limitMs' | 'program'> = {},
): Promise<string> {
  const { message } = await tell(configFile, { command: name, ...more })
  return message
}

/** What the master of `configFile` knows of itself and of `tenant`, or of all tenants. Throws as `command` does. */
export async function askStatus(
  configFile: string,
  tenant: string | undefined,
): Promise<ServerStatus> {
  const { status } = await tell(configFile, { command: 'status', tenant })
  if (status !== undefined) return status
  throw new MasterError(
    'MASTER_NOT_RUNNING',
    `Cannot read the status of the wasm-fpm that serves ${configFile}: it tells none, wanted one of this version`,
  )
}

async function tell(configFile: string, request: ControlRequest): Promise<ControlResult> {
  const uid = process.getuid?.() ?? -1
  const paths = controlPaths(configFile, uid)
  let problem = ''
  let systemCode = ''
  for (const path of paths) {
    const answer = await ask(path, request).catch((error: NodeJS.ErrnoException) => {
      if (problem !== '' && error.code === 'ENOENT') return
      problem = error.message
      systemCode = error.code ?? ''
    })
    if (answer === undefined) continue
    if (answer.ok) return answer
    throw fromWire(answer.error)
  }
  const isRefused = systemCode === 'EACCES' || systemCode === 'EPERM'
  throw new MasterError(
    'MASTER_NOT_RUNNING',
    `Cannot reach the wasm-fpm that serves ${configFile}: ${problem}, wanted one that runs and listens at ${paths.join(' or ')}${isRefused ? " (it is another user's: run this command as that user, or as root)" : ''}`,
    { details: { systemCode } },
  )
}

function ask(path: string, request: ControlRequest): Promise<ControlAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ControlAnswer>()
  const socket = createConnection({ path })
  let text = ''
  socket.setEncoding('utf8')
  socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', reject)
  socket.on('end', () => {
    socket.destroy()
    if (text.endsWith('\n')) resolve(JSON.parse(text) as ControlAnswer)
    else reject(new Error('it went away before it answered'))
  })
  return promise
}
