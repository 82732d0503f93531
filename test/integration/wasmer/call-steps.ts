/**
 * Preview 1 calls, one after the other on one open file system: what each is given, and what it is worth looking at
 * afterwards. Descriptor 4 is the folder; memory is laid out by the names below.
 */

export const ROOT_FD = 4

/** Where things lie in the one page of memory. */
export const PATH = 1000
export const OTHER_PATH = 1500
export const IOVEC = 2000
export const BUFFER = 3000
export const RESULT = 4000
export const BEYOND = 65_530

/** The file, as opened last. */
export interface Scene {
  readonly memory: WebAssembly.Memory
  fd: number
}

export interface Step {
  readonly name: string
  readonly call: (scene: Scene) => readonly [string, ...Array<number | bigint>]
  /** What the call has left in memory. */
  readonly look?: (scene: Scene) => unknown
}

const ALL_RIGHTS = 0x1fffffffn
const FILE_RIGHTS = 0x8e001ffn
const FOLDER_RIGHTS = 0xfbffe9dn & 0xfffffffn
const [CREAT, DIRECTORY, EXCL, TRUNC] = [1, 2, 4, 8]

export const STEPS: readonly Step[] = [
  look('fd_prestat_get of the folder', () => ['fd_prestat_get', ROOT_FD, RESULT], byteAt(RESULT)),
  plain('fd_prestat_get of stdin', 'fd_prestat_get', 0, RESULT),
  plain('fd_prestat_get of nothing', 'fd_prestat_get', 99, RESULT),
  look('args_sizes_get', () => ['args_sizes_get', RESULT, RESULT + 4], u64At(RESULT)),
  look('environ_sizes_get', () => ['environ_sizes_get', RESULT, RESULT + 4], u64At(RESULT)),
  ...[0, 1, 2, 3, 9].flatMap((clock) => [
    plain(`clock_time_get ${clock}`, 'clock_time_get', clock, 0n, RESULT),
    plain(`clock_res_get ${clock}`, 'clock_res_get', clock, RESULT),
  ]),
  plain('clock_time_get beyond memory', 'clock_time_get', 1, 0n, BEYOND),
  plain('random_get', 'random_get', BUFFER, 16),
  plain('random_get beyond memory', 'random_get', BEYOND, 16),
  plain('sched_yield', 'sched_yield'),
  ...[0, 1, 2, ROOT_FD].map((fd) =>
    look(`fd_fdstat_get ${fd}`, () => ['fd_fdstat_get', fd, RESULT], byteAt(RESULT)),
  ),
  plain('fd_fdstat_get of nothing', 'fd_fdstat_get', 99, RESULT),

  write('fd_write to stdout', () => 1, 'out\n'),
  write('fd_write to stderr', () => 2, 'err\n'),
  write('fd_write to stdin', () => 0, 'in\n'),
  write('fd_write to the folder', () => ROOT_FD, 'x'),
  write('fd_write to nothing', () => 99, 'x'),
  read('fd_read of stdin', () => 0),
  read('fd_read of stdin at its end', () => 0),
  read('fd_read of stdout', () => 1),
  plain('fd_seek of stdin', 'fd_seek', 0, 0n, 0, RESULT),

  onPath('path_create_directory', 'dir', (path) => ['path_create_directory', ROOT_FD, ...path]),
  onPath('path_create_directory again', 'dir', (path) => [
    ...(['path_create_directory', ROOT_FD] as const),
    ...path,
  ]),
  onPath('path_create_directory in nothing', 'nowhere/dir', (path) => [
    ...(['path_create_directory', ROOT_FD] as const),
    ...path,
  ]),
  open('path_open of nothing', 'dir/a', 0),
  open('path_open creates', 'dir/a', CREAT, true),
  write('fd_write to a file', fdOf, 'hello, file'),
  look('fd_tell', (scene) => ['fd_tell', scene.fd, RESULT], u64At(RESULT)),
  look('fd_seek to 1', (scene) => ['fd_seek', scene.fd, 1n, 0, RESULT], u64At(RESULT)),
  look('fd_seek by 2', (scene) => ['fd_seek', scene.fd, 2n, 1, RESULT], u64At(RESULT)),
  look('fd_seek from the end', (scene) => ['fd_seek', scene.fd, -4n, 2, RESULT], u64At(RESULT)),
  step('fd_seek before the start', (scene) => ['fd_seek', scene.fd, -1n, 0, RESULT]),
  step('fd_seek from nowhere', (scene) => ['fd_seek', scene.fd, 0n, 7, RESULT]),
  step('fd_seek back to 0', (scene) => ['fd_seek', scene.fd, 0n, 0, RESULT]),
  read('fd_read of a file', fdOf),
  read('fd_read at the end', fdOf),
  read('fd_read beyond memory', fdOf, BEYOND),
  transfer('fd_pread', (scene) => ['fd_pread', scene.fd, IOVEC, 1, 7n, RESULT], 4),
  transfer('fd_pread after the end', (scene) => ['fd_pread', scene.fd, IOVEC, 1, 700n, RESULT], 4),
  write('fd_pwrite', fdOf, 'abc', (fd) => ['fd_pwrite', fd, IOVEC, 1, 2n, RESULT]),
  transfer(
    'fd_pread of what was written',
    (scene) => ['fd_pread', scene.fd, IOVEC, 1, 0n, RESULT],
    7,
  ),
  look('fd_filestat_get', (scene) => ['fd_filestat_get', scene.fd, RESULT], statAt(RESULT)),
  step('fd_filestat_set_size', (scene) => ['fd_filestat_set_size', scene.fd, 4n]),
  look(
    'fd_filestat_get after it',
    (scene) => ['fd_filestat_get', scene.fd, RESULT],
    statAt(RESULT),
  ),
  step('fd_allocate', (scene) => ['fd_allocate', scene.fd, 0n, 20n]),
  look(
    'fd_filestat_get after fd_allocate',
    (scene) => ['fd_filestat_get', scene.fd, RESULT],
    statAt(RESULT),
  ),
  step('fd_advise', (scene) => ['fd_advise', scene.fd, 0n, 10n, 0]),
  step('fd_advise of a kind there is not', (scene) => ['fd_advise', scene.fd, 0n, 10n, 99]),
  step('fd_sync', (scene) => ['fd_sync', scene.fd]),
  step('fd_datasync', (scene) => ['fd_datasync', scene.fd]),
  step('fd_fdstat_set_flags', (scene) => ['fd_fdstat_set_flags', scene.fd, 1]),
  step('fd_filestat_set_times', (scene) => ['fd_filestat_set_times', scene.fd, 5n, 6n, 5]),
  step('fd_filestat_set_times both ways', (scene) => [
    'fd_filestat_set_times',
    scene.fd,
    5n,
    6n,
    3,
  ]),
  step('fd_readdir of a file', (scene) => ['fd_readdir', scene.fd, BUFFER, 100, 0n, RESULT]),
  step('fd_close', (scene) => ['fd_close', scene.fd]),
  step('fd_close again', (scene) => ['fd_close', scene.fd]),
  read('fd_read of a closed file', fdOf),

  open('path_open creates what is there, exclusively', 'dir/a', CREAT | EXCL),
  open('path_open of a file as a folder', 'dir/a', DIRECTORY),
  open('path_open below a file', 'dir/a/b', 0),
  open('path_open of an absolute path', '/dir/a', 0),
  open('path_open of what lies outside', '../dir/a', 0),
  open('path_open by way of outside', 'dir/../../dir/a', 0),
  open('path_open with . and ..', './dir/../dir/a', 0),
  open('path_open of an empty path', '', 0),
  open('path_open truncates', 'dir/a', TRUNC, true),
  look(
    'fd_filestat_get of a truncated file',
    (scene) => ['fd_filestat_get', scene.fd, RESULT],
    statAt(RESULT),
  ),
  read('fd_read of a truncated file', fdOf),
  open('path_open of a folder', 'dir', DIRECTORY, true),
  look('fd_readdir', (scene) => ['fd_readdir', scene.fd, BUFFER, 500, 0n, RESULT], namesAt),
  step('path_open of a path beyond memory', () => [
    ...(['path_open', ROOT_FD, 1, BEYOND, 100, 0] as const),
    ...[FILE_RIGHTS, FILE_RIGHTS, 0, RESULT],
  ]),
  onPath(
    'path_filestat_get of a file',
    'dir/a',
    (path) => ['path_filestat_get', ROOT_FD, 1, ...path, RESULT],
    statAt(RESULT),
  ),
  onPath(
    'path_filestat_get of a folder',
    'dir',
    (path) => ['path_filestat_get', ROOT_FD, 1, ...path, RESULT],
    byteAt(RESULT + 16),
  ),
  onPath('path_filestat_get of nothing', 'missing', (path) => [
    'path_filestat_get',
    ROOT_FD,
    1,
    ...path,
    RESULT,
  ]),
  onPath('path_filestat_set_times', 'dir/a', (path) => [
    'path_filestat_set_times',
    ROOT_FD,
    1,
    ...path,
    1n,
    2n,
    5,
  ]),
  open('path_open creates another', 'b', CREAT),
  onPaths('path_rename', 'b', 'renamed', (from, to) => [
    ...(['path_rename', ROOT_FD, ...from] as const),
    ...[ROOT_FD, ...to],
  ]),
  onPath(
    'path_filestat_get of what was renamed',
    'renamed',
    (path) => ['path_filestat_get', ROOT_FD, 1, ...path, RESULT],
    statAt(RESULT),
  ),
  onPaths('path_rename of nothing', 'missing', 'dir/c', (from, to) => [
    ...(['path_rename', ROOT_FD, ...from] as const),
    ...[ROOT_FD, ...to],
  ]),
  onPaths('path_link', 'dir/a', 'dir/link', (from, to) => [
    'path_link',
    ROOT_FD,
    0,
    ...from,
    ROOT_FD,
    ...to,
  ]),
  onPaths('path_symlink', 'a', 'dir/symlink', (from, to) => [
    'path_symlink',
    ...from,
    ROOT_FD,
    ...to,
  ]),
  onPath('path_readlink', 'dir/symlink', (path) => [
    'path_readlink',
    ROOT_FD,
    ...path,
    BUFFER,
    100,
    RESULT,
  ]),
  onPath('path_unlink_file of a link', 'dir/link', (path) => [
    'path_unlink_file',
    ROOT_FD,
    ...path,
  ]),
  onPath('path_unlink_file of a symbolic link', 'dir/symlink', (path) => [
    'path_unlink_file',
    ROOT_FD,
    ...path,
  ]),
  onPath('path_unlink_file of a folder', 'dir', (path) => ['path_unlink_file', ROOT_FD, ...path]),
  onPath('path_unlink_file of nothing', 'missing', (path) => [
    'path_unlink_file',
    ROOT_FD,
    ...path,
  ]),
  onPath('path_remove_directory of one in use', 'dir', (path) => [
    'path_remove_directory',
    ROOT_FD,
    ...path,
  ]),
  onPath('path_remove_directory of a file', 'dir/a', (path) => [
    'path_remove_directory',
    ROOT_FD,
    ...path,
  ]),
  onPath('path_remove_directory of nothing', 'missing', (path) => [
    'path_remove_directory',
    ROOT_FD,
    ...path,
  ]),
  onPath('path_unlink_file', 'dir/a', (path) => ['path_unlink_file', ROOT_FD, ...path]),
  onPath('path_remove_directory', 'dir', (path) => ['path_remove_directory', ROOT_FD, ...path]),
  step('fd_fdstat_set_rights to more', () => [
    'fd_fdstat_set_rights',
    ROOT_FD,
    ALL_RIGHTS << 20n,
    0n,
  ]),
  plain('fd_renumber of nothing', 'fd_renumber', 99, 1),
  plain('sock_send', 'sock_send', 0, IOVEC, 1, 0, RESULT),
  plain('sock_recv', 'sock_recv', 0, IOVEC, 1, 0, RESULT, RESULT + 8),
  plain('sock_shutdown', 'sock_shutdown', 0, 0),
  plain('poll_oneoff of nothing', 'poll_oneoff', BUFFER, RESULT, 0, RESULT),
]

