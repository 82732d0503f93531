/** Writes the primitives of the WebAssembly binary format into a buffer that grows up to a limit. */
import { wasmLimitError } from './errors.ts'

const UTF8 = new TextEncoder()
const SHORT_COPY = 48

export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>
  length = 0
  readonly #maxBytes: number

  constructor(initialBytes = 256, maxBytes: number = Number.MAX_SAFE_INTEGER) {
    this.bytes = new Uint8Array(Math.min(initialBytes, maxBytes))
    this.#maxBytes = maxBytes
  }

  /** Makes room for `more` bytes. */
  reserve(more: number): void {
    const wanted = this.length + more
    if (wanted <= this.bytes.length) return
    if (wanted > this.#maxBytes) throw wasmLimitError('outputBytes', wanted, this.#maxBytes)
    const larger = new Uint8Array(Math.max(wanted, Math.min(this.bytes.length * 2, this.#maxBytes)))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.reserve(1)
    this.bytes[this.length++] = value
  }

  u32(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.byte(rest)
  }

  s32(value: number): void {
    let rest = value | 0
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        this.byte(low)
        return
      }
      this.byte(low | 0x80)
    }
  }

  /** Copies `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    if (count <= 0) return
    this.reserve(count)
    if (count > SHORT_COPY) {
      this.bytes.set(source.subarray(start, end), this.length)
    } else {
      const { bytes, length } = this
      for (let index = 0; index < count; index++) bytes[length + index] = source[start + index] ?? 0
    }
    this.length += count
  }

  append(source: ArrayLike<number>): void {
    const count = source.length
    this.reserve(count)
    const { bytes, length } = this
    if (count > SHORT_COPY) bytes.set(source, length)
    else for (let index = 0; index < count; index++) bytes[length + index] = source[index] ?? 0
    this.length = length + count
  }

  name(text: string): void {
    const bytes = UTF8.encode(text)
    this.u32(bytes.length)
    this.append(bytes)
  }

  /** The bytes written so far; a view, valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(0, this.length)
  }
}

/** The unsigned LEB128 form of `value`. */
export function encodeU32(value: number): number[] {
  const out: number[] = []
  let rest = value >>> 0
  while (rest >= 0x80) {
    out.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  out.push(rest)
  return out
}

/** The signed LEB128 form of a 32-bit `value`. */
export function encodeS32(value: number): number[] {
  const writer = new ByteWriter(5)
  writer.s32(value)
  return [...writer.view()]
}
