/**
 * Reading, writing and seeking on descriptors (preview 1: fd_read, fd_write, fd_pread, fd_pwrite, fd_seek, fd_tell).
 *
 * Reads and writes of streams that cannot go on suspend the guest, except with the NONBLOCK flag.
 */
import type { ByteSink } from '../base/byte-stream.ts'
import { Fdflags, Whence } from './abi.ts'
import { type CallContext, FILE_WORK } from './call-context.ts'
import type { Descriptor } from './descriptor.ts'
import { Errno } from './errno.ts'
import type { OpenFile, OpenStream, StreamReader } from './filesystem.ts'
import { fillIovecs, moveIovecs, readIovecs } from './iovecs.ts'
import { Right } from './rights.ts'
import { syncFile } from './sync-file.ts'

const MAX_OFFSET = BigInt(Number.MAX_SAFE_INTEGER)

export const FD_IO_CALLS = {
  /**
   * - BADF: not open
   * - ISDIR: a directory
   * - NOTCAPABLE: no right to read
   * - FAULT: a buffer or the result is not inside memory
   * - INVAL: more buffers than `limits.iovecs`
   * - AGAIN: NONBLOCK, and nothing has arrived yet
   * - CONNRESET, TIMEDOUT, DQUOT and others: a connection broke off, or went over a limit
   */
  fd_read: (host: CallContext) => (fd: number, iovs: number, count: number, result: number) => {
    host.enter()
    const descriptor = openForData(host, fd, Right.FdRead)
    if (typeof descriptor === 'number') return descriptor
    const { open } = descriptor
    const fault = readIovecs(host, iovs, count)
    if (fault !== Errno.SUCCESS) return fault
    if (!host.has(result >>> 0, 4)) return Errno.FAULT
    if (open.kind === 'stream') return readStream(host, descriptor, open, result)
    const moved = readFile(host, open, descriptor.offset)
    if (moved < 0) return -moved
    descriptor.offset += moved
    return host.storeU32(result, moved)
  },

  /** As `fd_read`, at an offset that is not kept. SPIPE: a stream. A file ends before any offset over 2^53. */
  fd_pread:
    (host: CallContext) =>
    (fd: number, iovs: number, count: number, offset: bigint, result: number) => {
      host.enter()
      const descriptor = openForData(host, fd, Right.FdRead)
      if (typeof descriptor === 'number') return descriptor
      const { open } = descriptor
      if (open.kind === 'stream') return Errno.SPIPE
      if ((descriptor.rights & Right.FdSeek) === 0) return Errno.NOTCAPABLE
      const fault = readIovecs(host, iovs, count)
      if (fault !== Errno.SUCCESS) return fault
      if (!host.has(result >>> 0, 4)) return Errno.FAULT
      const at = BigInt.asUintN(64, offset)
      const moved = at > MAX_OFFSET ? 0 : readFile(host, open, Number(at))
      return moved < 0 ? -moved : host.storeU32(result, moved)
    },

  /**
   * Writes everything (up to `limits.transferBytes`) before it returns, except with NONBLOCK.
   *
   * - BADF: not open, or a directory, which is never open for writing
   * - NOTCAPABLE: no right to write
   * - FAULT: a buffer or the result is not inside memory
   * - INVAL: more buffers than `limits.iovecs`
   * - AGAIN: NONBLOCK, and the stream is full
   * - FBIG, NOSPC, DQUOT, IO, PIPE, CONNRESET, TIMEDOUT: what the file or stream says when not even the first byte could be written
   */
  fd_write: (host: CallContext) => (fd: number, iovs: number, count: number, result: number) => {
    host.enter()
    const descriptor = openForData(host, fd, Right.FdWrite)
    if (typeof descriptor === 'number') return descriptor
    const { open } = descriptor
    const fault = readIovecs(host, iovs, count)
    if (fault !== Errno.SUCCESS) return fault
    if (!host.has(result >>> 0, 4)) return Errno.FAULT
    if (open !== host.standard[1]) host.traces.leave()
    else if (host.traces.print(host.bytes, host.iovecs)) {
      return host.storeU32(result, host.iovecs.total)
    }
    if (open.kind === 'stream') return writeStream(host, descriptor, open, result)
    const isAppending = (descriptor.fdflags & Fdflags.Append) !== 0
    const moved = writeFile(host, open, isAppending ? undefined : descriptor.offset)
    if (moved < 0) return -moved
    descriptor.offset = isAppending ? sizeOf(open) : descriptor.offset + moved
    return storeWritten(host, descriptor, { file: open, moved, result })
  },

  /** As `fd_write`, at an offset that is not kept, APPEND or not. SPIPE: a stream. FBIG: an offset over 2^53. */
  fd_pwrite:
    (host: CallContext) =>
    (fd: number, iovs: number, count: number, offset: bigint, result: number) => {
      host.enter()
      const descriptor = openForData(host, fd, Right.FdWrite)
      if (typeof descriptor === 'number') return descriptor
      const { open } = descriptor
      if (open.kind === 'stream') return Errno.SPIPE
      if ((descriptor.rights & Right.FdSeek) === 0) return Errno.NOTCAPABLE
      const fault = readIovecs(host, iovs, count)
      if (fault !== Errno.SUCCESS) return fault
      if (!host.has(result >>> 0, 4)) return Errno.FAULT
      const at = BigInt.asUintN(64, offset)
      if (at > MAX_OFFSET) return Errno.FBIG
      const moved = writeFile(host, open, Number(at))
      if (moved < 0) return -moved
      return storeWritten(host, descriptor, { file: open, moved, result })
    },

  /**
   * - BADF: not open
   * - NOTCAPABLE: no right to seek; a directory never has it: Linux answers with a place in the listing, which here is in the guest
   * - SPIPE: a stream
   * - INVAL: unknown whence, or the new offset would be negative
   * - OVERFLOW: the new offset would be over 2^53
   * - FAULT: the result does not fit into memory
   */
  fd_seek: (host: CallContext) => (fd: number, delta: bigint, whence: number, result: number) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    const { open } = descriptor
    if (open.kind === 'stream') return Errno.SPIPE
    // Asking where one is needs no more than the right to tell.
    const isTelling = whence === Whence.Cur && delta === 0n
    const needed = isTelling ? Right.FdSeek | Right.FdTell : Right.FdSeek
    if ((descriptor.rights & needed) === 0 || open.kind === 'directory') return Errno.NOTCAPABLE
    const base = whence === Whence.Set ? 0 : whence === Whence.Cur ? descriptor.offset : -1
    if (base < 0 && whence !== Whence.End) return Errno.INVAL
    if (base < 0) host.charge(FILE_WORK)
    const offset = delta + BigInt(base < 0 ? sizeOf(open) : base)
    if (offset < 0n) return Errno.INVAL
    if (offset > MAX_OFFSET) return Errno.OVERFLOW
    if (!host.has(result >>> 0, 8)) return Errno.FAULT
    descriptor.offset = Number(offset)
    return host.storeU64(result, offset)
  },

  /** BADF: not open. NOTCAPABLE: no right to tell. SPIPE: a stream. FAULT: the result does not fit into memory. */
  fd_tell: (host: CallContext) => (fd: number, result: number) => {
    host.enter()
    const descriptor = host.descriptors.get(fd)
    if (descriptor === undefined) return Errno.BADF
    if (descriptor.open.kind === 'stream') return Errno.SPIPE
    if ((descriptor.rights & Right.FdTell) === 0) return Errno.NOTCAPABLE
    return host.storeU64(result, BigInt(descriptor.offset))
  },
}

