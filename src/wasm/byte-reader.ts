/** Reads the primitives of the WebAssembly binary format (core spec 5.2) and never past its end. */
import { wasmErrorAt } from './errors.ts'

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export class ByteReader {
  readonly bytes: Uint8Array
  /** Offset of the next byte. */
  pos: number
  /** Offset after the last byte that may be read. */
  end: number

  constructor(bytes: Uint8Array, pos = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.pos = pos
    this.end = end
  }

  byte(): number {
    if (this.pos >= this.end) throw this.cutShort()
    return this.bytes[this.pos++] ?? 0
  }

  u32(): number {
    const first = this.byte()
    return first < 0x80 ? first : this.#moreOfU32(first)
  }

  #moreOfU32(first: number): number {
    let value = first & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.byte()
      if (shift === 28 && byte > 0x0f)
        throw wasmErrorAt('WASM_MALFORMED', 'number too large', this.pos - 1)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw wasmErrorAt('WASM_MALFORMED', 'number too long', this.pos)
  }

  /** A signed 33-bit number, as block types and heap types are written. */
  s33(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 5; count++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return byte & 0x40 ? value - scale : value
    }
    throw wasmErrorAt('WASM_MALFORMED', 'number too long', this.pos)
  }

  /** Steps over a LEB128 number of at most `maxBytes` bytes. */
  skipNumber(maxBytes: number): void {
    for (let count = 0; count < maxBytes; count++) if (this.byte() < 0x80) return
    throw wasmErrorAt('WASM_MALFORMED', 'number too long', this.pos)
  }

  skip(length: number): void {
    if (length > this.end - this.pos) throw this.cutShort()
    this.pos += length
  }

  /** A length-prefixed UTF-8 name. */
  name(): string {
    const length = this.u32()
    const start = this.pos
    this.skip(length)
    try {
      return UTF8.decode(this.bytes.subarray(start, this.pos))
    } catch (cause) {
      throw Object.assign(wasmErrorAt('WASM_MALFORMED', 'name is not UTF-8', start), { cause })
    }
  }

  cutShort(): Error {
    return wasmErrorAt('WASM_MALFORMED', 'unexpected end', this.end)
  }
}
