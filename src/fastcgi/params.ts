/**
 * Name-value pairs (FastCGI 1.0, section 3.4), once their stream has been put together.
 *
 *     nameLength (1 or 4 bytes) | valueLength (1 or 4 bytes) | name | value
 *
 * A length over 127 takes 4 bytes, big-endian, with the top bit set; shorter ones may.
 */
import { NameValues, type Pair } from '../base/name-values.ts'
import { FastCgiError } from './errors.ts'
import { byteAt, uint32At } from './header.ts'
import { NameLayouts } from './name-layouts.ts'

/** Pairs in wire order, duplicates included; latin1 strings: one char a byte. */
export type Pairs = readonly Pair[]

export interface ParamsLimits {
  /** How many pairs, those with an empty name included. */
  readonly paramsPairs: number
  /** How long a name, in bytes. */
  readonly paramNameBytes: number
}

export interface ReadParams {
  /** The pairs before the fault, or all. Empty names are left out, empty values kept. */
  readonly params: NameValues
  /** `FASTCGI_BAD_PARAMS` or `FASTCGI_PARAMS_TOO_LARGE`. */
  readonly fault: FastCgiError | undefined
}

const TOP_BIT = 0x80
const LONG_LENGTH_BYTES = 4
const WITHOUT_TOP_BIT = 0x8000_0000
const MAX_SHORT_LENGTH = 127
const MAX_LATIN1 = 0xff

const layouts = new NameLayouts()

const NO_BYTES = Buffer.alloc(0)
const NO_PARAMS: ParamsLimits = { paramsPairs: 0, paramNameBytes: 0 }

/** Reads a whole stream of pairs. The bytes must stay as they are for as long as the pairs are used. */
export function readParams(bytes: Uint8Array, limits: ParamsLimits): ReadParams {
  reader.begin(bytes, limits)
  try {
    return readPairs()
  } finally {
    reader.begin(NO_BYTES, limits)
  }
}

function readPairs(): ReadParams {
  const known = layouts.match(reader)
  if (known !== undefined) return { params: known, fault: undefined }
  reader.rewind()
  const names: string[] = []
  const [starts, ends]: [number[], number[]] = [[], []]
  while (reader.next()) {
    if (reader.nameEnd === reader.nameStart) continue
    names.push(reader.name())
    starts.push(reader.nameEnd)
    ends.push(reader.valueEnd)
  }
  const { fault } = reader
  const params = new NameValues(names, reader.bytes, ends, starts)
  if (fault === undefined) layouts.remember(params)
  return { params, fault }
}

/** Goes over the pairs of a stream, one after the other. */
class PairReader {
  bytes: Buffer = NO_BYTES
  /** What is wrong with the pair at which `next` has stopped. */
  fault: FastCgiError | undefined
  nameStart = 0
  /** And where the value starts. */
  nameEnd = 0
  valueEnd = 0
  #limits: ParamsLimits = NO_PARAMS
  #count = 0

  begin(bytes: Uint8Array, limits: ParamsLimits): void {
    this.bytes =
      bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#limits = limits
    this.rewind()
  }

  /** Whether nothing is left, and nothing was wrong. */
  get isAtEnd(): boolean {
    return this.valueEnd === this.bytes.length && this.fault === undefined
  }

  rewind(): void {
    this.fault = undefined
    this.nameStart = 0
    this.nameEnd = 0
    this.valueEnd = 0
    this.#count = 0
  }

  name(): string {
    return this.bytes.toString('latin1', this.nameStart, this.nameEnd)
  }

  /** Goes to the next pair. False: there is none, or something is wrong with it. */
  next(): boolean {
    const { bytes } = this
    const total = bytes.length
    const pairAt = this.valueEnd
    if (pairAt >= total) return false
    let at = pairAt
    const hasLongName = byteAt(bytes, at) >= TOP_BIT
    at += hasLongName ? LONG_LENGTH_BYTES : 1
    if (at >= total) return this.#fail(truncated('lengths', pairAt, total))
    const hasLongValue = byteAt(bytes, at) >= TOP_BIT
    const valueAt = at
    at += hasLongValue ? LONG_LENGTH_BYTES : 1
    if (at > total) return this.#fail(truncated('lengths', pairAt, total))
    const nameLength = hasLongName
      ? uint32At(bytes, pairAt) - WITHOUT_TOP_BIT
      : byteAt(bytes, pairAt)
    const valueLength = hasLongValue
      ? uint32At(bytes, valueAt) - WITHOUT_TOP_BIT
      : byteAt(bytes, valueAt)
    if (nameLength + valueLength > total - at) {
      return this.#fail(truncated(`${nameLength} + ${valueLength} bytes`, pairAt, total))
    }
    const { paramNameBytes, paramsPairs } = this.#limits
    if (nameLength > paramNameBytes) {
      return this.#fail(tooLarge(`a name of ${nameLength} bytes`, paramNameBytes))
    }
    this.#count += 1
    if (this.#count > paramsPairs) {
      return this.#fail(tooLarge(`${this.#count} pairs or more`, paramsPairs))
    }
    this.nameStart = at
    this.nameEnd = at + nameLength
    this.valueEnd = this.nameEnd + valueLength
    return true
  }

  #fail(fault: FastCgiError): false {
    this.fault = fault
    return false
  }
}

/** One for all streams: each is read in one go. */
const reader = new PairReader()

/** Prints pairs. Throws `FASTCGI_BAD_PARAMS` for a char above U+00FF. */
export function encodeParams(pairs: Pairs): Uint8Array {
  let total = 0
  for (const [name, value] of pairs) {
    total +=
      encodedLengthBytes(name.length) +
      encodedLengthBytes(value.length) +
      name.length +
      value.length
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

function encodedLengthBytes(length: number): number {
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
