/**
 * What descriptors are like (preview 1: fd_fdstat_*, fd_filestat_*, fd_advise, fd_allocate, fd_datasync, fd_sync).
 */
import { FDFLAGS_ALL, FDSTAT_BYTES, FILESTAT_BYTES, Filetype } from './abi.ts'
import { type CallContext, FILE_WORK } from './call-context.ts'
import type { Descriptor } from './descriptor.ts'
import { Errno } from './errno.ts'
import type { Filestat } from './filesystem.ts'
import { newTimes } from './new-times.ts'
import { ownStat } from './own-stat.ts'
import { knownRights, Right } from './rights.ts'
import { syncFile } from './sync-file.ts'

/** Kinds of advice `fd_advise` knows: 0 to 5. */
const MAX_ADVICE = 5

/** A call that stores what is open by `store`. */
export function descriptorStatCall(
  store: (host: CallContext, result: number, stat: Filestat) => number,
) {
  return (host: CallContext) =>
    (fd: number, result: number): number => {
      host.enter()
      const descriptor = host.descriptors.get(fd)
      if (descriptor === undefined) return Errno.BADF
      if ((descriptor.rights & Right.FdFilestatGet) === 0) return Errno.NOTCAPABLE
      host.charge(FILE_WORK)
      const stat = statOf(descriptor)
      return typeof stat === 'number' ? stat : store(host, result, stat)
    }
}

export const FD_STAT_CALLS = {
  /**
   * BADF: not open. FAULT: the result does not fit.
   *
   *     | filetype u8 | 1 unused | flags u16 | 4 unused | rights base u64 | rights inheriting u64 |
   */
  fd_fdstat_get: (host: CallContext) => (fd: number, result: number) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    const at = result >>> 0
    if (!host.has(at, FDSTAT_BYTES)) return Errno.FAULT
    const { view } = host
    view.setUint16(at, descriptor.filetype, true)
    view.setUint16(at + 2, descriptor.fdflags, true)
    view.setUint32(at + 4, 0, true)
    view.setUint32(at + 8, descriptor.rights, true)
    view.setUint32(at + 12, 0, true)
    view.setUint32(at + 16, descriptor.inheriting, true)
    view.setUint32(at + 20, 0, true)
    return Errno.SUCCESS
  },

  /** BADF: not open. NOTCAPABLE: no right to set flags. INVAL: unknown flags. */
  fd_fdstat_set_flags: (host: CallContext) => (fd: number, flags: number) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    if ((flags & ~FDFLAGS_ALL) !== 0) return Errno.INVAL
    if ((descriptor.rights & Right.FdFdstatSetFlags) === 0) return Errno.NOTCAPABLE
    descriptor.fdflags = flags
    return Errno.SUCCESS
  },

  /** BADF: not open. NOTCAPABLE: rights can be given up, not gained. */
  fd_fdstat_set_rights: (host: CallContext) => (fd: number, base: bigint, inheriting: bigint) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    const gained =
      (BigInt.asUintN(64, base) & ~BigInt(descriptor.rights)) |
      (BigInt.asUintN(64, inheriting) & ~BigInt(descriptor.inheriting))
    if (gained !== 0n) return Errno.NOTCAPABLE
    descriptor.rights = knownRights(base)
    descriptor.inheriting = knownRights(inheriting)
    return Errno.SUCCESS
  },

  /** BADF: not open. NOTCAPABLE: no right to ask. FAULT: the result does not fit. IO: the file cannot tell. */
  fd_filestat_get: descriptorStatCall(storeFilestat),

  /** BADF: not open. NOTCAPABLE: no right to set sizes. INVAL: not a file. FBIG, NOSPC, DQUOT: larger than allowed. */
  fd_filestat_set_size: (host: CallContext) => (fd: number, size: bigint) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    if (descriptor.open.kind !== 'file') return Errno.INVAL
    if ((descriptor.rights & Right.FdFilestatSetSize) === 0) return Errno.NOTCAPABLE
    host.charge(FILE_WORK)
    host.ways.forget()
    const wanted = Number(BigInt.asUintN(64, size))
    return Number.isSafeInteger(wanted) ? descriptor.open.setSize(wanted) : Errno.FBIG
  },

  /** BADF: not open. NOTCAPABLE: no right to set times. INVAL: contradicting or unknown flags. ROFS: a read-only file. */
  fd_filestat_set_times:
    (host: CallContext) => (fd: number, atim: bigint, mtim: bigint, flags: number) => {
      host.enter()
      const descriptor = host.descriptors.get(fd)
      if (descriptor === undefined) return Errno.BADF
      if ((descriptor.rights & Right.FdFilestatSetTimes) === 0) return Errno.NOTCAPABLE
      const times = newTimes(host, atim, mtim, flags)
      if (typeof times === 'number') return times
      const { open } = descriptor
      if (open.kind === 'stream') return Errno.NOTSUP
      host.charge(FILE_WORK)
      host.ways.forget()
      return open.kind === 'directory' ? open.node.setTimes(times) : open.setTimes(times)
    },

  /** BADF: not open. NOTCAPABLE: no right to advise. INVAL: unknown advice or a range past 2^64. SPIPE: a stream. Otherwise nothing happens. */
  fd_advise:
    (host: CallContext) => (fd: number, offset: bigint, length: bigint, advice: number) => {
      host.enter()
      const descriptor = host.descriptors.get(fd)
      if (descriptor === undefined) return Errno.BADF
      if (descriptor.open.kind === 'stream') return Errno.SPIPE
      if ((descriptor.rights & Right.FdAdvise) === 0) return Errno.NOTCAPABLE
      if (advice < 0 || advice > MAX_ADVICE) return Errno.INVAL
      const end = BigInt.asUintN(64, offset) + BigInt.asUintN(64, length)
      return end >= 1n << 64n ? Errno.INVAL : Errno.SUCCESS
    },

  /** BADF: not open or not a file. NOTCAPABLE: no right to allocate. INVAL: no length. FBIG, NOSPC, DQUOT: larger than allowed. */
  fd_allocate: (host: CallContext) => (fd: number, offset: bigint, length: bigint) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    if (descriptor.open.kind === 'stream') return Errno.SPIPE
    if (descriptor.open.kind === 'directory') return Errno.BADF
    if ((descriptor.rights & Right.FdAllocate) === 0) return Errno.NOTCAPABLE
    if (length === 0n) return Errno.INVAL
    host.charge(FILE_WORK)
    host.ways.forget()
    const end = Number(BigInt.asUintN(64, offset) + BigInt.asUintN(64, length))
    return Number.isSafeInteger(end) ? descriptor.open.allocate(end) : Errno.FBIG
  },

  /** BADF: not open. NOTCAPABLE: no right to sync. IO: the host's disk failed. */
  fd_datasync: (host: CallContext) => (fd: number) => sync(host, fd, Right.FdDatasync),

  /** BADF: not open. NOTCAPABLE: no right to sync. IO: the host's disk failed. */
  fd_sync: (host: CallContext) => (fd: number) => sync(host, fd, Right.FdSync),
}