function step(name: string, call: Step['call']): Step {
  return { name, call }
}

function plain(name: string, call: string, ...args: Array<number | bigint>): Step {
  return { name, call: () => [call, ...args] }
}

function look(name: string, call: Step['call'], lookAt: NonNullable<Step['look']>): Step {
  return { name, call, look: lookAt }
}

/** Reads or writes one buffer of `length` bytes. */
function transfer(name: string, call: Step['call'], length: number, at = BUFFER): Step {
  return {
    name,
    call: (scene) => {
      const view = new DataView(scene.memory.buffer)
      view.setUint32(IOVEC, at, true)
      view.setUint32(IOVEC + 4, length, true)
      return call(scene)
    },
    look: (scene) => {
      const moved = new DataView(scene.memory.buffer).getUint32(RESULT, true)
      return { moved, bytes: Buffer.from(scene.memory.buffer, BUFFER, moved).toString('latin1') }
    },
  }
}

function write(
  name: string,
  fd: (scene: Scene) => number,
  text: string,
  write: (fd: number) => Call = (fd) => ['fd_write', fd, IOVEC, 1, RESULT],
): Step {
  const call: Step['call'] = (scene) => {
    Buffer.from(scene.memory.buffer).write(text, BUFFER, 'latin1')
    return write(fd(scene))
  }
  return transfer(name, call, text.length)
}

