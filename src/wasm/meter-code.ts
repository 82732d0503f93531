/**
 * The instruction sequences that metering inserts. None touches an operand that is already on the stack.
 *
 * `counter`: the mutable i32 global with the units left. A function with loops keeps it in a local of its own,
 * loaded on entry and stored before everything that can see the global: calls, exits, exceptions.
 */
import type { ByteWriter } from './byte-writer.ts'
import { encodeU32 } from './byte-writer.ts'

/** Weights are written in two bytes so that they can be filled in later; this is the largest. */
export const MAX_WEIGHT = 8191

export class MeterCode {
  readonly #counter: readonly number[]
  readonly #check: readonly number[]
  #local: readonly number[] = []
  /** Bytes from the first one of the sequence written last to its weight, and to its `if`. */
  weightAt = 0
  ifAt = 0

  constructor(counterGlobal: number, checkFunction: number) {
    this.#counter = encodeU32(counterGlobal)
    this.#check = encodeU32(checkFunction)
  }

  /** From here on the counter's copy is in local `index`. */
  useLocal(index: number): void {
    this.#local = encodeU32(index)
  }

  /** `local -= weight; if (local < 0) local = check()` */
  chargeLocal(out: ByteWriter, weight: number): void {
    out.byte(0x20)
    out.append(this.#local)
    this.#subtractAndTest(out, weight)
  }

  #subtractAndTest(out: ByteWriter, weight: number): void {
    out.byte(0x41)
    this.#weight(out, weight)
    out.append([0x6b, 0x22])
    out.append(this.#local)
    this.#testBelowZero(out)
    out.byte(0x21)
    out.append(this.#local)
    out.byte(0x0b)
  }

  /** `counter -= weight; if (counter < 0) check()` */
  chargeGlobal(out: ByteWriter, weight: number): void {
    out.byte(0x23)
    out.append(this.#counter)
    out.byte(0x41)
    this.#weight(out, weight)
    out.append([0x6b, 0x24])
    out.append(this.#counter)
    out.byte(0x23)
    out.append(this.#counter)
    this.#testBelowZero(out)
    out.append([0x1a, 0x0b])
  }

  /** `local -= weight`, to be followed by a charge. */
  deductLocal(out: ByteWriter, weight: number): void {
    out.byte(0x20)
    out.append(this.#local)
    out.byte(0x41)
    this.#weight(out, weight)
    out.append([0x6b, 0x21])
    out.append(this.#local)
  }

  /** `local = counter` */
  load(out: ByteWriter): void {
    out.byte(0x23)
    out.append(this.#counter)
    out.byte(0x21)
    out.append(this.#local)
  }

  /** `counter = local` */
  store(out: ByteWriter): void {
    out.byte(0x20)
    out.append(this.#local)
    out.byte(0x24)
    out.append(this.#counter)
  }

  /** `local = min(local, counter)`, where an exception may have passed callees that counted on. */
  loadLower(out: ByteWriter): void {
    for (let twice = 0; twice < 2; twice++) {
      out.byte(0x20)
      out.append(this.#local)
      out.byte(0x23)
      out.append(this.#counter)
    }
    out.append([0x48, 0x1b, 0x21])
    out.append(this.#local)
  }

  /** `... if (top < 0) check()`, leaving the check's answer on the stack inside the block. */
  #testBelowZero(out: ByteWriter): void {
    out.append([0x41, 0x00, 0x48])
    this.ifAt = out.length
    out.append([0x04, 0x40, 0x10])
    out.append(this.#check)
  }

  #weight(out: ByteWriter, weight: number): void {
    this.weightAt = out.length
    out.reserve(2)
    out.length += 2
    setWeight(out, this.weightAt, weight)
  }
}

/** Fills in a weight written earlier, at position `at`. */
export function setWeight(out: ByteWriter, at: number, weight: number): void {
  const clamped = Math.min(weight, MAX_WEIGHT)
  out.bytes[at] = (clamped & 0x7f) | 0x80
  out.bytes[at + 1] = clamped >> 7
}
