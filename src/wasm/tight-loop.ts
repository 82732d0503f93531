/**
 * How a tight loop (see loop-scan.ts) is metered: V8 does not unroll a loop with a call in it, not even one on a path
 * that is never taken, so the check is moved out of the loop:
 *
 *     loop T        block T
 *       body          counter &= -weight; if (counter <= 0) counter = check_loop(weight)
 *     end             loop T
 *                       block
 *                         loop T
 *                           counter -= weight; br_if 1 (counter == 0)
 *                           body
 *                         end
 *                         br 2
 *                       end
 *                       counter = check_loop(weight)
 *                       br 0
 *                     end
 *                   end
 *
 * At its header a loop without parameters has nothing on the operand stack and has done nothing of the turn, so it may
 * be left there and begun again. The weight is a power of two and the counter a multiple of it, so the counter does
 * not pass 0: "subtract, branch if 0" is one machine instruction, "below 0" would be two.
 */
import type { CodeCopy } from './code-copy.ts'
import { type MeterCode, setMask, setWeight } from './meter-code.ts'
import { OP } from './opcodes.ts'

/** Blocks that stand around the loop and did not before. */
const ADDED_BLOCKS = 3
const NONE = -1
const EMPTY_BLOCK = [OP.block, 0x40]
const LEAST_WEIGHT = 8
const MOST_WEIGHT = 4_096

export class TightLoop {
  readonly #copy: CodeCopy
  readonly #code: MeterCode
  /** Depth of the loop that is open; there can only be one. */
  #depth = NONE
  #maskAt = 0
  #entryWeightAt = 0
  #turnWeightAt = 0

  constructor(copy: CodeCopy, code: MeterCode) {
    this.#copy = copy
    this.#code = code
  }

  get isOpen(): boolean {
    return this.#depth !== NONE
  }

  /**
   * Replaces the `loop` that was read last by everything up to the loop's body. `depth`: of the loop; `hint`: called with the
   * position of each branch that is unlikely.
   */
  open(depth: number, hint: (at: number) => void): void {
    const { out, reader } = this.#copy
    const { bytes, at, pos } = reader
    const code = this.#code
    this.#depth = depth
    this.#copy.replace()
    out.byte(OP.block)
    out.copy(bytes, at + 1, pos)
    code.alignLocal(out)
    hint(code.ifAt)
    this.#maskAt = code.maskAt
    this.#entryWeightAt = code.weightAt
    out.copy(bytes, at, pos)
    out.append(EMPTY_BLOCK)
    out.copy(bytes, at, pos)
    code.leaveAtZero(out, 1)
    hint(code.ifAt)
    this.#turnWeightAt = code.weightAt
  }

  /** A loop's `end` was read last. `depth`: of the loop; `units`: what a turn costs. */
  close(depth: number, units: number): void {
    if (depth !== this.#depth) return
    const { out } = this.#copy
    this.#depth = NONE
    this.#copy.after()
    out.append([OP.br, 2, OP.end])
    this.#code.refillLocal(out)
    const weight = powerOfTwo(units)
    setMask(out, this.#maskAt, weight)
    for (const at of [this.#entryWeightAt, this.#turnWeightAt, this.#code.weightAt])
      setWeight(out, at, weight)
    out.append([OP.br, 0, OP.end, OP.end])
  }

  /** A `br` or `br_if` in a block `depth` deep was read last. */
  branch(opcode: number, depth: number): void {
    const { a: label } = this.#copy.reader
    if (this.#shifted(label, depth) === label) return
    const { out } = this.#copy
    this.#copy.replace()
    out.byte(opcode)
    out.u32(this.#shifted(label, depth))
  }

  /** A `br_table` in a block `depth` deep was read last. */
  branchTable(depth: number): void {
    if (!this.isOpen) return
    const { out, reader } = this.#copy
    this.#copy.replace()
    out.byte(OP.brTable)
    out.u32(reader.labelCount - 1)
    for (let each = 0; each < reader.labelCount; each++)
      out.u32(this.#shifted(reader.labels[each] ?? 0, depth))
  }

  /** The number by which a branch in the body reaches the block it named `label`. */
  #shifted(label: number, depth: number): number {
    return depth - label < this.#depth ? label + ADDED_BLOCKS : label
  }
}

/** The nearest one that can be a weight. */
function powerOfTwo(units: number): number {
  let weight = LEAST_WEIGHT
  while (weight * 1.5 <= units && weight < MOST_WEIGHT) weight *= 2
  return weight
}
