/**
 * The system calls that look for names in an open directory: the ones programs make most of. So what they take and give lies in
 * memory that stays where it is. Each returns minus the kernel's error number when it fails.
 */
import type * as Ffi from 'node:ffi'
import { constants } from 'node:os'

/** What a file system says of a name; `BigIntStats` is one. */
export interface FileStatus {
  readonly dev: bigint
  readonly ino: bigint
  /** S_IF* and permissions. */
  readonly mode: number | bigint
  readonly nlink: bigint
  readonly uid: number | bigint
  readonly gid: number | bigint
  readonly size: bigint
  readonly atimeNs: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
}

export interface LookCalls {
  /** statx(2). A link in last place is not followed. */
  stat(directory: number, name: string): FileStatus | number
  /** The same of a whole path, through any links. */
  statPath(path: string): FileStatus | number
  /** The same of what is open. */
  statOpen(fd: number): FileStatus | number
  /**
   * openat2(2) of a path that neither leads out of the directory nor through any link, whatever others do meanwhile. O_CLOEXEC is
   * added. A kernel without the call, or a filter before it, answers ENOSYS, and is not asked again.
   */
  openBeneath(directory: number, path: string, flags: number): number
  /** getdents64(2): the next entries of an open directory, `.` and `..` among them; none at the end. */
  entries(directory: number): readonly FolderEntry[] | number
}

export interface FolderEntry {
  readonly name: string
  readonly ino: bigint
  /** DT_*: S_IF* without its last 12 bits; 0: the file system does not tell. */
  readonly type: number
}

const O_CLOEXEC = 0o2_000_000
/** Stands for no folder: paths are whole ones. */
export const AT_FDCWD = -100

const AT_SYMLINK_NOFOLLOW = 0x100
const AT_EMPTY_PATH = 0x1000
/** Asks for what `FileStatus` has. */
const STATX_BASIC_STATS = 0x7ff
const STATX_BYTES = 256
/** The same on every machine. */
const SYS_OPENAT2 = 437
const OPEN_HOW_BYTES = 24
const SYS_GETDENTS64 = process.arch === 'x64' ? 217 : 61
/** Of entries that are read at once. */
const ENTRIES_BYTES = 8_192
const RESOLVE_NO_MAGICLINKS = 2
const RESOLVE_NO_SYMLINKS = 4
const RESOLVE_BENEATH = 8
/** Of names in UTF-8, with the NUL behind them; longer ones than the kernel takes. */
const NAME_BYTES = 8_192
const NS_PER_S = 1_000_000_000n

const encoder = new TextEncoder()

/** `result`: of a call that has failed if it is negative. undefined: this C library has not all of them. */
export function bindLookCalls(
  ffi: typeof Ffi,
  result: (value: number) => number,
): LookCalls | undefined {
  try {
    return bind(ffi, result)
  } catch {
    return undefined
  }
}

