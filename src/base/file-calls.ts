/**
 * Linux's system calls on names in an open directory, through `node:ffi`. `node:fs` has them by path only, and under Node's
 * permission model paths of /proc cannot be written to. Node's permission model does not see these calls: whoever makes them
 * is the one who keeps them inside a granted directory.
 *
 * Every call returns a count, a descriptor or 0, or minus the kernel's error number.
 */
import type * as Ffi from 'node:ffi'
import { constants } from 'node:os'
import { bindLookCalls, type LookCalls } from './look-calls.ts'

export interface FileCalls {
  /** undefined: this C library cannot. */
  readonly look: LookCalls | undefined
  /** O_CLOEXEC is added. `mode`: of a new file. */
  openat(directory: number, name: string, flags: number, mode: number): number
  mkdirat(directory: number, name: string, mode: number): number
  /** `isDirectory`: removes an empty directory, else anything but a directory. */
  unlinkat(directory: number, name: string, isDirectory: boolean): number
  renameat(from: number, name: string, to: number, toName: string): number
  /** A link in last place is not followed. */
  linkat(from: number, name: string, to: number, toName: string): number
  symlinkat(target: string, directory: number, name: string): number
  /** The link's text. */
  readlinkat(directory: number, name: string): Uint8Array | number
  /** `times`: two `struct timespec`. A link in last place is not followed; an empty name means the descriptor itself. */
  utimensat(directory: number, name: string, times: Uint8Array): number
  /** pwritev2(2): writes `from` at the end, wherever that is at that moment. */
  append(fd: number, from: Uint8Array): number
  /** fchmodat(2): follows links. */
  fchmodat(directory: number, name: string, mode: number): number
  /** flock(2) without waiting: LOCK_*. */
  flock(fd: number, operation: number): number
  /** Takes a lease: LEASE_*. */
  setLease(fd: number, lease: number): number
  /**
   * aio_fsync(3): writes a file to the disk in a thread of the C library. Whoever asks is told how it went: undefined: it still
   * goes on, and nothing calls back. undefined instead of a function: this C library cannot.
   */
  readonly beginSync: ((fd: number) => () => number | undefined) | undefined
}

/** Can only be had by the one who alone has the file open. */
export const LEASE_WRITE = 1

export const LOCK_SHARED = 1
export const LOCK_EXCLUSIVE = 2
export const LOCK_NONE = 8

const LOCK_NONBLOCK = 4
const O_CLOEXEC = 0o2_000_000
const AT_SYMLINK_NOFOLLOW = 0x100
const AT_REMOVEDIR = 0x200
const AT_EMPTY_PATH = 0x1000
const F_SETLEASE = 1024
const RWF_APPEND = 0x10
const PATH_MAX = 4096
const O_SYNC = 0o4_010_000
const SIGEV_NONE = 1
const AIOCB_BYTES = 168

let calls: FileCalls | undefined
let isLoaded = false

/** undefined: not Linux on a machine whose layouts these are, or this process may not use `node:ffi`. */
export function loadFileCalls(): FileCalls | undefined {
  if (!isLoaded) {
    isLoaded = true
    calls = hasLayouts() ? load() : undefined
  }
  return calls
}

function hasLayouts(): boolean {
  return process.platform === 'linux' && ['x64', 'arm64', 'riscv64'].includes(process.arch)
}

function load(): FileCalls | undefined {
  try {
    return bind(process.getBuiltinModule('node:ffi') as typeof Ffi)
  } catch {
    return undefined // an older Node, or the permission model says no
  }
}

