/** The few system calls of Linux that Node does not offer, through `node:ffi`. */
import type * as Ffi from 'node:ffi'

export interface Libc {
  /** An anonymous file in memory; negative: it cannot be had. */
  memfdCreate(name: Uint8Array, flags: number): number
  ftruncate(fd: number, bytes: number): number
  /** Gives the memory of a part of such a file back: it reads as zeros from here on. */
  punchHole(fd: number, offset: number, bytes: number): void
  /** From where on the file has something, and from where on it reads as zeros; negative: nowhere. */
  seekData(fd: number, offset: number): number
  seekHole(fd: number, offset: number): number
  /** Opens for reading; negative: it cannot be had. */
  open(path: Uint8Array): number
  close(fd: number): void
  /** Makes all that was written to the file system of `fd` last; negative: it cannot be said. */
  syncfs(fd: number): number
  /** A second descriptor of the same file or socket; negative: it cannot be had. */
  dup(fd: number): number
  /** Makes `to` a second descriptor of what `from` is one of; negative: it cannot be done. */
  dup2(from: number, to: number): number
  /** Sends to a socket what it takes at once, and returns how much that is; negative: nothing, or its peer is gone. */
  sendNow(fd: number, bytes: Uint8Array): number
  /**
   * The same of `count` bytes at `address`, where the socket does not block. It takes a third of the time: Node's calls with more
   * than three arguments, or with memory that has to be looked for, take a long way.
   */
  writeFrom(fd: number, address: bigint, count: number): number
  /** Takes from a socket that does not block what has come, and returns how much that is; 0 or less: nothing has, or nothing will. */
  read(fd: number, into: Uint8Array): number
  /** Keeps what is sent to a TCP socket back until a packet is full, 200 ms are over, or `endSending`. */
  cork(fd: number): void
  /** Sends the end of the stream, at once, with what was kept back. */
  endSending(fd: number): void
  /** Whether a stream socket is closed in both directions. */
  hasHungUp(fd: number): boolean
  /** Ends the process without waiting for any of its threads. */
  exitNow(code: number): void
  /** The address mapped; `MAP_FAILED`: it cannot be had. */
  mmap(address: bigint, bytes: number, mapping: Mapping): bigint
  munmap(address: bigint, bytes: number): void
  /** Drops private pages: the file's show again. */
  madviseDontNeed(address: bigint, bytes: number): number
  /** Never makes huge pages of these. */
  smallPages(address: bigint, bytes: number): void
  ioctl(fd: number, request: bigint, argument: Uint8Array | BigUint64Array): number
  /** Fills the `struct rusage` at `usage`. */
  getrusage(who: number, usage: bigint): number
  /** CLOCK_THREAD_CPUTIME_ID, in milliseconds. */
  threadCpuMs(): number
  /** Lets other threads run that wait for this processor. */
  schedYield(): void
  /** Whether there is something to read, or to accept, at once. */
  isReadable(fd: number): boolean
  /** Refuses connections that come from here on to a listening TCP socket; those that wait can be accepted. */
  refuseNew(fd: number): void
  /** Writes two connected stream sockets to `fds`, closed in programs that are started; negative: they cannot be had. */
  socketpair(fds: Int32Array): number
  pread(fd: number, into: BigUint64Array, offset: bigint): number
  addressOf(buffer: ArrayBuffer): bigint
  /** `bytes` bytes at `address` as an ArrayBuffer that owns nothing. */
  view(address: bigint, bytes: number): ArrayBuffer
}

export interface Mapping {
  /** PROT_*. */
  readonly protection: number
  /** MAP_*. */
  readonly flags: number
  readonly fd: number
  /** Where in the file it starts. Default 0. */
  readonly offset?: number
}

export const PROT_READ = 1
export const PROT_WRITE = 2
export const MAP_SHARED = 1
export const MAP_PRIVATE = 2
export const MAP_FIXED = 0x10
export const MAP_ANONYMOUS = 0x20
export const MAP_FAILED = 0xffff_ffff_ffff_ffffn

