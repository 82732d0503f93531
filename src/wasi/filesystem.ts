/**
 * What a virtual file system is made of: directories, files, symbolic links, and what an opened file can do.
 *
 * Names are single components: never empty, `.`, `..`, or with a `/` or NUL in them; paths are taken apart in resolve.ts.
 * Failures are errnos: where an object or a string is expected a number is an errno, where a count is expected
 * a negative number is minus an errno.
 */
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { Clock } from '../base/clock.ts'

export interface Filestat {
  readonly dev: bigint
  readonly ino: bigint
  readonly filetype: number
  readonly nlink: bigint
  readonly size: bigint
  /** Permissions, twelve bits, and whose it is. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Nanoseconds since 1970. */
  readonly atim: bigint
  readonly mtim: bigint
  readonly ctim: bigint
}

/** New times in nanoseconds since 1970; `undefined` leaves one as it is. */
export interface NewTimes {
  readonly atim: bigint | undefined
  readonly mtim: bigint | undefined
}

export interface OpenMode {
  readonly read: boolean
  readonly write: boolean
  readonly truncate: boolean
  /** Of a file that is made. Default: what the process gives to those that it makes. */
  readonly permissions?: number | undefined
}

export type LockKind = 'shared' | 'exclusive' | 'none'

/** A file or device opened by a guest. Offsets are safe integers. */
export interface OpenFile {
  readonly kind: 'file'
  readonly filetype: number
  stat(): Filestat | number
  /** Reads at `offset`; 0 at the end; negative: minus an errno. */
  read(into: Uint8Array, offset: number): number
  /** Writes at `offset`, or at the end for `undefined`; how much was taken; negative: minus an errno. */
  write(from: Uint8Array, offset: number | undefined): number
  setSize(size: number): number
  /** Makes the file at least `size` bytes long. */
  allocate(size: number): number
  setTimes(times: NewTimes): number
  /** A promise where the host has a disk to wait for. */
  sync(): number | Promise<number>
  /**
   * Takes the lock of flock(2), or gives it up. AGAIN: somebody else has one that this cannot be beside. Closing gives it up, too.
   */
  lock(kind: LockKind): number
  /** Once, by the descriptor that holds it. */
  close(): void
}

/** An opened byte stream: no offset, may have to wait. */
export interface OpenStream {
  readonly kind: 'stream'
  readonly source: StreamReader | undefined
  readonly sink: ByteSink | undefined
  readonly isTerminal: boolean
  /** Distinguishes streams in `filestat`. */
  readonly ino: bigint
  /** Default: a character device. */
  readonly filetype?: number
  /** It is still being opened: nobody uses it before that has come to a good end. Default: it is open. */
  readonly opening?: Opening
  /** Once, by the only descriptor that holds it. Default: whoever granted it ends it. */
  close?(): void
}

export interface Opening {
  /** SUCCESS or an errno; undefined: not yet. */
  outcome(): number | undefined
  /** Calls `wake` once, as soon as there is one. */
  onOutcome(wake: () => void): void
}

/** A device that stands for one of the session's own streams: stdin, stdout or stderr. */
export interface StandardStream {
  readonly kind: 'standard'
  readonly stream: 0 | 1 | 2
}

/** A source one can look at before reading, which `poll_oneoff` needs. Shared by all descriptors of one stream. */
export interface StreamReader extends ByteSource {
  /** Bytes that can be read now; 0: none yet; -1: the stream has ended. */
  available(): number
  /** The errno of a stream that has not come to its end, but broke off. */
  readonly failure?: number | undefined
}

export interface FileNode {
  readonly kind: 'file'
  stat(): Filestat | number
  /** Permissions; on the host's disk the owner may always read. Not there: they cannot be changed, and that is no error. */
  setMode?(mode: number): number
  /** Whether it is on a read-only file system. Default: no. */
  readonly isReadOnly?: boolean
  open(mode: OpenMode): OpenFile | OpenStream | StandardStream | number
  setTimes(times: NewTimes): number
}

export interface SymlinkNode {
  readonly kind: 'symlink'
  stat(): Filestat | number
  setTimes(times: NewTimes): number
  readLink(): string | number
}

