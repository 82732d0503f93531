/** Tenants' log files: workers open them by name, so they must belong to the workers' user, also after a rotation. */
import { closeSync, constants, fchownSync, fstatSync, openSync } from 'node:fs'
import { systemCodeOf } from '../base/errors.ts'
import { isStream, standardStreamOf } from '../base/log-streams.ts'
import type { Logger } from '../base/logger.ts'
import type { Config } from '../config/config.ts'
import type { Account } from './account.ts'

/** Created with this mode. */
const FILE_MODE = 0o640

/** Follows no link: the folder may be the workers', and what a link of theirs leads to is not theirs to be given. */
const OPEN_FLAGS =
  constants.O_WRONLY |
  constants.O_APPEND |
  constants.O_CREAT |
  constants.O_NOFOLLOW |
  constants.O_NONBLOCK

/** Creates those that are missing and gives them to `account`. One that cannot be is logged: serving goes on without it. */
export function ownLogFiles(
  { tenants }: Config,
  account: Account | undefined,
  logger: Logger,
): void {
  const paths = new Set<string>()
  for (const { accessLog, slowlog } of tenants) {
    if (accessLog.kind === 'file') paths.add(accessLog.path)
    if (slowlog !== undefined) paths.add(slowlog)
  }
  for (const path of paths) {
    try {
      ownLogFile(path, account)
    } catch (error) {
      logger.error({ path }, `log file cannot be made ready: ${String(error)}`)
    }
  }
}

/** Creates a file, unless it is there or no file is meant, and gives it to `account`. Throws what stands in the way. */
export function ownLogFile(path: string, account: Account | undefined): void {
  if (standardStreamOf(path) !== undefined) return
  const fd = openLogFile(path)
  if (fd === undefined) return
  try {
    const stats = fstatSync(fd)
    // A FIFO's reader has made it as it wants it.
    if (isStream(stats)) return
    if (!stats.isFile() || stats.nlink !== 1) throw new Error('it is no file, or has several names')
    if (account !== undefined) fchownSync(fd, account.uid, account.gid)
  } finally {
    closeSync(fd)
  }
}

/** Undefined: it is a FIFO that nobody reads yet. */
function openLogFile(path: string): number | undefined {
  try {
    return openSync(path, OPEN_FLAGS, FILE_MODE)
  } catch (error) {
    if (systemCodeOf(error) === 'ENXIO') return undefined
    throw error
  }
}
