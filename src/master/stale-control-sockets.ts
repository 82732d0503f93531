/** Removes the control sockets of masters that were killed: those that end by themselves remove their own. */
import { lstatSync, readdirSync, type Stats, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { tryConnect } from '../gateway/listen/socket-file.ts'
import { CONTROL_NAME } from './control-place.ts'

/** Files that are looked at in one go; the next start looks at the others. */
const MAX_FILES = 1000

/**
 * Of `uid`'s sockets in `folder`, those that nobody listens on. A socket gets its name when somebody listens on it already
 * (`createSocketFile`), so one that refuses has nobody any more. Never rejects.
 */
export async function removeStaleControlSockets(folder: string, uid: number): Promise<void> {
  for (const name of namesIn(folder)) {
    const path = join(folder, name)
    const before = socketOf(path, uid)
    if (before === undefined || (await tryConnect(path)) !== 'ECONNREFUSED') continue
    // Meanwhile another master may have put its own there.
    const now = socketOf(path, uid)
    if (now?.ino !== before.ino || now.dev !== before.dev) continue
    try {
      unlinkSync(path)
    } catch {
      // It is left, as it was before.
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder)
    return names.filter((name) => CONTROL_NAME.test(name)).slice(0, MAX_FILES)
  } catch {
    return []
  }
}

function socketOf(path: string, uid: number): Stats | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  return stats?.isSocket() === true && stats.uid === uid ? stats : undefined
}
