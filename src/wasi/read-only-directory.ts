/** A directory in which nothing can be made, changed or removed: every try is answered ROFS. */
import { Errno } from './errno.ts'
import type { DirectoryNode, DirectoryReader, Filestat, Node } from './filesystem.ts'

export abstract class ReadOnlyDirectory implements DirectoryNode {
  readonly kind = 'directory'
  readonly isReadOnly = true
  readonly weight: number = 0

  abstract retain(): void
  abstract release(): void
  abstract stat(): Filestat | number
  abstract lookup(name: string): Node | number
  abstract list(): DirectoryReader | number
  abstract inodeOf(name: string): bigint

  setTimes(): number {
    return Errno.ROFS
  }

  setMode(): number {
    return Errno.ROFS
  }

  createFile(): number {
    return Errno.ROFS
  }

  createDirectory(): number {
    return Errno.ROFS
  }

  createSymlink(): number {
    return Errno.ROFS
  }

  link(): number {
    return Errno.ROFS
  }

  unlinkFile(): number {
    return Errno.ROFS
  }

  removeDirectory(): number {
    return Errno.ROFS
  }

  rename(): number {
    return Errno.ROFS
  }
}
