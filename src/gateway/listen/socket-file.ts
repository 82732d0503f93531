/**
 * The file of a unix socket: who may connect is decided by its owner, group and mode.
 *
 * The socket is bound under another name in the same directory, unreadable for everybody else, is given its owner
 * and mode there, and is then renamed. So nobody ever sees it with wrong permissions, a stale socket is replaced without
 * a gap, and what libuv unlinks by itself on close is a name that is gone already: never a successor's socket.
 */
import { randomInt } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  lchownSync,
  lstatSync,
  readFileSync,
  renameSync,
  unlinkSync,
} from 'node:fs'
import { createConnection } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { systemCodeOf } from '../../base/errors.ts'
import { MAX_SOCKET_PATH_BYTES } from '../../base/listen-address.ts'
import { ListenError } from './errors.ts'

export interface SocketFileOptions {
  /** User name or numeric id; default: the process's. */
  readonly owner?: string | undefined
  /** Group name or numeric id; default: the process's. */
  readonly group?: string | undefined
  /** Default 0o660. */
  readonly mode?: number | undefined
}

/** A socket file that is ours. */
export interface SocketFile {
  readonly path: string
  /** Removes the file, unless somebody else's lies there by now. Idempotent; also happens when the process exits. */
  remove(): void
  /** It is somebody else's from here on, who listens on the same socket. */
  leave(): void
}

const DEFAULT_MODE = 0o660

/** While binding: for the owner only. */
const BIND_UMASK = 0o177

const TEMPORARY_NAME_BYTES = 7

/** The files to remove at exit. */
const ours = new Set<SocketFile>()

/**
 * Makes the socket file. `bindAt` must bind synchronously at the path it is given; the promise it returns says how that
 * went. Throws `ListenError` (GATEWAY_LISTEN_IN_USE, _NOT_A_SOCKET, _PATH_TOO_LONG, _BAD_OWNER, _FAILED).
 */
export async function createSocketFile(
  path: string,
  options: SocketFileOptions,
  bindAt: (temporaryPath: string) => Promise<void>,
): Promise<SocketFile> {
  checkSocketPathLength(path)
  const { uid, gid, mode } = resolveOwner(path, options)
  checkFolder(path)
  await checkIsFree(path)
  const temporary = temporaryPath(path)
  checkSocketPathLength(temporary)
  await bindPrivately(temporary, bindAt)
  try {
    setOwner(temporary, path, { uid, gid, mode })
    const { ino, dev } = lstatSync(temporary)
    renameSync(temporary, path)
    return ownFile(path, { ino, dev })
  } catch (error) {
    unlinkIfThere(temporary)
    if (error instanceof ListenError) throw error
    throw new ListenError('GATEWAY_LISTEN_FAILED', `Cannot listen on ${path}: ${String(error)}`, {
      cause: error,
    })
  }
}

/** The file of a socket that somebody has left to this process, who listens on it. */
export function adoptSocketFile(path: string): SocketFile {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return ownFile(path, { ino: stats?.ino ?? -1, dev: stats?.dev ?? -1 })
}

/** Throws GATEWAY_LISTEN_FAILED: of a folder that is missing, `bind` says no more than EINVAL or the like. */
function checkFolder(path: string): void {
  const folder = dirname(path)
  try {
    // With a dot behind it, so that a file in its place is found out as well.
    accessSync(`${folder}/.`, constants.W_OK | constants.X_OK)
  } catch (cause) {
    const code = systemCodeOf(cause)
    const problem = FOLDER_PROBLEMS[code ?? ''] ?? 'cannot be used'
    throw new ListenError(
      'GATEWAY_LISTEN_FAILED',
      `Cannot listen on ${path}: the folder ${folder} ${problem} (${code})`,
      { cause, details: { folder } },
    )
  }
}

const FOLDER_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is no folder',
  EACCES: 'may not be written to by this user',
  EROFS: 'is read-only',
}

/** Throws GATEWAY_LISTEN_PATH_TOO_LONG: the kernel, or worse a library above it, would cut the path. */
function checkSocketPathLength(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes <= MAX_SOCKET_PATH_BYTES) return
  throw new ListenError(
    'GATEWAY_LISTEN_PATH_TOO_LONG',
    `Cannot listen on ${path}: ${bytes} bytes, at most ${MAX_SOCKET_PATH_BYTES}`,
    { details: { bytes } },
  )
}

