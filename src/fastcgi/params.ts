/**
 * Name-value pairs (FastCGI 1.0, section 3.4), once their stream has been put together.
 *
 *     nameLength (1 or 4 bytes) | valueLength (1 or 4 bytes) | name | value
 *
 * A length over 127 takes 4 bytes, big-endian, with the top bit set; shorter ones may.
 */
import { FastCgiError } from './errors.ts'
import { byteAt, uint32At } from './header.ts'

/** Pairs in wire order, duplicates included; latin1 strings: one char a byte. */
export type Pairs = ReadonlyArray<readonly [name: string, value: string]>

export interface ParamsLimits {
  /** How many pairs, those with an empty name included. */
  readonly paramsPairs: number
  /** How long a name, in bytes. */
  readonly paramNameBytes: number
}

export interface DecodedParams {
  /** The pairs before the fault, or all. */
  readonly pairs: Pairs
  /** `FASTCGI_BAD_PARAMS` or `FASTCGI_PARAMS_TOO_LARGE`. */
  readonly fault: FastCgiError | undefined
}

const TOP_BIT = 0x80
const LONG_LENGTH_BYTES = 4
const WITHOUT_TOP_BIT = 0x8000_0000
const MAX_SHORT_LENGTH = 127
const MAX_LATIN1 = 0xff

/** Reads a whole stream of pairs. Empty names are left out, empty values kept. */
export function decodeParams(bytes: Uint8Array, limits: ParamsLimits): DecodedParams {
  // One decoding for all and substrings of it: a call into C++ a string would cost ten times as much.
  const text = latin1(bytes)
  const total = bytes.length
  const pairs: Array<readonly [string, string]> = []
  let count = 0
  let at = 0
  while (at < total) {
    const nameAt = at
    const hasLongName = byteAt(bytes, at) >= TOP_BIT
    at += hasLongName ? LONG_LENGTH_BYTES : 1
    if (at >= total) return { pairs, fault: truncated('lengths', nameAt, total) }
    const hasLongValue = byteAt(bytes, at) >= TOP_BIT
    const valueAt = at
    at += hasLongValue ? LONG_LENGTH_BYTES : 1
    if (at > total) return { pairs, fault: truncated('lengths', nameAt, total) }

    const nameLength = hasLongName
      ? uint32At(bytes, nameAt) - WITHOUT_TOP_BIT
      : byteAt(bytes, nameAt)
    const valueLength = hasLongValue
      ? uint32At(bytes, valueAt) - WITHOUT_TOP_BIT
      : byteAt(bytes, valueAt)
    if (nameLength + valueLength > total - at) {
      return { pairs, fault: truncated(`${nameLength} + ${valueLength} bytes`, nameAt, total) }
    }
    if (nameLength > limits.paramNameBytes) {
      return { pairs, fault: tooLarge(`a name of ${nameLength} bytes`, limits.paramNameBytes) }
    }
    if (++count > limits.paramsPairs) {
      return { pairs, fault: tooLarge(`${count} pairs or more`, limits.paramsPairs) }
    }
    const nameEnd = at + nameLength
    if (nameLength > 0) {
      const name = nameAtPosition(text, at, nameEnd, pairs.length)
      pairs.push([name, text.substring(nameEnd, nameEnd + valueLength)])
    }
    at = nameEnd + valueLength
  }
  return { pairs, fault: undefined }
}

/** Names that came last, by position: web servers send the same ones in the same order again and again. */
const lastNames: string[] = []
const MAX_LAST_NAMES = 128
const MAX_LAST_NAME_CHARS = 64

/** The name between two offsets: the very string it was the last time, whose hash is known. */
function nameAtPosition(text: string, start: number, end: number, position: number): string {
  const last = lastNames[position]
  if (last !== undefined && last.length === end - start && text.startsWith(last, start)) return last
  // A copy of its own: a substring would keep the whole text alive, and readers remember names.
  const name = Buffer.from(text.substring(start, end), 'latin1').toString('latin1')
  if (position < MAX_LAST_NAMES && name.length <= MAX_LAST_NAME_CHARS) lastNames[position] = name
  return name
}

/** Prints pairs. Throws `FASTCGI_BAD_PARAMS` for a char above U+00FF. */
export function encodeParams(pairs: Pairs): Uint8Array {
  let total = 0
  for (const [name, value] of pairs) {
    total += lengthBytes(name.length) + lengthBytes(value.length) + name.length + value.length
  }
  const bytes = new Uint8Array(total)
  let at = 0
  for (const [name, value] of pairs) {
    at = writeLength(bytes, at, name.length)
    at = writeLength(bytes, at, value.length)
    at = writeLatin1(bytes, at, name)
    at = writeLatin1(bytes, at, value)
  }
  return bytes
}

/** The error for params over a cap. */
export function tooLarge(actual: string, wanted: number): FastCgiError {
  return new FastCgiError(
    'FASTCGI_PARAMS_TOO_LARGE',
    `Cannot take the params: ${actual}, at most ${wanted} allowed`,
  )
}

function truncated(what: string, at: number, total: number): FastCgiError {
  return new FastCgiError(
    'FASTCGI_BAD_PARAMS',
    `Cannot read the pair at byte ${at}: ${what} announced, the params end at byte ${total}`,
  )
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

function lengthBytes(length: number): number {
  return length > MAX_SHORT_LENGTH ? LONG_LENGTH_BYTES : 1
}

function writeLength(bytes: Uint8Array, at: number, length: number): number {
  if (length <= MAX_SHORT_LENGTH) {
    bytes[at] = length
    return at + 1
  }
  bytes[at] = (length >>> 24) | TOP_BIT
  bytes[at + 1] = length >>> 16
  bytes[at + 2] = length >>> 8
  bytes[at + 3] = length
  return at + LONG_LENGTH_BYTES
}

function writeLatin1(bytes: Uint8Array, at: number, text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > MAX_LATIN1) {
      throw new FastCgiError(
        'FASTCGI_BAD_PARAMS',
        `Cannot print a param: char code ${code} at ${index}, at most ${MAX_LATIN1} fits a byte`,
      )
    }
    bytes[at + index] = code
  }
  return at + text.length
}
