/**
 * The types of functions that this process's V8 has been given. V8 keeps each different one for as long as the process lives, and ends
 * the process when there are two million, so what modules bring is counted before V8 sees it: by all threads that compile, in one list.
 */
import { hash } from 'node:crypto'
import { ByteReader } from '../wasm/byte-reader.ts'
import { DEFAULT_MODULE_LIMITS } from '../wasm/limits.ts'
import { readTypes } from '../wasm/read-types.ts'
import { HEADER } from '../wasm/sections.ts'
import { type FunctionType, SECTION } from '../wasm/wasm-module.ts'
import { GuestError } from './errors.ts'
import { HASHES_AT, KEY_AT, KEY_BYTES, MOST_TYPES } from './type-list.ts'

/** Of a hash: what a number holds exactly. */
const HASH_BYTES = 6
/** References to types (core spec 5.3.3), which mean another type in each module. */
const REFERENCE = [0x63, 0x64]

export class TypeBook {
  readonly #count: Int32Array
  readonly #hashes: Float64Array
  readonly #key: Uint8Array
  /** Those of the list that this thread has looked at. */
  readonly #known = new Set<number>()
  #looked = 0
  /** New ones of this thread's modules. */
  added = 0

  /** `buffer`: of `makeTypeList`, in all threads the same. */
  constructor(buffer: SharedArrayBuffer) {
    this.#count = new Int32Array(buffer, 0, 1)
    this.#key = new Uint8Array(buffer, KEY_AT, KEY_BYTES)
    this.#hashes = new Float64Array(buffer, HASHES_AT)
  }

  /** How many there are, of all threads. */
  get count(): number {
    return Math.min(Atomics.load(this.#count, 0), this.#hashes.length)
  }

  /** Adds the types of a module that V8 is about to be given. Throws GUEST_TYPES_USED_UP, and WASM_MALFORMED for what is no module. */
  add(module: Uint8Array): void {
    this.#look()
    const fresh = new Set<number>()
    let others = 0
    for (const type of typesOf(module)) {
      const hashed = this.#hashOf(module, type)
      if (hashed === undefined) others += 1
      else if (!this.#known.has(hashed)) fresh.add(hashed)
    }
    const more = fresh.size + others
    if (more === 0) return
    const most = this.#hashes.length
    if (this.count + more > most)
      throw new GuestError(
        'GUEST_TYPES_USED_UP',
        `Cannot compile the module: it has ${more} types of functions that are new to this process, which has seen ${this.count} of at most ${most}, wanted fewer`,
      )
    this.added += more
    let at = Atomics.add(this.#count, 0, more)
    for (const hashed of fresh) {
      this.#known.add(hashed)
      if (at < most) this.#hashes[at] = hashed
      at += 1
    }
  }

  /** At what other threads have added. */
  #look(): void {
    for (const { count } = this; this.#looked < count; this.#looked += 1) {
      const hashed = this.#hashes[this.#looked] ?? 0
      if (hashed !== 0) this.#known.add(hashed)
    }
  }

  /** Undefined: what it is depends on the module's other types. */
  #hashOf(module: Uint8Array, type: FunctionType): number | undefined {
    const { isPlain, parameterSpan, resultSpan } = type
    if (!isPlain) return undefined
    const bytes = module.subarray(parameterSpan.start, resultSpan.end)
    if (REFERENCE.some((one) => bytes.includes(one))) return undefined
    const digest = hash('sha1', Buffer.concat([this.#key, bytes]), 'buffer')
    return digest.readUIntBE(0, HASH_BYTES) + 1
  }
}

function typesOf(module: Uint8Array): readonly FunctionType[] {
  const reader = new ByteReader(module, HEADER.length)
  while (reader.pos < module.length) {
    const id = reader.byte()
    const size = reader.u32()
    const end = reader.pos + size
    if (id === SECTION.type) {
      const types = new ByteReader(module, reader.pos, end)
      return readTypes(types, types.u32(), ROOMY)
    }
    reader.skip(size)
  }
  return []
}

/** Hardening adds some. */
const ROOMY = { ...DEFAULT_MODULE_LIMITS, types: MOST_TYPES }