function read(name: string, fd: (scene: Scene) => number, at = BUFFER): Step {
  return transfer(name, (scene) => ['fd_read', fd(scene), IOVEC, 1, RESULT], 64, at)
}

function fdOf({ fd }: Scene): number {
  return fd
}

type PathArguments = readonly [pointer: number, length: number]
type Call = readonly [string, ...Array<number | bigint>]

function onPath(
  name: string,
  path: string,
  call: (path: PathArguments) => Call,
  lookAt?: Step['look'],
): Step {
  return {
    name,
    call: (scene) => call(store(scene, PATH, path)),
    ...(lookAt === undefined ? {} : { look: lookAt }),
  }
}

function onPaths(
  name: string,
  from: string,
  to: string,
  call: (from: PathArguments, to: PathArguments) => Call,
): Step {
  return step(name, (scene) => call(store(scene, PATH, from), store(scene, OTHER_PATH, to)))
}

/** `keeps`: the descriptor is the scene's from here on. */
function open(name: string, path: string, oflags: number, keeps = false): Step {
  const rights = (oflags & DIRECTORY) === 0 ? FILE_RIGHTS : FOLDER_RIGHTS
  return {
    name,
    call: (scene) => [
      ...(['path_open', ROOT_FD, 1, ...store(scene, PATH, path), oflags] as const),
      ...[rights, FILE_RIGHTS, 0, RESULT],
    ],
    look: (scene) => {
      if (keeps) scene.fd = new DataView(scene.memory.buffer).getUint32(RESULT, true)
      return undefined
    },
  }
}

function store({ memory }: Scene, at: number, text: string): PathArguments {
  return [at, Buffer.from(memory.buffer).write(text, at, 'latin1')]
}

function byteAt(at: number): (scene: Scene) => number {
  return ({ memory }) => new DataView(memory.buffer).getUint8(at)
}

function u64At(at: number): (scene: Scene) => bigint {
  return ({ memory }) => new DataView(memory.buffer).getBigUint64(at, true)
}

/** File type and size of a `filestat`. */
function statAt(at: number): (scene: Scene) => unknown {
  return (scene) => ({ filetype: byteAt(at + 16)(scene), size: u64At(at + 32)(scene) })
}

/** Names in the buffer of `fd_readdir`, but `.` and `..`. */
function namesAt({ memory }: Scene): string[] {
  const view = new DataView(memory.buffer)
  const end = BUFFER + view.getUint32(RESULT, true)
  const names: string[] = []
  for (let at = BUFFER; at < end; ) {
    const length = view.getUint32(at + 16, true)
    names.push(Buffer.from(memory.buffer, at + 24, length).toString())
    at += 24 + length
  }
  return names.filter((name) => name !== '.' && name !== '..')
}
