/** How what a host's file system says of its files is told to guests. */
import { constants } from 'node:fs'
import type { FileStatus } from '../base/look-calls.ts'
import { Filetype } from './abi.ts'
import type { Filestat } from './filesystem.ts'

const FILETYPES: ReadonlyMap<number, number> = new Map([
  [constants.S_IFREG, Filetype.RegularFile],
  [constants.S_IFDIR, Filetype.Directory],
  [constants.S_IFLNK, Filetype.SymbolicLink],
  [constants.S_IFCHR, Filetype.CharacterDevice],
  [constants.S_IFBLK, Filetype.BlockDevice],
  [constants.S_IFSOCK, Filetype.SocketStream],
])

const MODE_BITS = 0o7777

/** `mode`: S_IF*, and what else there is. */
export function filetypeOfMode(mode: number): number {
  return FILETYPES.get(mode & constants.S_IFMT) ?? Filetype.Unknown
}

export function filestatOf(status: FileStatus): Filestat {
  return {
    dev: status.dev,
    ino: status.ino,
    filetype: filetypeOfMode(Number(status.mode)),
    nlink: status.nlink,
    size: status.size,
    mode: Number(status.mode) & MODE_BITS,
    uid: Number(status.uid),
    gid: Number(status.gid),
    atim: status.atimeNs,
    mtim: status.mtimeNs,
    ctim: status.ctimeNs,
  }
}
