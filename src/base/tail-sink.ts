/** Keeps the last bytes of what is written: that is where a program says why it has failed. */
import type { ByteSink } from './byte-stream.ts'

export class TailSink implements ByteSink {
  readonly #maxBytes: number
  #kept = Buffer.alloc(0)

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  write(bytes: Uint8Array): number {
    const last = bytes.subarray(Math.max(0, bytes.length - this.#maxBytes))
    const before = this.#kept.subarray(
      Math.max(0, this.#kept.length + last.length - this.#maxBytes),
    )
    this.#kept = Buffer.concat([before, last])
    return bytes.length
  }

  onWritable(wake: () => void): void {
    wake()
  }

  end(): void {}

  /** One char a byte. */
  text(): string {
    return this.#kept.toString('latin1')
  }

  /** A character that the first byte cuts is none of it. */
  utf8(): string {
    return this.#kept.toString('utf8').replace(/^\ufffd+/, '')
  }
}
