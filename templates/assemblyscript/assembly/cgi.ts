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

/** The bytes of the body that are read at a time. */
const CHUNK_BYTES: i32 = 65536

/** One (pointer, length) pair, then the number of bytes that comes back. */
const vector: usize = memory.data(12, 4)

/** Writes `text` to the answer, as UTF-8. */
export function write(text: string): void {
  writeTo(STDOUT, text)
}

/** Writes `text` to the log. */
export function log(text: string): void {
  writeTo(STDERR, text)
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

/** The whole body of the request. */
export function readBody(): ArrayBuffer {
  const chunk = heap.alloc(CHUNK_BYTES)
  let body = new ArrayBuffer(0)
  let count = readChunk(chunk)
  while (count > 0) {
    const longer = new ArrayBuffer(body.byteLength + count)
    memory.copy(changetype<usize>(longer), changetype<usize>(body), body.byteLength)
    memory.copy(changetype<usize>(longer) + body.byteLength, chunk, count)
    body = longer
    count = readChunk(chunk)
  }
  return body
}

/** What the compiler calls where an assertion fails or memory runs out: told to the log, then a trap. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message === null ? 'aborted' : message
  const where = file === null ? 'unknown' : file
  log(`${what} at ${where}:${line.toString()}:${column.toString()}\n`)
  unreachable()
}

/** Reads what has come of the body; 0 at its end. */
function readChunk(chunk: usize): i32 {
  store<u32>(vector, chunk as u32)
  store<u32>(vector, CHUNK_BYTES as u32, 4)
  if (fd_read(STDIN, vector, 1, vector + 8) !== 0) proc_exit(1)
  return load<i32>(vector, 8)
}

function writeTo(fd: i32, text: string): void {
  const bytes = String.UTF8.encode(text)
  let pointer = changetype<usize>(bytes)
  let length = bytes.byteLength as usize
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
