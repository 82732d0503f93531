/**
 * Opens a folder for going through it, which may be reached through links: whoever names it knows what they mean.
 *
 * By the kernel's own call where that can be had. Node's permission model does not see it: that denies a granted folder itself, not
 * what is in it, where the name of another granted path begins with its own (`permission-flags.ts`), and it looks at each path for
 * longer than the kernel. For folders that the configuration names and nothing else.
 */
import { constants, openSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { loadFileCalls } from './file-calls.ts'
import { AT_FDCWD } from './look-calls.ts'

/** Opens a folder for going through it only; not among Node's constants. */
export const O_PATH: number = process.platform === 'linux' ? 0o10_000_000 : 0
export const FOLDER_FLAGS: number = constants.O_RDONLY | constants.O_DIRECTORY | O_PATH

/** Returns a descriptor; throws as `openSync` does. */
export function openFolder(path: string): number {
  const calls = loadFileCalls()
  if (calls === undefined) return openSync(path, FOLDER_FLAGS)
  const fd = calls.openat(AT_FDCWD, path, FOLDER_FLAGS, 0)
  if (fd >= 0) return fd
  const code = getSystemErrorName(fd)
  throw Object.assign(new Error(`${code}: open '${path}'`), { code, errno: fd })
}
