/**
 * Arguments and environment (preview 1: args_get, args_sizes_get, environ_get, environ_sizes_get).
 *
 * Both are laid out alike, here for `["a", "bc"]`:
 *
 *     pointers -> | &buffer[0] | &buffer[2] |
 *     buffer   -> | 'a' 0 | 'b' 'c' 0 |
 */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

type Strings = ReadonlyArray<string | Uint8Array>

export const ARGS_CALLS = {
  /** FAULT: one of the two areas is not inside memory. */
  args_get: (host: CallContext) => (pointers: number, buffer: number) => {
    host.enter()
    return storeStrings(host, host.grants.args, pointers, buffer)
  },
  /** FAULT: a result does not fit into memory. */
  args_sizes_get: (host: CallContext) => (count: number, bytes: number) => {
    host.enter()
    return storeSizes(host, host.grants.args, count, bytes)
  },
  /** FAULT: one of the two areas is not inside memory. */
  environ_get: (host: CallContext) => (pointers: number, buffer: number) => {
    host.enter()
    return storeStrings(host, host.grants.env, pointers, buffer)
  },
  /** FAULT: a result does not fit into memory. */
  environ_sizes_get: (host: CallContext) => (count: number, bytes: number) => {
    host.enter()
    return storeSizes(host, host.grants.env, count, bytes)
  },
}

/** What it takes to look at one string. */
const STRING_WORK = 100

function storeSizes(host: CallContext, strings: Strings, count: number, bytes: number): number {
  host.charge(strings.length * STRING_WORK)
  if (!host.has(count >>> 0, 4) || !host.has(bytes >>> 0, 4)) return Errno.FAULT
  host.view.setUint32(count >>> 0, strings.length, true)
  host.view.setUint32(bytes >>> 0, bytesOf(strings), true)
  return Errno.SUCCESS
}

function storeStrings(
  host: CallContext,
  strings: Strings,
  pointers: number,
  buffer: number,
): number {
  let pointer = pointers >>> 0
  let at = buffer >>> 0
  const length = bytesOf(strings)
  host.charge(strings.length * STRING_WORK * 2 + length)
  if (!host.has(pointer, strings.length * 4) || !host.has(at, length)) return Errno.FAULT
  const { bytes, view } = host
  const start = at
  for (const text of strings) {
    view.setUint32(pointer, at, true)
    pointer += 4
    if (typeof text !== 'string') bytes.set(text, at)
    at += text.length
    bytes[at++] = 0
  }
  storeText(bytes.subarray(start, at), strings)
  return Errno.SUCCESS
}

/** Copies what is text: in one go if all is, as it nearly always is. */
function storeText(bytes: Uint8Array, strings: Strings): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (strings.every((text) => typeof text === 'string')) {
    buffer.write(strings.join('\0'), 'latin1')
    return
  }
  let at = 0
  for (const text of strings) {
    if (typeof text === 'string') buffer.write(text, at, 'latin1')
    at += text.length + 1
  }
}

function bytesOf(strings: Strings): number {
  let total = strings.length
  for (const text of strings) total += text.length
  return total
}