/**
 * Stores a filestat; FAULT when it does not fit.
 *
 *     | dev u64 | ino u64 | filetype u8 | 7 unused | nlink u64 | size u64 | atim u64 | mtim u64 | ctim u64 |
 */
export function storeFilestat(host: CallContext, result: number, stat: Filestat): number {
  const at = result >>> 0
  if (!host.has(at, FILESTAT_BYTES)) return Errno.FAULT
  const { view } = host
  view.setBigUint64(at, stat.dev, true)
  view.setBigUint64(at + 8, stat.ino, true)
  view.setBigUint64(at + 16, BigInt(stat.filetype), true)
  view.setBigUint64(at + 24, stat.nlink, true)
  view.setBigUint64(at + 32, stat.size, true)
  view.setBigUint64(at + 40, stat.atim, true)
  view.setBigUint64(at + 48, stat.mtim, true)
  view.setBigUint64(at + 56, stat.ctim, true)
  return Errno.SUCCESS
}

function statOf({ open }: Descriptor): Filestat | number {
  if (open.kind === 'directory') return open.node.stat()
  if (open.kind === 'file') return open.stat()
  const filetype = open.filetype ?? Filetype.CharacterDevice
  return ownStat(0n, open.ino, filetype)
}

function sync(host: CallContext, fd: number, right: number): number | Promise<number> {
  host.enter()
  const descriptor = host.descriptors.get(fd)
  if (descriptor === undefined) return Errno.BADF
  if ((descriptor.rights & right) === 0) return Errno.NOTCAPABLE
  host.charge(FILE_WORK)
  const { open } = descriptor
  if (open.kind === 'file') return syncFile(host, open)
  // As Linux has it of what is no disk's: pipes, sockets and terminals.
  return open.kind === 'directory' ? Errno.SUCCESS : Errno.INVAL
}