/** Where the host itself connects to for a guest. */
export interface ConnectTarget {
  readonly protocol: 'tcp' | 'tls'
  readonly host: string
  readonly port: number
  /** Of the one request of HTTP that the host sends there; undefined: the guest sends what it likes. */
  readonly method?: string
}

export interface DirectoryEntry {
  readonly name: string
  readonly filetype: number
  /** Default: `inodeOf` can tell. */
  readonly ino?: bigint
}

/** Room in a file system, or in a quota: bytes of all of it, and of what may still be written. */
export interface Space {
  readonly bytes: number
  readonly free: number
}

/** The entries of a directory, bit by bit. */
export interface DirectoryReader {
  /** Up to `count` more, none at the end; or an errno. */
  read(count: number): readonly DirectoryEntry[] | number
  close(): void
}

/**
 * A directory. `lookup` gives away a reference to a directory it returns; whoever holds a reference calls `release`
 * once. Files in memory may be gone when the last one is released.
 */
export interface DirectoryNode {
  readonly kind: 'directory'
  retain(): void
  release(): void
  stat(): Filestat | number
  setTimes(times: NewTimes): number
  /** NOENT when there is none. A symbolic link is returned as such. */
  lookup(name: string): Node | number
  /**
   * The directory that `names`, joined by slashes, lead to, as `lookup` after `lookup` would find it. NOENT: one of them is missing.
   * undefined: only `lookup` can tell, for a link or an error on the way. Not there: it is not faster.
   */
  descend?(names: string): DirectoryNode | number | undefined
  /** The same, where what has been found is remembered, that in the directory as well. undefined, and not there: elsewhere. */
  recall?(names: string): DirectoryNode | number | undefined
  /**
   * Until when, in milliseconds of the clock, it is believed what `descend` and `recall` have just answered to `names`, or for '' `lookup`
   * to any name, and `stat`. Not there, and 0: no longer than now.
   */
  believedUntilMs?(names: string): number
  /** Of a whole tree: looks at its paths that are believed. */
  readonly looks?: Looks
  /** A connection that is being opened, or an errno. Not there: the folder of devices that allows some has it, no other. */
  connect?(target: ConnectTarget): OpenStream | number
  /** As of files. */
  setMode?(mode: number): number
  readonly isReadOnly?: boolean
  /** How much room there is for what is written here. Not there: nobody can say. */
  space?(): Space | number
  /** SUCCESS, or the errno that all else would answer: what `lookup` returns need not be open yet. Not there: it is. */
  open?(): number
  /** How many entries `list`, or a `rename` of this directory, may go over at once. */
  readonly weight: number
  /** All entries but `.` and `..`, in a stable order. Whoever takes it closes it. */
  list(): DirectoryReader | number
  /** The inode number of an entry; 0 when it is gone. */
  inodeOf(name: string): bigint
  /** EXIST when the name is taken. */
  createFile(name: string, mode: OpenMode): OpenFile | StandardStream | number
  /** `permissions`: as of `OpenMode`. */
  createDirectory(name: string, permissions?: number): number
  createSymlink(name: string, target: string): number
  /** Hard link; XDEV for a node of another file system. `from` and `fromName` are where it was found. */
  link(name: string, from: DirectoryNode, fromName: string): number
  unlinkFile(name: string): number
  removeDirectory(name: string): number
  /** Moves an entry of this directory; XDEV into another file system. */
  rename(name: string, to: DirectoryNode, toName: string): number
}

/** What a look at a path has found. */
export interface Look {
  /** Until when that is believed, in milliseconds of the clock. */
  readonly untilMs: number
  /** What is there. NOENT: nothing. NOTDIR: a file, where the path says that it means a directory. */
  readonly found: Filestat | number
  readonly isDirectory: boolean
  readonly isReadOnly: boolean
}

/** Looks that are remembered, by path; `follows`: links in last place are followed. */
export interface Looks {
  get(path: string, follows: boolean, nowMs: number): Look | undefined
  keep(path: string, follows: boolean, look: Look, clock: Clock): void
}

export type Node = FileNode | SymlinkNode | DirectoryNode
