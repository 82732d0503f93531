/** Copies the code that a reader steps through, with changes on the way. */
import type { ByteWriter } from './byte-writer.ts'
import type { InstructionReader } from './instruction-reader.ts'

export class CodeCopy {
  readonly reader: InstructionReader
  readonly out: ByteWriter
  /** The original is copied up to here. */
  #copied = 0

  constructor(reader: InstructionReader, out: ByteWriter) {
    this.reader = reader
    this.out = out
  }

  /** What comes before the reader's position is left out. */
  begin(): void {
    this.#copied = this.reader.pos
  }

  /** Everything before the instruction that was read last is copied. */
  before(): void {
    this.#upTo(this.reader.at)
  }

  /** The instruction that was read last is copied too. */
  after(): void {
    this.#upTo(this.reader.pos)
  }

  /** The instruction that was read last is copied, and `more` behind it. */
  behind(more: readonly number[]): void {
    this.after()
    this.out.append(more)
  }

  /** Everything before the instruction that was read last is copied; that one is left out. */
  replace(): void {
    this.#upTo(this.reader.at)
    this.#copied = this.reader.pos
  }

  /** Where the instruction that was read last will be in `out` if nothing is put before it. */
  position(): number {
    return this.out.length + this.reader.at - this.#copied
  }

  #upTo(position: number): void {
    if (position <= this.#copied) return
    this.out.copy(this.reader.bytes, this.#copied, position)
    this.#copied = position
  }
}
