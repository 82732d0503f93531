/**
 * A directory that counts what it would take on a host's disk, and a file in it. It has `WIDTH` entries, and any name in it leads to
 * another such directory (`d...`), a file (`f...`), a link whose target goes in and out of directories as often as a path may
 * (`l...`), or nothing (`n...`).
 */
import { Filetype } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type {
  DirectoryNode,
  DirectoryReader,
  FileNode,
  Filestat,
  LockKind,
  Node,
  OpenFile,
  SymlinkNode,
} from '../../../src/wasi/filesystem.ts'

const WIDTH = 5_000

/** Nanoseconds that things take on a fast disk, from below. */
const NS = {
  look: 3_000,
  change: 3_000,
  open: 6_000,
  openDirectory: 5_000,
  name: 1_000,
  transfer: 2_000,
  byte: 0.2,
  list: 4_000,
  entry: 300,
} as const

export class SlowDisk {
  /** Nanoseconds. */
  work = 0
  /** Shared locks that somebody has. */
  locks = 0
  /** Finishes what `sync` has begun. */
  finishSync: () => void = () => undefined
  /** Called at each operation. */
  onWork: () => void = () => undefined
  readonly root: DirectoryNode = new SlowDirectory(this)

  take(what: keyof typeof NS, times = 1): void {
    this.work += NS[what] * times
    this.onWork()
  }
}

const STAT: Filestat = {
  dev: 1n,
  ino: 1n,
  filetype: Filetype.RegularFile,
  nlink: 1n,
  size: 2n ** 40n,
  mode: 0o644,
  uid: 0,
  gid: 0,
  atim: 0n,
  mtim: 0n,
  ctim: 0n,
}

class SlowNode {
  readonly disk: SlowDisk

  constructor(disk: SlowDisk) {
    this.disk = disk
  }

  stat(): Filestat {
    this.disk.take('look')
    return STAT
  }

  setTimes(): number {
    this.disk.take('change')
    return Errno.SUCCESS
  }
}

class SlowDirectory extends SlowNode implements DirectoryNode {
  readonly kind = 'directory'
  readonly weight = 0

  retain(): void {}
  release(): void {}

  lookup(name: string): Node | number {
    this.disk.take('look')
    if (name.startsWith('n')) return Errno.NOENT
    if (name.startsWith('f')) return new SlowFile(this.disk)
    if (name.startsWith('l')) return new SlowLink(this.disk)
    this.disk.take('openDirectory')
    return this
  }

  descend(names: string): DirectoryNode | number | undefined {
    const all = names.split('/')
    this.disk.take('name', all.length)
    if (all.some((name) => name.startsWith('n'))) return Errno.NOENT
    if (!all.every((name) => name.startsWith('d'))) return undefined
    this.disk.take('openDirectory')
    return this
  }

  list(): DirectoryReader {
    this.disk.take('list')
    let at = 0
    return {
      read: (count) => {
        const length = Math.min(count, WIDTH - at)
        this.disk.take('entry', length)
        return Array.from({ length }, () => ({ name: `f${at++}`, filetype: STAT.filetype }))
      },
      close: () => undefined,
    }
  }

  inodeOf(): bigint {
    this.disk.take('look')
    return 1n
  }

  createFile(): OpenFile {
    this.disk.take('open')
    return new SlowOpenFile(this.disk)
  }

  readonly #change = (): number => {
    this.disk.take('change')
    return Errno.SUCCESS
  }

  readonly createDirectory: () => number = this.#change
  readonly createSymlink: () => number = this.#change
  readonly link: () => number = this.#change
  readonly unlinkFile: () => number = this.#change
  readonly removeDirectory: () => number = this.#change
  readonly rename: () => number = this.#change
}

class SlowFile extends SlowNode implements FileNode {
  readonly kind = 'file'

  open(): OpenFile {
    this.disk.take('open')
    return new SlowOpenFile(this.disk)
  }
}

class SlowLink extends SlowNode implements SymlinkNode {
  readonly kind = 'symlink'

  readLink(): string {
    this.disk.take('look')
    return `${'d/../'.repeat(400)}l`
  }
}

class SlowOpenFile extends SlowNode implements OpenFile {
  readonly kind = 'file'
  readonly filetype: number = Filetype.RegularFile
  readonly setSize: () => number = this.setTimes
  readonly allocate: () => number = this.setTimes

  read(into: Uint8Array): number {
    return this.#transfer(into)
  }

  write(from: Uint8Array): number {
    return this.#transfer(from)
  }

  #transfer(bytes: Uint8Array): number {
    this.disk.take('transfer')
    this.disk.take('byte', bytes.length)
    return bytes.length
  }

  lock(kind: LockKind): number {
    this.disk.take('look')
    if (kind === 'exclusive' && this.disk.locks > 0) return Errno.AGAIN
    if (kind === 'shared') this.disk.locks++
    return Errno.SUCCESS
  }

  sync(): Promise<number> {
    return new Promise((resolve) => {
      this.disk.finishSync = () => resolve(Errno.SUCCESS)
    })
  }

  close(): void {
    this.disk.take('look')
  }
}
