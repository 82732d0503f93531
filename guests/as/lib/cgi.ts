/** A CGI program's surroundings in AssemblyScript: standard streams, environment, sleep (RFC 3875 §4, §6). */
import {
  args_get,
  args_sizes_get,
  environ_get,
  environ_sizes_get,
  fd_read,
  fd_write,
  poll_oneoff,
  proc_exit,
} from './wasi_snapshot_preview1'

/** The bytes a guest moves at a time. */
export const CHUNK_BYTES: i32 = 65536

const STDIN: i32 = 0
const STDOUT: i32 = 1
const STDERR: i32 = 2

/** One (pointer, length) pair, then the byte count that comes back. */
const vector: usize = memory.data(12, 4)

/** A subscription (48 bytes), an event (32) and the number of events (4). */
const timer: usize = memory.data(88, 8)

/** Writes all `length` bytes at `pointer` to `fd`; ends the program when nobody takes them. */
function writeAll(fd: i32, pointer: usize, length: usize): void {
  while (length > 0) {
    store<u32>(vector, pointer as u32)
    store<u32>(vector, length as u32, 4)
    if (fd_write(fd, vector, 1, vector + 8) !== 0) proc_exit(1)
    const written = load<u32>(vector, 8) as usize
    pointer += written
    length -= written
  }
}

/** Writes `length` bytes at `pointer` to standard output. */
export function writeBytes(pointer: usize, length: usize): void {
  writeAll(STDOUT, pointer, length)
}

/** Writes `text` to standard output as UTF-8. */
export function write(text: string): void {
  const bytes = String.UTF8.encode(text)
  writeBytes(changetype<usize>(bytes), bytes.byteLength as usize)
}

/** Reads what has come of the body, at most `length` bytes, to `pointer`; 0 at its end. */
export function read(pointer: usize, length: usize): i32 {
  store<u32>(vector, pointer as u32)
  store<u32>(vector, length as u32, 4)
  if (fd_read(STDIN, vector, 1, vector + 8) !== 0) proc_exit(1)
  return load<i32>(vector, 8)
}

/** The environment as pointers to NUL-terminated `NAME=value` bytes. */
export function environment(): usize[] {
  environ_sizes_get(vector, vector + 4)
  const count = load<u32>(vector)
  const pointers = heap.alloc((count as usize) * 4)
  environ_get(pointers, heap.alloc(load<u32>(vector, 4) as usize))
  return pointerList(pointers, count)
}

/** The arguments as pointers to NUL-terminated bytes. */
export function args(): usize[] {
  args_sizes_get(vector, vector + 4)
  const count = load<u32>(vector)
  const pointers = heap.alloc((count as usize) * 4)
  args_get(pointers, heap.alloc(load<u32>(vector, 4) as usize))
  return pointerList(pointers, count)
}

function pointerList(pointers: usize, count: u32): usize[] {
  const list: usize[] = []
  for (let i: u32 = 0; i < count; i++) list.push(load<u32>(pointers + (i as usize) * 4) as usize)
  return list
}

/** The length in bytes of the NUL-terminated string at `pointer`. */
export function textLength(pointer: usize): usize {
  let length: usize = 0
  while (load<u8>(pointer + length) !== 0) length++
  return length
}

/** The environment variable `name`, or '' when it is not set. */
export function variable(name: string): string {
  const wanted = `${name}=`
  const entries = environment()
  for (let i = 0; i < entries.length; i++) {
    const entry = String.UTF8.decodeUnsafe(entries[i], textLength(entries[i]))
    if (entry.startsWith(wanted)) return entry.substring(wanted.length)
  }
  return ''
}

/** The number `name` in QUERY_STRING, or `otherwise` when it is missing. */
export function queryNumber(name: string, otherwise: i32): i32 {
  const pairs = variable('QUERY_STRING').split('&')
  for (let i = 0; i < pairs.length; i++) {
    if (pairs[i].startsWith(`${name}=`)) return I32.parseInt(pairs[i].substring(name.length + 1))
  }
  return otherwise
}

/** Sleeps `ms` milliseconds: one relative subscription to the monotonic clock (id 1). */
export function sleep(ms: i32): void {
  memory.fill(timer, 0, 88)
  store<u32>(timer, 1, 16)
  store<u64>(timer, (ms as u64) * 1_000_000, 24)
  poll_oneoff(timer, timer + 48, 1, timer + 80)
}

/** What the compiler calls where an assertion fails or memory runs out: told on standard error, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? 'aborted' : message
  const where = file === null ? 'unknown' : file
  const bytes = String.UTF8.encode(`${what} at ${where}:${line.toString()}:${column.toString()}\n`)
  writeAll(STDERR, changetype<usize>(bytes), bytes.byteLength as usize)
  unreachable()
}
