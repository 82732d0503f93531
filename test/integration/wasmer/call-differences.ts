/**
 * Where single calls of `@wasmer/wasi` 1.2.2 answer otherwise than ours, and why we answer as we do. An answer is the errno,
 * or what the call has left in memory; `dies`: a panic of the package, which ends the run.
 */
export interface CallDifference {
  readonly call: string
  readonly own: string
  readonly wasmer: string
  readonly why: string
}

const [ACCES, BADF, EXIST, INVAL, ISDIR, NOENT, NOTSOCK, SPIPE, NOTCAPABLE] = [
  ...['errno 2', 'errno 8', 'errno 20', 'errno 28', 'errno 31', 'errno 44', 'errno 57'],
  ...['errno 70', 'errno 76'],
] as const
const SUCCESS = 'errno 0'
const DIES = 'dies'

const BAD_ARGUMENT =
  'a value that does not exist is INVAL; theirs leaves the range of an enumeration'
const NO_RIGHT = 'the descriptor has no right to do that, which preview 1 calls NOTCAPABLE'
const NO_SOCKET = 'the descriptor is open and no socket: NOTSOCK, as POSIX has it'

export const DIFFERENCES: readonly CallDifference[] = [
  { call: 'clock_time_get 9', own: INVAL, wasmer: DIES, why: BAD_ARGUMENT },
  { call: 'clock_res_get 9', own: INVAL, wasmer: DIES, why: BAD_ARGUMENT },
  { call: 'fd_seek from nowhere', own: INVAL, wasmer: DIES, why: BAD_ARGUMENT },
  { call: 'fd_advise of a kind there is not', own: INVAL, wasmer: DIES, why: BAD_ARGUMENT },
  {
    call: 'poll_oneoff of nothing',
    own: INVAL,
    wasmer: DIES,
    why: 'no subscription is INVAL; theirs always asks for a clock that its build does not have',
  },
  {
    call: 'fd_prestat_get of stdin',
    own: BADF,
    wasmer: SUCCESS,
    why: 'only folders given at the start are preopened: C libraries stop looking at the first BADF',
  },
  { call: 'fd_write to stdin', own: NOTCAPABLE, wasmer: INVAL, why: NO_RIGHT },
  { call: 'fd_read of stdout', own: NOTCAPABLE, wasmer: INVAL, why: NO_RIGHT },
  {
    call: 'fd_write to the folder',
    own: BADF,
    wasmer: ISDIR,
    why: 'a folder is never open for writing: write(2) says EBADF',
  },
  {
    call: 'fd_seek of stdin',
    own: SPIPE,
    wasmer: ACCES,
    why: 'a stream cannot be sought: SPIPE, by which C libraries know a pipe',
  },
  {
    call: 'path_create_directory again',
    own: EXIST,
    wasmer: SUCCESS,
    why: 'mkdir(2) fails where something is; programs make lock folders that way',
  },
  {
    call: 'path_create_directory in nothing',
    own: NOENT,
    wasmer: SUCCESS,
    why: 'mkdir(2) does not make the folders above',
  },
  {
    call: 'fd_seek before the start',
    own: INVAL,
    wasmer: SUCCESS,
    why: 'there is nothing before the start of a file',
  },
  {
    call: 'fd_pread of what was written',
    own: '{"moved":7,"bytes":"heabc, "}',
    wasmer: '{"moved":7,"bytes":"heabcll"}',
    why: 'a write in the middle replaces what is there; theirs moves it back',
  },
  {
    call: 'fd_close again',
    own: BADF,
    wasmer: SUCCESS,
    why: 'a descriptor that is closed is not open',
  },
  {
    call: 'fd_read of a closed file',
    own: BADF,
    wasmer: INVAL,
    why: 'a descriptor that is closed is not open',
  },
  {
    call: 'path_open of an absolute path',
    own: NOTCAPABLE,
    wasmer: SUCCESS,
    why: 'paths are relative to the descriptor and do not leave it',
  },
  {
    call: 'path_open of an empty path',
    own: NOENT,
    wasmer: SUCCESS,
    why: 'an empty path leads nowhere (POSIX, pathname resolution)',
  },
  {
    call: 'fd_filestat_get of a truncated file',
    own: '{"filetype":4,"size":0}',
    wasmer: '{"filetype":4,"size":20}',
    why: 'the file has been emptied; theirs remembers its length, though nothing can be read',
  },
  {
    call: 'path_rename',
    own: SUCCESS,
    wasmer: INVAL,
    why: 'theirs cannot rename in a folder that was given at the start',
  },
  {
    call: 'path_filestat_get of what was renamed',
    own: '{"filetype":4,"size":0}',
    wasmer: NOENT,
    why: 'theirs has not renamed it',
  },
  { call: 'sock_send', own: NOTSOCK, wasmer: ACCES, why: NO_SOCKET },
  { call: 'sock_recv', own: NOTSOCK, wasmer: ACCES, why: NO_SOCKET },
  { call: 'sock_shutdown', own: NOTSOCK, wasmer: INVAL, why: NO_SOCKET },
]
