/** wasi:io/streams, and wasi:io/error. */
import { type Case, ok } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import type { InputStream } from './guest-input.ts'
import type { OutputStream } from './guest-output.ts'
import { type Interface, plain, waiting } from './host-function.ts'
import { errorCodeOf, type IoError } from './io-error.ts'
import { Pollable } from './pollable.ts'
import { after, MOVED_BYTES } from './preview1-calls.ts'

const READ = '(borrow<$input-stream>, u64) -> result<list<u8>, $stream-error>'
const SKIP = '(borrow<$input-stream>, u64) -> result<u64, $stream-error>'
const WRITE = '(borrow<$output-stream>, list<u8>) -> result<_, $stream-error>'
const FLUSH = '(borrow<$output-stream>) -> result<_, $stream-error>'
const ZEROES = '(borrow<$output-stream>, u64) -> result<_, $stream-error>'
const SPLICE = '(borrow<$output-stream>, borrow<$input-stream>, u64) -> result<u64, $stream-error>'

const skip = (waits: boolean) => () => (self: InputStream, most: bigint) =>
  after(self.read(most, waits), (found) =>
    found.tag === 'ok' ? ok(BigInt((found.value as Uint8Array).length)) : found,
  )

/** No more than may be held is made of zeros at a time. */
const zeroes = (length: bigint): Uint8Array =>
  new Uint8Array(Number(length > BigInt(MOVED_BYTES + 1) ? MOVED_BYTES + 1 : length))

const splice =
  (waits: boolean) => (_: ComponentHost) => (self: OutputStream, from: InputStream, most: bigint) =>
    after(waits ? self.flush(true) : self.check(), (room) => {
      if (room.tag !== 'ok') return room
      const free = room.value === undefined ? BigInt(MOVED_BYTES) : (room.value as bigint)
      if (free === 0n) return ok(0n)
      return after(from.read(most < free ? most : free, waits), (found): Case | Promise<Case> => {
        if (found.tag !== 'ok') return found
        const bytes = found.value as Uint8Array
        return after(self.write(bytes, waits), (done) =>
          done.tag === 'ok' ? ok(BigInt(bytes.length)) : done,
        )
      })
    })

export const STREAMS: Interface = {
  '[method]input-stream.read': waiting(
    READ,
    () => (self: InputStream, most: bigint) => self.read(most, false),
  ),
  '[method]input-stream.blocking-read': waiting(
    READ,
    () => (self: InputStream, most: bigint) => self.read(most, true),
  ),
  '[method]input-stream.skip': waiting(SKIP, skip(false)),
  '[method]input-stream.blocking-skip': waiting(SKIP, skip(true)),
  '[method]input-stream.subscribe': plain(
    '(borrow<$input-stream>) -> own<$pollable>',
    () => (self: InputStream) => self.subscribe(),
  ),
  '[method]output-stream.check-write': plain(
    '(borrow<$output-stream>) -> result<u64, $stream-error>',
    () => (self: OutputStream) => self.check(),
  ),
  '[method]output-stream.write': waiting(
    WRITE,
    () => (self: OutputStream, bytes: Uint8Array) => self.write(bytes, false),
  ),
  '[method]output-stream.blocking-write-and-flush': waiting(
    WRITE,
    () => (self: OutputStream, bytes: Uint8Array) => self.write(bytes, true),
  ),
  '[method]output-stream.flush': waiting(FLUSH, () => (self: OutputStream) => self.flush(false)),
  '[method]output-stream.blocking-flush': waiting(
    FLUSH,
    () => (self: OutputStream) => self.flush(true),
  ),
  '[method]output-stream.subscribe': plain(
    '(borrow<$output-stream>) -> own<$pollable>',
    () => (self: OutputStream) => new Pollable(self.wishes),
  ),
  '[method]output-stream.write-zeroes': waiting(
    ZEROES,
    () => (self: OutputStream, length: bigint) => self.write(zeroes(length), false),
  ),
  '[method]output-stream.blocking-write-zeroes-and-flush': waiting(
    ZEROES,
    () => (self: OutputStream, length: bigint) => self.write(zeroes(length), true),
  ),
  '[method]output-stream.splice': waiting(SPLICE, splice(false)),
  '[method]output-stream.blocking-splice': waiting(SPLICE, splice(true)),
}

export const IO_ERROR: Interface = {
  '[method]error.to-debug-string': plain(
    '(borrow<$error>) -> string',
    () => (self: IoError) => errorCodeOf(self.errno),
  ),
}
