/** wasi:filesystem/types, over the calls of preview 1: the same files, under the same limits. */
import { FILESTAT_BYTES, Filetype, Fstflags, Oflags } from '../../wasi/abi.ts'
import { Errno } from '../../wasi/errno.ts'
import { type Case, err, NONE, OK, ok, some, type Value } from '../value.ts'
import { datetime } from './clock-functions.ts'
import { DirectoryEntryStream, FileDescriptor } from './file-descriptor.ts'
import { InputStream } from './guest-input.ts'
import { OutputStream } from './guest-output.ts'
import { type HostFunction, type Interface, plain, waiting } from './host-function.ts'
import { errorCodeOf, type IoError } from './io-error.ts'
import { OpenFd } from './open-fd.ts'
import { after, MOVED_BYTES, type Preview1Calls } from './preview1-calls.ts'

const TYPES: ReadonlyMap<number, string> = new Map([
  [Filetype.BlockDevice, 'block-device'],
  [Filetype.CharacterDevice, 'character-device'],
  [Filetype.Directory, 'directory'],
  [Filetype.RegularFile, 'regular-file'],
  [Filetype.SymbolicLink, 'symbolic-link'],
  [Filetype.SocketDgram, 'socket'],
  [Filetype.SocketStream, 'socket'],
])

const READ = 1
const WRITE = 2
/** Rights of preview 1: all that there are, and those that writing needs. */
const ALL_RIGHTS = (1n << 30n) - 1n
const WRITE_RIGHTS = (1n << 0n) | (1n << 6n) | (1n << 8n) | (1n << 22n)
const READ_RIGHTS = 1n << 1n

/** What one is opened for that says no more: who says nothing reads, and who makes a file writes. */
function impliedFlags(flags: number, how: number): number {
  const known = (flags & (READ | WRITE)) === 0 ? flags | READ : flags
  return (how & Oflags.Creat) === 0 ? known : known | WRITE
}

type Path = readonly [pointer: number, length: number] | undefined

const failed = (errno: number): Case => err(errorCodeOf(errno))
const done = (errno: number): Case => (errno === Errno.SUCCESS ? OK : failed(errno))
const TOO_LONG = failed(Errno.NAMETOOLONG)

/** One that takes a path and nothing else. */
const atPath = (name: string): HostFunction =>
  plain('(borrow<$descriptor>, string) -> result<_, $file-error>', ({ calls }) => {
    return (self: FileDescriptor, path: string) => {
      const at = calls.path(path)
      return at === undefined ? TOO_LONG : done(calls.callNow(name, self.fd, ...at))
    }
  })