const MADV_DONTNEED = 4
const MADV_NOHUGEPAGE = 15
const SEEK_DATA = 3
const SEEK_HOLE = 4
const PUNCH_HOLE_KEEP_SIZE = 3
const CLOCK_THREAD_CPUTIME_ID = 3
const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC = 0x80001
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000
const SOL_SOCKET = 1
const IPPROTO_TCP = 6
const TCP_CORK = 3
const ON = new Int32Array([1])
const SHUT_WR = 1
const SO_BINDTOIFINDEX = 62
/** Of no network interface. */
const NO_INTERFACE = new Int32Array([0x7fff_ffff])
const POLLIN = 1
const POLLERR = 0x8
const POLLHUP = 0x10

let libc: Libc | undefined
let isLoaded = false

/** undefined: not Linux on x86-64 or arm64, or this process may not use `node:ffi`. */
export function loadLibc(): Libc | undefined {
  if (!isLoaded) {
    isLoaded = true
    libc = process.platform === 'linux' ? load() : undefined
  }
  return libc
}

function load(): Libc | undefined {
  try {
    const ffi = process.getBuiltinModule('node:ffi') as typeof Ffi
    return bind(ffi)
  } catch {
    return undefined // an older Node, or the permission model says no
  }
}

function bind(ffi: typeof Ffi): Libc {
  const { functions } = ffi.dlopen(null, {
    memfd_create: { arguments: ['pointer', 'uint32'], return: 'int32' },
    ftruncate: { arguments: ['int32', 'int64'], return: 'int32' },
    fallocate: { arguments: ['int32', 'int32', 'int64', 'int64'], return: 'int32' },
    lseek: { arguments: ['int32', 'int64', 'int32'], return: 'int64' },
    open: { arguments: ['pointer', 'int32'], return: 'int32' },
    close: { arguments: ['int32'], return: 'int32' },
    syncfs: { arguments: ['int32'], return: 'int32' },
    dup: { arguments: ['int32'], return: 'int32' },
    dup2: { arguments: ['int32', 'int32'], return: 'int32' },
    send: { arguments: ['int32', 'buffer', 'uint32', 'int32'], return: 'int32' },
    write: { arguments: ['int32', 'uint64', 'uint32'], return: 'int32' },
    read: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
    poll: { arguments: ['pointer', 'uint64', 'int32'], return: 'int32' },
    _exit: { arguments: ['int32'], return: 'void' },
    mmap: {
      arguments: ['pointer', 'uint64', 'int32', 'int32', 'int32', 'int64'],
      return: 'pointer',
    },
    munmap: { arguments: ['pointer', 'uint64'], return: 'int32' },
    madvise: { arguments: ['pointer', 'uint64', 'int32'], return: 'int32' },
    ioctl: { arguments: ['int32', 'uint64', 'pointer'], return: 'int32' },
    getrusage: { arguments: ['int32', 'pointer'], return: 'int32' },
    clock_gettime: { arguments: ['int32', 'pointer'], return: 'int32' },
    shutdown: { arguments: ['int32', 'int32'], return: 'int32' },
    setsockopt: { arguments: ['int32', 'int32', 'int32', 'pointer', 'uint32'], return: 'int32' },
    sched_yield: { arguments: [], return: 'int32' },
    socketpair: { arguments: ['int32', 'int32', 'int32', 'pointer'], return: 'int32' },
    pread: { arguments: ['int32', 'pointer', 'uint64', 'int64'], return: 'int64' },
  })
  const addressOf = (buffer: ArrayBufferLike): bigint => ffi.getRawPointer(buffer as ArrayBuffer)
  const pointer = (bytes: Uint8Array | Int32Array | BigUint64Array): bigint =>
    addressOf(bytes.buffer) + BigInt(bytes.byteOffset)
  const call = functions as unknown as Record<string, (...args: unknown[]) => number & bigint>
  const at = (name: string): ((...args: unknown[]) => number & bigint) => {
    const found = call[name]
    if (found === undefined) throw new Error(`Cannot find ${name}: not in the C library`)
    return found
  }
  const [memfdCreate, ftruncate, open, close, dup] = [
    at('memfd_create'),
    at('ftruncate'),
    at('open'),
    at('close'),
    at('dup'),
  ]
  const [mmap, munmap, madvise] = [at('mmap'), at('munmap'), at('madvise')]
  const [ioctl, pread, getrusage] = [at('ioctl'), at('pread'), at('getrusage')]
  const clockGettime = at('clock_gettime')
  const [schedYield, socketpair] = [at('sched_yield'), at('socketpair')]
  const [dup2, exit, poll] = [at('dup2'), at('_exit'), at('poll')]
  const [setsockopt, shutdown] = [at('setsockopt'), at('shutdown')]
  const syncfs = at('syncfs')
  const [send, write, read] = [at('send'), at('write'), at('read')]
  const [fallocate, lseek] = [at('fallocate'), at('lseek')]
  // struct timespec: seconds, and nanoseconds.
  const time = new BigInt64Array(2)
  const timeAddress = addressOf(time.buffer)
  // struct pollfd: the descriptor, and two bytes each of what is asked and what is answered.
  const asked = new Int32Array(2)
  /** What holds of `events`, POLLHUP and POLLERR at the moment. */
  const pollNow = (fd: number, events: number): number => {
    asked[0] = fd
    asked[1] = events
    poll(pointer(asked), 1n, 0)
    return (asked[1] ?? 0) >>> 16
  }
  return {
    memfdCreate: (name, flags) => memfdCreate(pointer(name), flags),
    ftruncate: (fd, bytes) => ftruncate(fd, BigInt(bytes)),
    punchHole: (fd, offset, bytes) =>
      void fallocate(fd, PUNCH_HOLE_KEEP_SIZE, BigInt(offset), BigInt(bytes)),
    seekData: (fd, offset) => Number(lseek(fd, BigInt(offset), SEEK_DATA)),
    seekHole: (fd, offset) => Number(lseek(fd, BigInt(offset), SEEK_HOLE)),
    open: (path) => open(pointer(path), 0),
    close: (fd) => void close(fd),
    syncfs: (fd) => syncfs(fd),
    dup: (fd) => dup(fd),
    dup2: (from, to) => dup2(from, to),
    sendNow: (fd, bytes) => send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL),
    writeFrom: (fd, address, count) => write(fd, address, count),
    read: (fd, into) => read(fd, into, into.length),
    cork: (fd) => void setsockopt(fd, IPPROTO_TCP, TCP_CORK, pointer(ON), 4),
    endSending: (fd) => void shutdown(fd, SHUT_WR),
    hasHungUp: (fd) => (pollNow(fd, 0) & (POLLHUP | POLLERR)) !== 0,
    exitNow: (code) => void exit(code),
    mmap: (address, bytes, { protection, flags, fd, offset = 0 }) =>
      mmap(address, BigInt(bytes), protection, flags, fd, BigInt(offset)),
    munmap: (address, bytes) => void munmap(address, BigInt(bytes)),
    madviseDontNeed: (address, bytes) => madvise(address, BigInt(bytes), MADV_DONTNEED),
    smallPages: (address, bytes) => void madvise(address, BigInt(bytes), MADV_NOHUGEPAGE),
    ioctl: (fd, request, argument) => ioctl(fd, request, pointer(argument)),
    getrusage: (who, usage) => getrusage(who, usage),
    threadCpuMs: () => {
      clockGettime(CLOCK_THREAD_CPUTIME_ID, timeAddress)
      return Number(time[0]) * 1000 + Number(time[1]) / 1e6
    },
    socketpair: (fds) => socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pointer(fds)),
    // A socket of an interface is found by what comes in there: by nothing, here.
    refuseNew: (fd) => void setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, pointer(NO_INTERFACE), 4),
    schedYield: () => void schedYield(),
    isReadable: (fd) => pollNow(fd, POLLIN) !== 0,
    pread: (fd, into, offset) => Number(pread(fd, pointer(into), BigInt(into.byteLength), offset)),
    addressOf,
    view: (address, bytes) => ffi.toArrayBuffer(address, bytes, false),
  }
}
