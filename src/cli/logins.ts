/**
 * Who we are to servers: what `wasm-fpm login` has remembered, in a file that nobody else can read.
 *
 *     {"format":1,"last":"https://deploy.example","servers":[{"server":"https://deploy.example","token":"wfpm_...","tenant":"acme"}]}
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { systemCodeOf } from '../base/errors.ts'
import { isOpenToOthers, printMode } from '../base/file-mode.ts'
import { CliError } from './errors.ts'

const loginSchema = z.object({
  /** As it is written behind `--server`, without a slash at its end. */
  server: z.string().max(4096),
  /** Undefined: none is needed, on the operator's own socket. */
  token: z.string().max(4096).optional(),
  /** Undefined: it has to be named each time. */
  tenant: z.string().max(63).optional(),
})
const fileSchema = z.object({
  format: z.literal(1),
  /** The server of the login before. */
  last: z.string().optional(),
  servers: z.array(loginSchema).max(1000),
})

export type Login = z.infer<typeof loginSchema>
type Logins = z.infer<typeof fileSchema>

const FILE_MODE = 0o600
const FOLDER_MODE = 0o700
const MAX_BYTES = 1024 * 1024

/** The login of a server; without one the last. Throws CLI_BAD_LOGINS. */
export function findLogin(
  server: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
): Login | undefined {
  const { last, servers } = read(loginsFile(environment))
  const wanted = server === undefined ? last : nameOf(server)
  return servers.find((one) => one.server === wanted)
}

/** Puts a login in place of the one there was for its server; it is the last one now. Throws CLI_BAD_LOGINS, CLI_NOT_WRITABLE. */
export function keepLogin(given: Login, environment: NodeJS.ProcessEnv = process.env): string {
  const login = { ...given, server: nameOf(given.server) }
  const path = loginsFile(environment)
  const servers = read(path).servers.filter(({ server }) => server !== login.server)
  write(path, { format: 1, last: login.server, servers: [...servers, login] })
  return path
}

/** Whether there was one. Throws CLI_BAD_LOGINS, CLI_NOT_WRITABLE. */
export function forgetLogin(given: string, environment: NodeJS.ProcessEnv = process.env): boolean {
  const server = nameOf(given)
  const path = loginsFile(environment)
  const { last, servers } = read(path)
  const left = servers.filter((one) => one.server !== server)
  if (left.length === servers.length) return false
  write(path, { format: 1, last: last === server ? undefined : last, servers: left })
  return true
}

/** With and without a slash at its end it is the same. */
function nameOf(server: string): string {
  return server.replace(/\/+$/, '')
}

function loginsFile({ XDG_CONFIG_HOME: folder }: { readonly XDG_CONFIG_HOME?: string }): string {
  const isUsable = folder?.startsWith('/') === true
  return join(isUsable ? folder : join(homedir(), '.config'), 'wasm-fpm', 'logins.json')
}

function read(path: string): Logins {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    if (systemCodeOf(cause) === 'ENOENT') return { format: 1, servers: [] }
    throw bad(path, cause instanceof Error ? cause.message : String(cause), cause)
  }
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile() || stats.size > MAX_BYTES) throw bad(path, 'it is no such file')
    if (isOpenToOthers(stats.mode)) {
      throw bad(path, `it has mode ${printMode(stats.mode)}, so that others can use it`)
    }
    return parse(path, readFileSync(fd, 'utf8'))
  } finally {
    closeSync(fd)
  }
}

function parse(path: string, text: string): Logins {
  try {
    return fileSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw bad(path, 'it holds no logins', cause)
  }
}

/** Whole or not at all. */
function write(path: string, logins: Logins): void {
  const fresh = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: FOLDER_MODE })
    const fd = openSync(fresh, 'wx', FILE_MODE)
    try {
      writeSync(fd, `${JSON.stringify(logins)}\n`)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(fresh, path)
  } catch (cause) {
    rmSync(fresh, { force: true })
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(
      'CLI_NOT_WRITABLE',
      `Cannot remember the login in ${path}: ${reason}, wanted a folder that can be written to`,
      { cause },
    )
  }
}

function bad(path: string, problem: string, cause?: unknown): CliError {
  return new CliError(
    'CLI_BAD_LOGINS',
    `Cannot read logins from ${path}: ${problem}, wanted a file of \`wasm-fpm login\` with mode 0600`,
    { cause },
  )
}
