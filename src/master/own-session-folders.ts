/**
 * Tenants' folders for sessions: the workers' user keeps what is in them, nobody else looks into them, and those above stay the
 * server's, so that no link takes their place.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { systemCodeOf } from '../base/errors.ts'
import { HeldFolder } from '../base/held-folder.ts'
import type { Logger } from '../base/logger.ts'
import type { Config } from '../config/config.ts'
import { tenantsWithoutSessions } from '../config/session-folders.ts'
import type { Account } from './account.ts'

/** Of those above: others go through them to what is theirs. */
const PASSAGE = 0o711
const PRIVATE = 0o700

/** Makes those that are missing and gives them to `account`. What cannot be done is logged: serving goes on without it. */
export function ownSessionFolders(
  config: Config,
  account: Account | undefined,
  logger: Logger,
): void {
  for (const { name: tenant, sessionFolder: path } of config.tenants) {
    if (path === undefined || isOwned(path, account)) continue
    try {
      ownSessionFolder(path, account)
    } catch (error) {
      const why = `no folder for sessions, which end with their requests: ${String(error)}`
      logger.error({ tenant, path }, why)
    }
  }
  const without = tenantsWithoutSessions(config).map(({ name }) => name)
  if (without.length === 0) return
  logger.warn(
    { tenants: without.slice(0, MOST_NAMES), count: without.length },
    'sessions end with their requests: there is no store, wanted `store` in the configuration, or a writable mount',
  )
}

/** Names in a log line. */
const MOST_NAMES = 10

function isOwned(path: string, account: Account | undefined): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  const uid = account?.uid ?? process.geteuid?.()
  return stats?.isDirectory() === true && stats.uid === uid
}

/** `path`: `state/TENANT/sessions` in a store. Throws what stands in the way. */
function ownSessionFolder(path: string, account: Account | undefined): void {
  const above = dirname(path)
  const state = dirname(above)
  using store = HeldFolder.open(dirname(state))
  using all = made(store, basename(state), PASSAGE)
  using own = made(all, basename(above), PASSAGE)
  using sessions = made(own, basename(path), PRIVATE)
  if (account === undefined) return
  for (const name of readdirSync(sessions.base)) ownFile(`${sessions.base}/${name}`, account)
  // Last: then all is done. Held, it is a path of the kernel's own that leads to this very folder.
  chownSync(sessions.base, account.uid, account.gid)
}

/** A folder in another one, which is made if it is missing; a link is none. */
function made(folder: HeldFolder, name: string, mode: number): HeldFolder {
  try {
    mkdirSync(`${folder.base}/${name}`)
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return folder.folder(name)
    throw error
  }
  const made = folder.folder(name)
  chmodSync(made.base, mode)
  return made
}

/** A session of the user that the workers had before; what else lies there stays whose it is. */
function ownFile(path: string, { uid, gid }: Account): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(fd)
    if (stats.isFile() && stats.nlink === 1) fchownSync(fd, uid, gid)
  } finally {
    closeSync(fd)
  }
}