/** One that can be read or written. */
type DataDescriptor = Descriptor & { readonly open: OpenFile | OpenStream }

/** What is open as `fd` and has `right`, FdRead or FdWrite, or the errno: a directory is one to read, and never open for writing. */
function openForData(host: CallContext, fd: number, right: number): DataDescriptor | number {
  const descriptor = host.descriptors.get(fd)
  if (descriptor === undefined) return Errno.BADF
  if (!isData(descriptor)) return right === Right.FdRead ? Errno.ISDIR : Errno.BADF
  return (descriptor.rights & right) === 0 ? Errno.NOTCAPABLE : descriptor
}

function isData(descriptor: Descriptor): descriptor is DataDescriptor {
  return descriptor.open.kind !== 'directory'
}

/** Asks the file once, however many buffers there are. */
function readFile(host: CallContext, file: OpenFile, offset: number): number {
  host.charge(FILE_WORK)
  if (host.iovecs.count <= 1) return moveIovecs(host, (part) => file.read(part, offset))
  const whole = new Uint8Array(host.iovecs.total)
  const count = file.read(whole, offset)
  if (count > 0) fillIovecs(host, whole.subarray(0, count))
  return count
}

/** As `readFile`. */
function writeFile(host: CallContext, file: OpenFile, offset: number | undefined): number {
  host.charge(FILE_WORK)
  host.ways.forget()
  if (host.iovecs.count <= 1) return moveIovecs(host, (part) => file.write(part, offset))
  const whole = new Uint8Array(host.iovecs.total)
  moveIovecs(host, (part, before) => {
    whole.set(part, before)
    return part.length
  })
  return file.write(whole, offset)
}

