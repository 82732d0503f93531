/**
 * Where a master listens for commands: a unix socket whose name follows from the configuration file alone, so that
 * `wasm-fpm reload` finds it even when that file cannot be read as a configuration any more.
 */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { isWritableByOthers } from '../base/file-mode.ts'

/** The usual folder; systemd makes it (`RuntimeDirectory=wasm-fpm`), root can, others have one of their own. */
const RUNTIME_FOLDER = '/run/wasm-fpm'

const DIGEST_CHARS = 16

/** What `controlName` makes. */
export const CONTROL_NAME = /^control-[0-9a-f]{16}\.sock$/

/** The folders in which the socket may lie, first choice first. */
export function controlFolders(uid: number): readonly string[] {
  return [RUNTIME_FOLDER, join(tmpdir(), `wasm-fpm-${uid}`)]
}

/**
 * Where the socket may be for whoever gives commands as `uid`, the likeliest place first. Root may give them to everybody's
 * master: to that of the configuration's owner first.
 */
export function controlPaths(configFile: string, uid: number): readonly string[] {
  const name = controlName(configFile)
  const own = controlFolders(uid).map((folder) => join(folder, name))
  if (uid !== 0) return own
  const owner = lstatSync(realPathOf(configFile), { throwIfNoEntry: false })?.uid
  const others = foreignFolders().toSorted(
    (a, b) => Number(b.uid === owner) - Number(a.uid === owner),
  )
  const found = others.filter(({ folder, uid: other }) => isSocketOf(join(folder, name), other))
  return [...own, ...found.map(({ folder }) => join(folder, name))]
}

/** Folders that other users' masters have made, and nobody else can have. */
function foreignFolders(): readonly { readonly folder: string; readonly uid: number }[] {
  try {
    const uids = readdirSync(tmpdir()).map((name) => /^wasm-fpm-([0-9]+)$/.exec(name)?.[1])
    return uids
      .filter((text) => text !== undefined && text !== '0')
      .map((text) => ({ folder: join(tmpdir(), `wasm-fpm-${text}`), uid: Number(text) }))
      .filter(({ folder, uid }) => isFolderOf(folder, uid))
  } catch {
    return []
  }
}

function isSocketOf(path: string, uid: number): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats?.isSocket() === true && stats.uid === uid
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
  return isFolderOf(folder, uid)
}

/** Whether only `uid` (and root) can have made what is in it. */
function isFolderOf(folder: string, uid: number): boolean {
  const stats = lstatSync(folder, { throwIfNoEntry: false })
  return stats?.isDirectory() === true && stats.uid === uid && !isWritableByOthers(stats.mode)
}

function realPathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch {
    return resolve(file)
  }
}
