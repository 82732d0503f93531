/** What a CGI program needs of WASI: the request's variables, its body, and where the answer goes. */
import {
  environ_get,
  environ_sizes_get,
  fd_read,
  fd_write,
  proc_exit,
} from './wasi_snapshot_preview1'

const STDIN: i32 = 0
const STDOUT: i32 = 1
const STDERR: i32 = 2

/** How long a body may be without being copied. */
const CHUNK_BYTES: i32 = 65536

/** One (pointer, length) pair, then the number of bytes that comes back. */
const vector: usize = memory.data(12, 4)

/** Writes `text` to the answer, as UTF-8. */
export function write(text: string): void {
  writeBytes(Uint8Array.wrap(String.UTF8.encode(text)))
}

/** Writes `bytes` to the answer; the client has them when this returns. */
export function writeBytes(bytes: Uint8Array): void {
  writeTo(STDOUT, bytes)
}

/** Writes `text` to the log. */
export function log(text: string): void {
  writeTo(STDERR, Uint8Array.wrap(String.UTF8.encode(text)))
}

/** The variable `name` of the request, such as `REQUEST_METHOD`, or '' when it has none of that name. */
export function variable(name: string): string {
  const wanted = `${name}=`
  environ_sizes_get(vector, vector + 4)
  const count = load<u32>(vector)
  const pointers = heap.alloc((count as usize) * 4)
  environ_get(pointers, heap.alloc(load<u32>(vector, 4) as usize))
  for (let i: u32 = 0; i < count; i++) {
    const entry = textAt(load<u32>(pointers + (i as usize) * 4) as usize)
    if (entry.startsWith(wanted)) return entry.substring(wanted.length)
  }
  return ''
}

/** Reads what has come of the body into `into`: the number of bytes, 0 at its end. */
export function read(into: Uint8Array): i32 {
  store<u32>(vector, into.dataStart as u32)
  store<u32>(vector, into.length as u32, 4)
  if (fd_read(STDIN, vector, 1, vector + 8) !== 0) proc_exit(1)
  return load<i32>(vector, 8)
}

/** The whole body of the request. */
export function readBody(): ArrayBuffer {
  let body = new Uint8Array(CHUNK_BYTES)
  let length = 0
  for (let count = read(body); count > 0; count = read(body.subarray(length))) {
    length += count
    if (length < body.length) continue
    const longer = new Uint8Array(2 * length)
    longer.set(body)
    body = longer
  }
  return body.buffer.slice(0, length)
}

/** What the compiler calls where an assertion fails or memory runs out: told to the log, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? 'aborted' : message
  const where = file === null ? 'unknown' : file
  log(`${what} at ${where}:${line.toString()}:${column.toString()}\n`)
  unreachable()
}

function writeTo(fd: i32, bytes: Uint8Array): void {
  let pointer = bytes.dataStart
  let length = bytes.length as usize
  while (length > 0) {
    store<u32>(vector, pointer as u32)
    store<u32>(vector, length as u32, 4)
    if (fd_write(fd, vector, 1, vector + 8) !== 0) proc_exit(1)
    const written = load<u32>(vector, 8) as usize
    pointer += written
    length -= written
  }
}

/** The text that ends with a NUL. */
function textAt(pointer: usize): string {
  let length: usize = 0
  while (load<u8>(pointer + length) !== 0) length++
  return String.UTF8.decodeUnsafe(pointer, length)
}
