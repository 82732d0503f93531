/** Numbers and layouts of WASI preview 1 (wasi_snapshot_preview1.witx). All layouts are little-endian. */

export const Filetype = {
  Unknown: 0,
  BlockDevice: 1,
  CharacterDevice: 2,
  Directory: 3,
  RegularFile: 4,
  SocketDgram: 5,
  SocketStream: 6,
  SymbolicLink: 7,
} as const

export const Oflags = { Creat: 1, Directory: 2, Excl: 4, Trunc: 8 } as const
export const OFLAGS_ALL = 15

export const Fdflags = { Append: 1, Dsync: 2, Nonblock: 4, Rsync: 8, Sync: 16 } as const
export const FDFLAGS_ALL = 31

export const Fstflags = { Atim: 1, AtimNow: 2, Mtim: 4, MtimNow: 8 } as const

/** Bit of `lookupflags`: follow the last component when it is a symbolic link. */
export const SYMLINK_FOLLOW = 1

export const Whence = { Set: 0, Cur: 1, End: 2 } as const

export const Sdflags = { Read: 1, Write: 2 } as const
export const SDFLAGS_ALL = 3

export const Clockid = { Realtime: 0, Monotonic: 1, ProcessCpu: 2, ThreadCpu: 3 } as const

export const Eventtype = { Clock: 0, FdRead: 1, FdWrite: 2 } as const

export const IOVEC_BYTES = 8
export const FDSTAT_BYTES = 24
export const FILESTAT_BYTES = 64
export const DIRENT_BYTES = 24
export const SUBSCRIPTION_BYTES = 48
export const EVENT_BYTES = 32

/** The import module of WASI preview 1. */
export const PREVIEW1 = 'wasi_snapshot_preview1'
/** The import module of what preview 1 lacks (docs/abi.md). */
export const BEYOND = 'wasm_fpm'

/** A filestat with permissions and owner behind it. */
export const LONG_FILESTAT_BYTES: number = FILESTAT_BYTES + 16

/** What `access` asks for, as access(2) has it. */
export const Access = { Execute: 1, Write: 2, Read: 4 } as const
export const ACCESS_ALL = 7

/** Operations of `flock`, as Linux has them. */
export const Lock = { Shared: 1, Exclusive: 2, Nonblock: 4, Unlock: 8 } as const