const filesystem: Interface = {
  '[method]descriptor.read-via-stream': plain(
    '(borrow<$descriptor>, u64) -> result<own<$input-stream>, $file-error>',
    (host) => (self: FileDescriptor, offset: bigint) =>
      ok(new InputStream(host.calls, { fd: self.fd, offset, open: self.open })),
  ),
  '[method]descriptor.write-via-stream': plain(
    '(borrow<$descriptor>, u64) -> result<own<$output-stream>, $file-error>',
    (host) => (self: FileDescriptor, offset: bigint) =>
      ok(new OutputStream(host.calls, { fd: self.fd, offset, open: self.open })),
  ),
  '[method]descriptor.append-via-stream': plain(
    '(borrow<$descriptor>) -> result<own<$output-stream>, $file-error>',
    (host) => (self: FileDescriptor) =>
      ok(new OutputStream(host.calls, { fd: self.fd, offset: 'end', open: self.open })),
  ),
  '[method]descriptor.advise': plain(
    '(borrow<$descriptor>, u64, u64, $advice) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor) => {
        const errno = calls.callNow('fd_filestat_get', self.fd, calls.movedAt)
        if (errno !== Errno.SUCCESS) return failed(errno)
        return typeAt(calls) === 'directory' ? failed(Errno.BADF) : OK
      },
  ),
  '[method]descriptor.sync-data': waiting(
    '(borrow<$descriptor>) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor) =>
        after(calls.call('fd_datasync', self.fd), done),
  ),
  '[method]descriptor.sync': waiting(
    '(borrow<$descriptor>) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor) =>
        after(calls.call('fd_sync', self.fd), done),
  ),
  '[method]descriptor.get-flags': plain(
    '(borrow<$descriptor>) -> result<$descriptor-flags, $file-error>',
    () => (self: FileDescriptor) => ok(self.flags),
  ),
  '[method]descriptor.get-type': plain(
    '(borrow<$descriptor>) -> result<$descriptor-type, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor) => {
        const errno = calls.callNow('fd_filestat_get', self.fd, calls.movedAt)
        return errno === Errno.SUCCESS ? ok(typeAt(calls)) : failed(errno)
      },
  ),
  '[method]descriptor.set-size': plain(
    '(borrow<$descriptor>, u64) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, size: bigint) =>
        (self.flags & WRITE) === 0
          ? failed(Errno.INVAL)
          : done(calls.callNow('fd_filestat_set_size', self.fd, size)),
  ),
  '[method]descriptor.set-times': plain(
    '(borrow<$descriptor>, $new-timestamp, $new-timestamp) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, access: Case, change: Case) =>
        done(calls.callNow('fd_filestat_set_times', self.fd, ...newTimes(access, change))),
  ),
  '[method]descriptor.set-times-at': plain(
    '(borrow<$descriptor>, $path-flags, string, $new-timestamp, $new-timestamp) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, flags: number, path: string, access: Case, change: Case) => {
        const at = calls.path(path)
        if (at === undefined) return TOO_LONG
        const times = newTimes(access, change)
        return done(calls.callNow('path_filestat_set_times', self.fd, flags, ...at, ...times))
      },
  ),
  '[method]descriptor.read': plain(
    '(borrow<$descriptor>, u64, u64) -> result<tuple<list<u8>, bool>, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, length: bigint, offset: bigint) => {
        const most = Number(length < BigInt(MOVED_BYTES) ? length : MOVED_BYTES)
        const bytes = calls.readAt(self.fd, most, offset)
        if (typeof bytes === 'number') return failed(bytes)
        return ok([bytes ?? new Uint8Array(0), bytes === undefined && most > 0])
      },
  ),
  '[method]descriptor.write': waiting(
    '(borrow<$descriptor>, list<u8>, u64) -> result<u64, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, bytes: Uint8Array, offset: bigint) =>
        after(calls.writeAt(self.fd, bytes.subarray(0, MOVED_BYTES), offset), (count) =>
          count < 0 ? failed(-count) : ok(BigInt(count)),
        ),
  ),
  '[method]descriptor.read-directory': plain(
    '(borrow<$descriptor>) -> result<own<$directory-entry-stream>, $file-error>',
    (host) => (self: FileDescriptor) => ok(new DirectoryEntryStream(host.calls, self.open)),
  ),
  '[method]directory-entry-stream.read-directory-entry': plain(
    '(borrow<$directory-entry-stream>) -> result<option<$directory-entry>, $file-error>',
    () => (self: DirectoryEntryStream) => {
      const entry = self.next()
      if (typeof entry === 'number') return failed(entry)
      if (entry === undefined) return ok(NONE)
      return ok(some([typeName(entry.filetype), entry.name]))
    },
  ),
  '[method]descriptor.create-directory-at': atPath('path_create_directory'),
  '[method]descriptor.remove-directory-at': atPath('path_remove_directory'),
  '[method]descriptor.unlink-file-at': atPath('path_unlink_file'),
  '[method]descriptor.stat': plain(
    '(borrow<$descriptor>) -> result<$descriptor-stat, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor) =>
        statted(calls, calls.callNow('fd_filestat_get', self.fd, calls.movedAt)),
  ),
  '[method]descriptor.stat-at': plain(
    '(borrow<$descriptor>, $path-flags, string) -> result<$descriptor-stat, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, flags: number, path: string) =>
        statted(calls, statAt(calls, self, { flags, path })),
  ),
  '[method]descriptor.open-at': waiting(
    '(borrow<$descriptor>, $path-flags, string, $open-flags, $descriptor-flags) -> result<own<$descriptor>, $file-error>',
    (host) => (self: FileDescriptor, follow: number, path: string, how: number, asked: number) => {
      const { calls } = host
      const flags = impliedFlags(asked, how)
      const at = calls.path(path)
      if (at === undefined) return TOO_LONG
      const written = (flags & WRITE) === 0 ? 0n : WRITE_RIGHTS
      const read = (flags & READ) === 0 ? 0n : READ_RIGHTS
      const rights = (ALL_RIGHTS & ~WRITE_RIGHTS & ~READ_RIGHTS) | written | read
      const given = [self.fd, follow, ...at, how, rights, ALL_RIGHTS, 0, calls.resultAt] as const
      return after(calls.call('path_open', ...given), (errno) =>
        errno === Errno.SUCCESS
          ? ok(new FileDescriptor(new OpenFd(calls, calls.result), flags))
          : failed(errno),
      )
    },
  ),
  '[method]descriptor.readlink-at': plain(
    '(borrow<$descriptor>, string) -> result<string, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, path: string) => {
        const at = calls.path(path)
        if (at === undefined) return TOO_LONG
        const room = 4096
        const asked = [self.fd, ...at, calls.movedAt, room, calls.resultAt] as const
        const errno = calls.callNow('path_readlink', ...asked)
        if (errno !== Errno.SUCCESS) return failed(errno)
        return ok(Buffer.from(calls.moved(calls.result)).toString('utf8'))
      },
  ),
  '[method]descriptor.rename-at': plain(
    '(borrow<$descriptor>, string, borrow<$descriptor>, string) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, path: string, to: FileDescriptor, newPath: string) =>
        both(calls, path, newPath, (from, target) =>
          calls.callNow('path_rename', self.fd, ...from, to.fd, ...target),
        ),
  ),
  '[method]descriptor.link-at': plain(
    '(borrow<$descriptor>, $path-flags, string, borrow<$descriptor>, string) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, flags: number, path: string, to: FileDescriptor, newPath: string) =>
        both(calls, path, newPath, (from, target) =>
          calls.callNow('path_link', self.fd, flags, ...from, to.fd, ...target),
        ),
  ),
  '[method]descriptor.symlink-at': plain(
    '(borrow<$descriptor>, string, string) -> result<_, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, path: string, newPath: string) =>
        both(calls, path, newPath, (from, target) =>
          calls.callNow('path_symlink', ...from, self.fd, ...target),
        ),
  ),
  '[method]descriptor.is-same-object': plain(
    '(borrow<$descriptor>, borrow<$descriptor>) -> bool',
    ({ calls }) =>
      (self: FileDescriptor, other: FileDescriptor) => {
        const own = identity(calls, calls.callNow('fd_filestat_get', self.fd, calls.movedAt))
        const its = identity(calls, calls.callNow('fd_filestat_get', other.fd, calls.movedAt))
        return own !== undefined && its !== undefined && own[0] === its[0] && own[1] === its[1]
      },
  ),
  '[method]descriptor.metadata-hash': plain(
    '(borrow<$descriptor>) -> result<$hash, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor) =>
        hashed(calls, calls.callNow('fd_filestat_get', self.fd, calls.movedAt)),
  ),
  '[method]descriptor.metadata-hash-at': plain(
    '(borrow<$descriptor>, $path-flags, string) -> result<$hash, $file-error>',
    ({ calls }) =>
      (self: FileDescriptor, flags: number, path: string) =>
        hashed(calls, statAt(calls, self, { flags, path })),
  ),
  'filesystem-error-code': plain(
    '(borrow<$error>) -> option<$file-error>',
    () => (error: IoError) => some(errorCodeOf(error.errno)),
  ),
}

