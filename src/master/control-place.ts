/**
 * Where a master listens for commands: a unix socket whose name follows from the configuration file alone, so that
 * `wasm-fpm reload` finds it even when that file cannot be read as a configuration any more.
 */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** The usual folder; systemd makes it (`RuntimeDirectory=wasm-fpm`), root can, others have one of their own. */
export const RUNTIME_FOLDER = '/run/wasm-fpm'

const DIGEST_CHARS = 16

/** What `controlName` makes. */
export const CONTROL_NAME = /^control-[0-9a-f]{16}\.sock$/

/** The folders in which the socket may lie, first choice first. */
export function controlFolders(uid: number): readonly string[] {
  return [RUNTIME_FOLDER, join(tmpdir(), `wasm-fpm-${uid}`)]
}

/** The socket's name for the configuration `configFile`. */
export function controlName(configFile: string): string {
  const digest = createHash('sha256').update(realPathOf(configFile)).digest('hex')
  return `control-${digest.slice(0, DIGEST_CHARS)}.sock`
}

/** Makes `folder` if need be. Whether this process may make files there and nobody else has prepared it. */
export function makeFolder(folder: string, uid: number): boolean {
  try {
    mkdirSync(folder, { mode: 0o755 })
  } catch {
    // It is there already, or cannot be made: the next look tells.
  }
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  return stats?.isDirectory() === true && stats.uid === uid && (stats.mode & 0o022) === 0
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return resolve(file)
  }
}
