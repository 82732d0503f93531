/** Copies what a directory holds into another one, which is empty: folders, regular files and symbolic links, with their permissions. */
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type { DirectoryNode, FileNode } from './filesystem.ts'
import { LISTING_BATCH } from './listing.ts'

const PIECE_BYTES = 65_536

/** SUCCESS, or the errno of what could not be read, or written: then a part is there. Devices, pipes and sockets are left out. */
export function copyTree(from: DirectoryNode, to: DirectoryNode): number {
  const reader = from.list()
  if (typeof reader === 'number') return reader
  try {
    for (;;) {
      const entries = reader.read(LISTING_BATCH)
      if (typeof entries === 'number') return entries
      if (entries.length === 0) return Errno.SUCCESS
      for (const { name } of entries) {
        const errno = copyEntry(name, from, to)
        if (errno !== Errno.SUCCESS) return errno
      }
    }
  } finally {
    reader.close()
  }
}

function copyEntry(name: string, from: DirectoryNode, to: DirectoryNode): number {
  const node = from.lookup(name)
  // Somebody has removed it meanwhile.
  if (typeof node === 'number') return node === Errno.NOENT ? Errno.SUCCESS : node
  if (node.kind === 'file') return copyFile(name, node, to)
  if (node.kind === 'directory') {
    try {
      return copyFolder(name, node, to)
    } finally {
      node.release()
    }
  }
  const target = node.readLink()
  return typeof target === 'number' ? target : to.createSymlink(name, target)
}

function copyFolder(name: string, node: DirectoryNode, to: DirectoryNode): number {
  const stat = node.stat()
  if (typeof stat === 'number') return stat
  const made = to.createDirectory(name, stat.mode)
  if (made !== Errno.SUCCESS) return made
  const folder = to.lookup(name)
  if (typeof folder === 'number') return folder
  if (folder.kind !== 'directory') return Errno.NOTDIR
  try {
    return copyTree(node, folder)
  } finally {
    folder.release()
  }
}

function copyFile(name: string, node: FileNode, to: DirectoryNode): number {
  const stat = node.stat()
  if (typeof stat === 'number') return stat
  if (stat.filetype !== Filetype.RegularFile) return Errno.SUCCESS
  const source = node.open({ read: true, write: false, truncate: false })
  if (typeof source === 'number') return source
  if (source.kind !== 'file') return Errno.SUCCESS
  try {
    const mode = { read: true, write: true, truncate: false, permissions: stat.mode }
    const target = to.createFile(name, mode)
    if (typeof target === 'number') return target
    if (target.kind !== 'file') return Errno.SUCCESS
    try {
      const piece = new Uint8Array(PIECE_BYTES)
      for (let at = 0; ; ) {
        const length = source.read(piece, at)
        if (length <= 0) return -length
        const written = target.write(piece.subarray(0, length), at)
        if (written < 0) return -written
        at += written
      }
    } finally {
      target.close()
    }
  } finally {
    source.close()
  }
}