/** The mask is the process's, so it is held for no longer than the one bind call. */
async function bindPrivately(
  temporary: string,
  bindAt: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  const previous = process.umask(BIND_UMASK)
  let bound: Promise<void>
  try {
    bound = bindAt(temporary)
  } finally {
    process.umask(previous)
  }
  await bound
}

/** Throws unless nothing is at `path`, or a socket that nobody listens on. */
async function checkIsFree(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return
  if (!stats.isSocket()) {
    throw new ListenError(
      'GATEWAY_LISTEN_NOT_A_SOCKET',
      `Cannot listen on ${path}: there is something else than a socket, wanted nothing or a stale socket`,
    )
  }
  const outcome = await tryConnect(path)
  if (outcome === 'ECONNREFUSED' || outcome === 'ENOENT') return
  throw new ListenError(
    'GATEWAY_LISTEN_IN_USE',
    `Cannot listen on ${path}: somebody listens there (${outcome}), wanted nothing or a stale socket`,
  )
}

/** Answers 'connected' or the code of the error. A full backlog (EAGAIN) is somebody, too. */
export function tryConnect(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ path })
    socket.once('connect', () => {
      socket.destroy()
      resolve('connected')
    })
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
}

/** As short as the name it stands for where that is possible: the path must not become too long. */
function temporaryPath(path: string): string {
  const random = randomInt(36 ** (TEMPORARY_NAME_BYTES - 1))
    .toString(36)
    .padStart(TEMPORARY_NAME_BYTES - 1, '0')
  const name = `.${random}`
  return join(dirname(path), name === basename(path) ? `${name}_` : name)
}

interface Ownership {
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

/** -1 leaves an id as it is. */
function resolveOwner(
  path: string,
  { owner, group, mode = DEFAULT_MODE }: SocketFileOptions,
): Ownership {
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw badOwner(path, `mode ${mode.toString(8)}, wanted 0 to 0777`)
  }
  const uid = owner === undefined ? -1 : lookUpId('/etc/passwd', owner)
  const gid = group === undefined ? -1 : lookUpId('/etc/group', group)
  if (uid === undefined)
    throw badOwner(path, `no user "${owner}", wanted a name of /etc/passwd or a number`)
  if (gid === undefined)
    throw badOwner(path, `no group "${group}", wanted a name of /etc/group or a number`)
  return { uid, gid, mode }
}

/** In both files a line is `name:password:id:...`. */
function lookUpId(file: string, nameOrId: string): number | undefined {
  if (/^[0-9]{1,9}$/.test(nameOrId)) return Number(nameOrId)
  const lines = readFileSync(file, 'utf8').split('\n')
  const id = lines.map((line) => line.split(':')).find(([name]) => name === nameOrId)?.[2]
  return id === undefined ? undefined : Number(id)
}

function setOwner(temporary: string, path: string, { uid, gid, mode }: Ownership): void {
  try {
    if (uid !== -1 || gid !== -1) lchownSync(temporary, uid, gid)
    chmodSync(temporary, mode)
  } catch (cause) {
    throw badOwner(path, `owner, group or mode cannot be set (${String(cause)})`, cause)
  }
}

function ownFile(
  path: string,
  { ino, dev }: { readonly ino: number; readonly dev: number },
): SocketFile {
  const file: SocketFile = {
    path,
    leave() {
      if (ours.delete(file) && ours.size === 0) process.removeListener('exit', removeAll)
    },
    remove() {
      if (!ours.has(file)) return
      file.leave()
      const stats = lstatSync(path, { throwIfNoEntry: false })
      if (stats?.ino === ino && stats.dev === dev) unlinkIfThere(path)
    },
  }
  if (ours.size === 0) process.on('exit', removeAll)
  ours.add(file)
  return file
}

function removeAll(): void {
  for (const file of [...ours]) file.remove()
}

/** Best effort: by now the directory may be gone, or not ours to write any more. */
function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Nothing to be done about it, and nothing depends on it: a stale socket is replaced by the next start.
  }
}

function badOwner(path: string, problem: string, cause?: unknown): ListenError {
  return new ListenError('GATEWAY_LISTEN_BAD_OWNER', `Cannot listen on ${path}: ${problem}`, {
    cause,
  })
}
