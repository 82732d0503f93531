/** The types of all functions that a module may import, as it has to (WASI application ABI: i32 `i`, i64 `I`). */
import { BEYOND, PREVIEW1 } from './abi.ts'

/** Parameters; the result is an errno, an i32, but for `proc_exit`, which has none. */
const PREVIEW1_PARAMETERS: Readonly<Record<string, string>> = {
  args_get: 'ii',
  args_sizes_get: 'ii',
  clock_res_get: 'ii',
  clock_time_get: 'iIi',
  environ_get: 'ii',
  environ_sizes_get: 'ii',
  fd_advise: 'iIIi',
  fd_allocate: 'iII',
  fd_close: 'i',
  fd_datasync: 'i',
  fd_fdstat_get: 'ii',
  fd_fdstat_set_flags: 'ii',
  fd_fdstat_set_rights: 'iII',
  fd_filestat_get: 'ii',
  fd_filestat_set_size: 'iI',
  fd_filestat_set_times: 'iIIi',
  fd_pread: 'iiiIi',
  fd_prestat_dir_name: 'iii',
  fd_prestat_get: 'ii',
  fd_pwrite: 'iiiIi',
  fd_read: 'iiii',
  fd_readdir: 'iiiIi',
  fd_renumber: 'ii',
  fd_seek: 'iIii',
  fd_sync: 'i',
  fd_tell: 'ii',
  fd_write: 'iiii',
  path_create_directory: 'iii',
  path_filestat_get: 'iiiii',
  path_filestat_set_times: 'iiiiIIi',
  path_link: 'iiiiiii',
  path_open: 'iiiiiIIii',
  path_readlink: 'iiiiii',
  path_remove_directory: 'iii',
  path_rename: 'iiiiii',
  path_symlink: 'iiiii',
  path_unlink_file: 'iii',
  poll_oneoff: 'iiii',
  proc_exit: 'i',
  proc_raise: 'i',
  random_get: 'ii',
  sched_yield: '',
  sock_accept: 'iii',
  sock_recv: 'iiiiii',
  sock_send: 'iiiii',
  sock_shutdown: 'ii',
}

const BEYOND_PARAMETERS: Readonly<Record<string, string>> = {
  access: 'iiii',
  alarm: 'iii',
  chmod: 'iiii',
  create_mode: 'i',
  fiber_new: 'ii',
  fiber_switch: 'i',
  filter_input: 'i',
  finish_request: 'i',
  flock: 'ii',
  fstat: 'ii',
  space: 'iiii',
  stat: 'iiiii',
}

/** `(i32, i64) -> i32`, by the module's name and the function's. */
export const SIGNATURES: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  [PREVIEW1, signaturesOf(PREVIEW1_PARAMETERS)],
  [BEYOND, signaturesOf(BEYOND_PARAMETERS)],
])

function signaturesOf(all: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(all).map(([name, letters]) => {
      const parameters = [...letters].map((letter) => (letter === 'I' ? 'i64' : 'i32')).join(', ')
      return [name, `(${parameters}) -> ${name === 'proc_exit' ? '()' : 'i32'}`]
    }),
  )
}
