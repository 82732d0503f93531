/** The small guests that the figures need, from WebAssembly text. */
import { wat } from '../../test/support/wat.ts'

export const WASM_PAGE_BYTES = 64 * 1024
export const SYSTEM_PAGE_BYTES = 4096

const ANSWER = 'Content-Type: text/plain\n\nHello, World!\n'

const prelude = (answer: string): string => `
(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
(data (i32.const 1024) "${answer.replaceAll('\n', '\\n')}")
(func $hello
  (i32.store (i32.const 0) (i32.const 1024))
  (i32.store (i32.const 4) (i32.const ${answer.length}))
  (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))`

/** Prints a whole answer at once, in ASCII and without quotes. Runs as often as it is asked to in one instance. */
export function helloModule(answer = ANSWER): Uint8Array<ArrayBuffer> {
  return compile(`(memory (export "memory") 2) (func (export "_start") (call $hello))`, answer)
}

/** Counts to `turns`, then prints a whole answer. */
export function spinModule(turns: number): Uint8Array<ArrayBuffer> {
  return compile(`(memory (export "memory") 1)
    (func (export "_start") (local $left i32)
      (local.set $left (i32.const ${turns}))
      (loop $again
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (call $hello))`)
}

/** Never ends. */
export function endlessModule(): Uint8Array<ArrayBuffer> {
  return compile(`(memory (export "memory") 1) (func (export "_start") (loop $again (br $again)))`)
}

/** Prints a whole answer, then sleeps. */
export function sleepModule(ms: number): Uint8Array<ArrayBuffer> {
  return compile(`(memory (export "memory") 1)
    (func (export "_start")
      (call $hello)
      (i32.store (i32.const 2064) (i32.const 1))
      (i64.store (i32.const 2072) (i64.const ${ms * 1_000_000}))
      (drop (call $poll_oneoff (i32.const 2048) (i32.const 4096) (i32.const 1) (i32.const 64))))`)
}

/** Prints a whole answer, then reads its body to the end. */
export function readBodyModule(): Uint8Array<ArrayBuffer> {
  return compile(`(memory (export "memory") 2)
    (func (export "_start")
      (call $hello)
      (i32.store (i32.const 64) (i32.const 4096))
      (i32.store (i32.const 68) (i32.const 4096))
      (loop $again
        (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
        (br_if $again (i32.load (i32.const 72)))))`)
}

export interface WriterOptions {
  readonly memoryBytes: number
  /** Pages of 4 KiB that each run writes, spread evenly over the memory. */
  readonly writtenPages: number
  /** Whether the memory is filled with data to the end, instead of zeros. */
  readonly isFull?: boolean
}

/** Writes one word into each of some pages. */
export function writerModule(options: WriterOptions): Uint8Array<ArrayBuffer> {
  const { memoryBytes, writtenPages, isFull = false } = options
  const pages = memoryBytes / SYSTEM_PAGE_BYTES
  const stride = Math.floor(pages / writtenPages) * SYSTEM_PAGE_BYTES
  const data = isFull ? `(data (i32.const 4096) "${'x'.repeat(memoryBytes - 4096)}")` : ''
  return compile(`(memory (export "memory") ${memoryBytes / WASM_PAGE_BYTES}) ${data}
    (func (export "_start") (local $at i32) (local $left i32)
      (local.set $left (i32.const ${writtenPages}))
      (local.set $at (i32.const 2048))
      (loop $again
        (i32.store (local.get $at) (i32.const -1))
        (local.set $at (i32.add (local.get $at) (i32.const ${stride})))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))`)
}

/** The same program with other bytes: a custom section with `text`, padded to `bytes` bytes of module if it is shorter. */
export function withCustomSection(
  module: Uint8Array,
  text: string,
  bytes = 0,
): Uint8Array<ArrayBuffer> {
  const name = Buffer.from('bench')
  const padding = Math.max(0, bytes - module.length - name.length - text.length - 8)
  const content = Buffer.concat([
    Buffer.from([name.length]),
    name,
    Buffer.from(text),
    Buffer.alloc(padding),
  ])
  const header = [0, ...leb(content.length)]
  const whole = new Uint8Array(module.length + header.length + content.length)
  whole.set(module)
  whole.set(header, module.length)
  whole.set(content, module.length + header.length)
  return whole
}

function compile(fields: string, answer = ANSWER): Uint8Array<ArrayBuffer> {
  return wat(`(module ${prelude(answer)} ${fields})`, 'guest.wat')
}

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return bytes
}