export const FILES: Interface = filesystem

function both(
  calls: Preview1Calls,
  path: string,
  newPath: string,
  call: (from: NonNullable<Path>, to: NonNullable<Path>) => number,
): Case {
  const from = calls.path(path)
  const to = calls.path(newPath, 1)
  return from === undefined || to === undefined ? TOO_LONG : done(call(from, to))
}

function statAt(
  calls: Preview1Calls,
  { fd }: FileDescriptor,
  { flags, path }: { readonly flags: number; readonly path: string },
): number {
  const at = calls.path(path)
  if (at === undefined) return Errno.NAMETOOLONG
  return calls.callNow('path_filestat_get', fd, flags, ...at, calls.movedAt)
}

/** A filestat: dev u64, ino u64, type u8, 7 unused, links u64, size u64, atim u64, mtim u64, ctim u64. */
function statted(calls: Preview1Calls, errno: number): Case {
  if (errno !== Errno.SUCCESS) return failed(errno)
  const at = calls.movedAt
  const u64 = (offset: number): bigint => calls.view.getBigUint64(at + offset, true)
  const times = [40, 48, FILESTAT_BYTES - 8].map((offset) => some(datetime(u64(offset))))
  return ok([typeAt(calls), u64(24), u64(32), ...times])
}

/** The `descriptor-type` of a type of files. */
export function typeName(filetype: number): string {
  return TYPES.get(filetype) ?? 'unknown'
}

function typeAt({ view, movedAt }: Preview1Calls): string {
  return typeName(view.getUint8(movedAt + 16))
}

function identity(calls: Preview1Calls, errno: number): readonly [bigint, bigint] | undefined {
  if (errno !== Errno.SUCCESS) return undefined
  const { view, movedAt } = calls
  return [view.getBigUint64(movedAt, true), view.getBigUint64(movedAt + 8, true)]
}

/** Differs between files, and when one is changed. */
function hashed(calls: Preview1Calls, errno: number): Case {
  const found = identity(calls, errno)
  if (found === undefined) return failed(errno)
  const changed = calls.view.getBigUint64(calls.movedAt + 48, true)
  const lower = BigInt.asUintN(64, found[1] * 0x9e3779b97f4a7c15n + found[0])
  return ok([lower, BigInt.asUintN(64, changed ^ (found[0] << 32n))])
}

function newTimes(access: Case, change: Case): [bigint, bigint, number] {
  const flags =
    flagOf(access, Fstflags.Atim, Fstflags.AtimNow) |
    flagOf(change, Fstflags.Mtim, Fstflags.MtimNow)
  return [nsOf(access), nsOf(change), flags]
}

function flagOf({ tag }: Case, set: number, now: number): number {
  return tag === 'timestamp' ? set : tag === 'now' ? now : 0
}

function nsOf({ tag, value }: Case): bigint {
  if (tag !== 'timestamp') return 0n
  const [seconds, nanoseconds] = value as readonly Value[]
  return BigInt.asUintN(64, (seconds as bigint) * 1_000_000_000n + BigInt(nanoseconds as number))
}
