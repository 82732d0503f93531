/**
 * The instruction sequences that metering inserts. None touches an operand that is already on the stack.
 *
 * `counter`: the mutable i32 global with the units left. A function with loops keeps it in a local of its own,
 * loaded on entry and stored before everything that can see the global: calls, exits, exceptions.
 */
import type { ByteWriter } from './byte-writer.ts'
import { encodeU32 } from './byte-writer.ts'

/** Where the functions and globals are that metering uses. */
export interface MeterIndices {
  readonly counterGlobal: number
  readonly checkFunction: number
  readonly checkLoopFunction: number
}

/** Weights are written in two bytes so that they can be filled in later; this is the largest. */
const MAX_WEIGHT = 8191

/** Room for a weight, or for a mask. */
const UNKNOWN = [0x80, 0x00]

/** The sequences of functions whose local has the same index. */
interface LocalSequences {
  readonly local: number
  readonly load: readonly number[]
  readonly store: readonly number[]
  readonly loadLower: readonly number[]
  readonly charge: readonly number[]
  readonly deduct: readonly number[]
  readonly align: readonly number[]
  readonly leaveAtZero: readonly number[]
  readonly refill: readonly number[]
  /** Bytes of an instruction with the local's index. */
  readonly localBytes: number
}

export class MeterCode {
  readonly #chargeGlobal: readonly number[]
  readonly #globalBytes: number
  readonly #check: readonly number[]
  readonly #checkLoop: readonly number[]
  readonly #counter: readonly number[]
  #local: LocalSequences
  /** Positions of the weight, the branch and the mask that were written last. */
  weightAt = 0
  ifAt = 0
  maskAt = 0

  constructor({ counterGlobal, checkFunction, checkLoopFunction }: MeterIndices) {
    const counter = encodeU32(counterGlobal)
    this.#counter = counter
    this.#check = [0x10, ...encodeU32(checkFunction)]
    this.#checkLoop = [0x10, ...encodeU32(checkLoopFunction)]
    this.#globalBytes = 1 + counter.length
    this.#chargeGlobal = [
      ...[0x23, ...counter, 0x41, ...UNKNOWN, 0x6b, 0x24, ...counter],
      ...[0x23, ...counter, 0x41, 0x00, 0x48, 0x04, 0x40, ...this.#check, 0x1a, 0x0b],
    ]
    this.#local = this.#sequences(0)
  }

  #sequences(local: number): LocalSequences {
    const index = encodeU32(local)
    const [get, set, tee] = [0x20, 0x21, 0x22].map((opcode) => [opcode, ...index]) as [
      number[],
      number[],
      number[],
    ]
    const getGlobal = [0x23, ...this.#counter]
    const subtract = [...get, 0x41, ...UNKNOWN, 0x6b, ...tee]
    const refill = [0x41, ...UNKNOWN, ...this.#checkLoop, ...set]
    return {
      local,
      load: [...getGlobal, ...set],
      store: [...get, 0x24, ...this.#counter],
      loadLower: [...get, ...getGlobal, ...get, ...getGlobal, 0x48, 0x1b, ...set],
      charge: [...subtract, 0x41, 0x00, 0x48, 0x04, 0x40, ...this.#check, ...set, 0x0b],
      deduct: [...get, 0x41, ...UNKNOWN, 0x6b, ...set],
      align: [
        ...[...get, 0x41, ...UNKNOWN, 0x71, ...tee, 0x41, 0x00, 0x4c, 0x04, 0x40],
        ...[...refill, 0x0b],
      ],
      leaveAtZero: [...subtract, 0x45, 0x0d, 0x00],
      refill,
      localBytes: get.length,
    }
  }

  /** From here on the counter's copy is in local `index`. */
  useLocal(index: number): void {
    if (this.#local.local !== index) this.#local = this.#sequences(index)
  }

  /** `local -= weight; if (local < 0) local = check()` */
  chargeLocal(out: ByteWriter, weight: number): void {
    const { charge, localBytes } = this.#local
    this.weightAt = out.length + localBytes + 1
    this.ifAt = this.weightAt + localBytes + 6
    out.append(charge)
    setWeight(out, this.weightAt, weight)
  }

  /** `counter -= weight; if (counter < 0) check()` */
  chargeGlobal(out: ByteWriter, weight: number): void {
    this.weightAt = out.length + this.#globalBytes + 1
    this.ifAt = this.weightAt + 2 * this.#globalBytes + 6
    out.append(this.#chargeGlobal)
    setWeight(out, this.weightAt, weight)
  }

  /** `local -= weight`, to be followed by a charge. */
  deductLocal(out: ByteWriter, weight: number): void {
    const at = out.length + this.#local.localBytes + 1
    out.append(this.#local.deduct)
    setWeight(out, at, weight)
  }

  /** `local &= -weight; if (local <= 0) local = check_loop(weight)` */
  alignLocal(out: ByteWriter): void {
    const { align, localBytes } = this.#local
    this.maskAt = out.length + localBytes + 1
    this.ifAt = this.maskAt + localBytes + 6
    this.weightAt = this.ifAt + 3
    out.append(align)
  }

  /** `local -= weight; if (local == 0) br label` */
  leaveAtZero(out: ByteWriter, label: number): void {
    const { leaveAtZero, localBytes } = this.#local
    this.weightAt = out.length + localBytes + 1
    this.ifAt = this.weightAt + localBytes + 4
    out.append(leaveAtZero)
    out.bytes[this.ifAt + 1] = label
  }

  /** `local = check_loop(weight)` */
  refillLocal(out: ByteWriter): void {
    this.weightAt = out.length + 1
    out.append(this.#local.refill)
  }

  /** `local = counter` */
  load(out: ByteWriter): void {
    out.append(this.#local.load)
  }

  /** `counter = local` */
  store(out: ByteWriter): void {
    out.append(this.#local.store)
  }

  /** `local = min(local, counter)`, where an exception may have passed callees that counted on. */
  loadLower(out: ByteWriter): void {
    out.append(this.#local.loadLower)
  }
}

/** Fills in a weight written earlier, at position `at`. */
export function setWeight(out: ByteWriter, at: number, weight: number): void {
  const clamped = Math.min(weight, MAX_WEIGHT)
  out.bytes[at] = (clamped & 0x7f) | 0x80
  out.bytes[at + 1] = clamped >> 7
}

/** Fills in `-weight` where `alignLocal` left room for it; a weight of at most 8,192. */
export function setMask(out: ByteWriter, at: number, weight: number): void {
  out.bytes[at] = (-weight & 0x7f) | 0x80
  out.bytes[at + 1] = (-weight >> 7) & 0x7f
}