function bind(ffi: typeof Ffi, result: (value: number) => number): LookCalls {
  const { functions } = ffi.dlopen(null, {
    statx: { arguments: ['int32', 'pointer', 'int32', 'uint32', 'pointer'], return: 'int32' },
    syscall: { arguments: ['int64', 'int64', 'pointer', 'pointer', 'uint64'], return: 'int32' },
  } as const)
  const place = (bytes: number): [bytes: Buffer, address: bigint] => {
    const buffer = new ArrayBuffer(bytes)
    return [Buffer.from(buffer), ffi.getRawPointer(buffer)]
  }
  const [name, atName] = place(NAME_BYTES)
  const [status, atStatus] = place(STATX_BYTES)
  const [how, atHow] = place(OPEN_HOW_BYTES)
  const [entries, atEntries] = place(ENTRIES_BYTES)
  const statusView = new DataView(status.buffer)
  // struct open_how: | flags u64 | mode u64 | resolve u64 |
  const howView = new DataView(how.buffer)
  howView.setBigUint64(
    16,
    BigInt(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
    true,
  )
  /** Whether all of it is there to be passed on. */
  const put = (path: string): boolean => {
    const { read, written } = encoder.encodeInto(path, name)
    if (read < path.length || written === NAME_BYTES) return false
    name[written] = 0
    return true
  }
  const stat = (fd: number, flags: number): FileStatus | number => {
    const code = result(functions.statx(fd, atName, flags, STATX_BASIC_STATS, atStatus))
    return code < 0 ? code : readStatus(statusView)
  }
  let hasOpenat2 = true
  return {
    stat: (directory, path) =>
      put(path) ? stat(directory, AT_SYMLINK_NOFOLLOW) : -constants.errno.ENAMETOOLONG,
    statPath: (path) => (put(path) ? stat(AT_FDCWD, 0) : -constants.errno.ENAMETOOLONG),
    statOpen: (fd) => {
      name[0] = 0
      return stat(fd, AT_EMPTY_PATH)
    },
    openBeneath: (directory, path, flags) => {
      if (!hasOpenat2) return -constants.errno.ENOSYS
      if (!put(path)) return -constants.errno.ENAMETOOLONG
      howView.setBigUint64(0, BigInt(flags | O_CLOEXEC), true)
      const fd = result(
        functions.syscall(
          BigInt(SYS_OPENAT2),
          BigInt(directory),
          atName,
          atHow,
          BigInt(OPEN_HOW_BYTES),
        ),
      )
      // EPERM: what a filter says who does not know the call; the call itself says so of no folder.
      hasOpenat2 = fd !== -constants.errno.ENOSYS && fd !== -constants.errno.EPERM
      return hasOpenat2 ? fd : -constants.errno.ENOSYS
    },
    entries: (directory) => {
      const length = result(
        functions.syscall(
          BigInt(SYS_GETDENTS64),
          BigInt(directory),
          atEntries,
          BigInt(ENTRIES_BYTES),
          0n,
        ),
      )
      return length < 0 ? length : [...readEntries(entries.subarray(0, length))]
    },
  }
}

/**
 *     struct statx: | 16 not asked for | nlink u32 | uid u32 | gid u32 | mode u16 | 2 unused | ino u64, at 32 | size u64 | 16 not asked
 *     for | atime, at 64 | btime | ctime | mtime | rdev u32, u32 | dev major u32, at 136 | dev minor u32 | the rest up to 256 |
 *     a time: | seconds i64 | nanoseconds u32 | 4 unused |
 */
function readStatus(view: DataView): FileStatus {
  const timeAt = (at: number): bigint =>
    view.getBigInt64(at, true) * NS_PER_S + BigInt(view.getUint32(at + 8, true))
  return {
    dev: deviceOf(view.getUint32(136, true), view.getUint32(140, true)),
    ino: view.getBigUint64(32, true),
    mode: view.getUint16(28, true),
    nlink: BigInt(view.getUint32(16, true)),
    uid: view.getUint32(20, true),
    gid: view.getUint32(24, true),
    size: view.getBigUint64(40, true),
    atimeNs: timeAt(64),
    ctimeNs: timeAt(96),
    mtimeNs: timeAt(112),
  }
}

/**
 *     struct linux_dirent64: | ino u64 | 8 unused here | length u16, all of it | type u8 | name, and a NUL behind it |
 */
function* readEntries(bytes: Buffer): Iterable<FolderEntry> {
  for (let at = 0; at < bytes.length; at += bytes.readUInt16LE(at + 16)) {
    const name = bytes.toString('utf8', at + 19, bytes.indexOf(0, at + 19))
    yield { name, ino: bytes.readBigUInt64LE(at), type: bytes.readUInt8(at + 18) }
  }
}

/** As makedev(3) packs them, and `node:fs` shows them. */
function deviceOf(major: number, minor: number): bigint {
  const low = BigInt(((major & 0xfff) << 8) | (minor & 0xff))
  return (BigInt(major >>> 12) << 44n) | (BigInt(minor >>> 8) << 20n) | low
}
