/** What is said of files that are none of the host's: they are this process's own, and of no time. */
import { Filetype } from './abi.ts'
import type { Filestat } from './filesystem.ts'

export const OWN: Pick<Filestat, 'uid' | 'gid'> = {
  uid: process.geteuid?.() ?? 0,
  gid: process.getegid?.() ?? 0,
}

/** What all that is made has if nobody says otherwise. */
export const [NEW_FILE, NEW_FOLDER] = [0o644, 0o755] as const

/** Of a device, a stream, or a directory that nobody can change. */
export function ownStat(dev: bigint, ino: bigint, filetype: number): Filestat {
  const mode = filetype === Filetype.Directory ? NEW_FOLDER : 0o666
  const [nlink, size] = [1n, 0n]
  return { dev, ino, filetype, nlink, size, mode, ...OWN, atim: 0n, mtim: 0n, ctim: 0n }
}