function sizeOf(file: OpenFile): number {
  const stat = file.stat()
  return typeof stat === 'number' ? 0 : Number(stat.size)
}

interface Written {
  readonly file: OpenFile
  readonly moved: number
  readonly result: number
}

/** Tells the guest how much was written, once it is on the disk if that was asked for. */
function storeWritten(
  host: CallContext,
  descriptor: Descriptor,
  { file, moved, result }: Written,
): number | Promise<number> {
  const store = (errno: number): number =>
    errno === Errno.SUCCESS ? host.storeU32(result, moved) : errno
  const isSync = (descriptor.fdflags & (Fdflags.Sync | Fdflags.Dsync)) !== 0
  return isSync ? syncFile(host, file, store) : store(Errno.SUCCESS)
}

function readStream(
  host: CallContext,
  descriptor: Descriptor,
  { source }: OpenStream,
  result: number,
): number | Promise<number> {
  if (source === undefined) return Errno.NOTCAPABLE
  const errno = readSome(host, source, result)
  if (errno !== undefined) return errno
  if (descriptor.isNonblocking) return Errno.AGAIN
  return host.wait(
    (wake) => source.onReadable(wake),
    () => readSome(host, source, result),
  )
}

/** The errno of a read; undefined: nothing has come. */
function readSome(host: CallContext, source: StreamReader, result: number): number | undefined {
  const { total } = host.iovecs
  const chunk = total === 0 ? undefined : source.read(total)
  if (chunk === undefined) return source.failure ?? host.storeU32(result, 0)
  if (chunk.length === 0) return undefined
  fillIovecs(host, chunk)
  return host.storeU32(result, chunk.length)
}

function writeStream(
  host: CallContext,
  descriptor: Descriptor,
  { sink }: OpenStream,
  result: number,
): number | Promise<number> {
  if (sink === undefined) return Errno.NOTCAPABLE
  const { total } = host.iovecs
  const moved = writeSome(host, sink, 0)
  if (moved === total) return host.storeU32(result, moved)
  if (moved < 0) return -moved
  if (descriptor.isNonblocking) return moved > 0 ? host.storeU32(result, moved) : Errno.AGAIN
  let written = moved
  return host.wait(
    (wake) => sink.onWritable(wake),
    () => {
      const more = writeSome(host, sink, written)
      if (more < 0) return written > 0 ? host.storeU32(result, written) : -more
      written += more
      return written < total ? undefined : host.storeU32(result, written)
    },
  )
}

/** Writes the buffers from byte `skip` on until the sink is full. How much that was, or minus an errno. */
function writeSome(host: CallContext, sink: ByteSink, skip: number): number {
  return moveIovecs(host, (part) => sink.write(part), skip)
}