function bind(ffi: typeof Ffi): FileCalls {
  const { functions } = ffi.dlopen(null, {
    __errno_location: { arguments: [], return: 'pointer' },
    openat: { arguments: ['int32', 'pointer', 'int32', 'uint32'], return: 'int32' },
    mkdirat: { arguments: ['int32', 'pointer', 'uint32'], return: 'int32' },
    unlinkat: { arguments: ['int32', 'pointer', 'int32'], return: 'int32' },
    renameat: { arguments: ['int32', 'pointer', 'int32', 'pointer'], return: 'int32' },
    linkat: { arguments: ['int32', 'pointer', 'int32', 'pointer', 'int32'], return: 'int32' },
    symlinkat: { arguments: ['pointer', 'int32', 'pointer'], return: 'int32' },
    readlinkat: { arguments: ['int32', 'pointer', 'pointer', 'uint64'], return: 'int64' },
    utimensat: { arguments: ['int32', 'pointer', 'pointer', 'int32'], return: 'int32' },
    pwritev2: { arguments: ['int32', 'pointer', 'int32', 'int64', 'int32'], return: 'int64' },
    fchmodat: { arguments: ['int32', 'pointer', 'uint32', 'int32'], return: 'int32' },
    flock: { arguments: ['int32', 'int32'], return: 'int32' },
    fcntl: { arguments: ['int32', 'int32', 'int64'], return: 'int32' },
  } as const)
  // Stays where it is for this thread. Nothing runs between a call and this look that could change it.
  const errno = new Int32Array(ffi.toArrayBuffer(functions.__errno_location(), 4, false))
  const result = (value: number | bigint): number => (value < 0 ? -(errno[0] ?? 0) : Number(value))
  const address = (bytes: Uint8Array | BigUint64Array): bigint =>
    ffi.getRawPointer(bytes.buffer as ArrayBuffer) + BigInt(bytes.byteOffset)
  return {
    openat: (directory, name, flags, mode) =>
      result(functions.openat(directory, named(name), flags | O_CLOEXEC, mode)),
    mkdirat: (directory, name, mode) => result(functions.mkdirat(directory, named(name), mode)),
    unlinkat: (directory, name, isDirectory) =>
      result(functions.unlinkat(directory, named(name), isDirectory ? AT_REMOVEDIR : 0)),
    renameat: (from, name, to, toName) =>
      result(functions.renameat(from, named(name), to, named(toName))),
    linkat: (from, name, to, toName) =>
      result(functions.linkat(from, named(name), to, named(toName), 0)),
    symlinkat: (target, directory, name) =>
      result(functions.symlinkat(named(target), directory, named(name))),
    readlinkat: (directory, name) => {
      const text = new Uint8Array(PATH_MAX)
      const length = result(functions.readlinkat(directory, named(name), text, BigInt(PATH_MAX)))
      return length < 0 ? length : text.subarray(0, length)
    },
    utimensat: (directory, name, times) =>
      result(
        functions.utimensat(
          directory,
          named(name),
          times,
          name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW,
        ),
      ),
    append: (fd, from) => {
      const iovec = BigUint64Array.of(address(from), BigInt(from.length))
      return result(functions.pwritev2(fd, address(iovec), 1, -1n, RWF_APPEND))
    },
    fchmodat: (directory, name, mode) =>
      result(functions.fchmodat(directory, named(name), mode, 0)),
    flock: (fd, operation) => result(functions.flock(fd, operation | LOCK_NONBLOCK)),
    setLease: (fd, lease) => result(functions.fcntl(fd, F_SETLEASE, BigInt(lease))),
    look: bindLookCalls(ffi, result),
    beginSync: bindSync(ffi, result),
  }
}

/**
 *     struct aiocb: | fd i32 | 40 unused here | how to tell i32, at 44 | the rest up to 168 is the library's |
 */
function bindSync(ffi: typeof Ffi, result: (value: number) => number): FileCalls['beginSync'] {
  try {
    const { functions } = ffi.dlopen(null, {
      aio_fsync: { arguments: ['int32', 'pointer'], return: 'int32' },
      aio_error: { arguments: ['pointer'], return: 'int32' },
    } as const)
    return (fd) => {
      // The library holds on to it; so does whoever asks.
      const block = new DataView(new ArrayBuffer(AIOCB_BYTES))
      block.setInt32(0, fd, true)
      block.setInt32(44, SIGEV_NONE, true)
      const bytes = new Uint8Array(block.buffer)
      const begun = result(functions.aio_fsync(O_SYNC, bytes))
      if (begun < 0) return () => begun
      return () => {
        const state = functions.aio_error(bytes)
        return state === constants.errno.EINPROGRESS ? undefined : -state
      }
    }
  } catch {
    return undefined // a C library that has them elsewhere
  }
}

function named(path: string): Buffer {
  return Buffer.from(`${path}\0`)
}
