/**
 * Finds the tight loops: innermost ones without parameters, with nothing in them that V8 compiles to a call and no way to
 * catch. V8 unrolls such loops, and most of the time of a busy program is spent in them; see tight-loop.ts.
 */
import { COST_OF, OP } from './opcodes.ts'

/** Units (see contract.ts) of all instructions of a tight loop together; in larger ones a call on the side costs little. */
const MOST_UNITS = 1_024

/** Opcode to 1 where it keeps the loop around it from being tight. */
export const IS_LOOSE: Uint8Array = new Uint8Array(COST_OF.length)

const LOOSE: readonly (readonly [first: number, last: number])[] = [
  [OP.loop, OP.loop],
  [OP.try, OP.throwRef],
  [OP.call, OP.returnCallRef],
  [OP.delegate, OP.catchAll],
  [OP.tryTable, OP.tryTable],
  [OP.memoryGrow, OP.memoryGrow],
  [OP.brOnNull, OP.brOnNonNull],
  [OP.brOnCast, OP.brOnCastFail],
  [OP.memoryInit, OP.tableFill],
]

for (const [first, last] of LOOSE) IS_LOOSE.fill(1, first, last + 1)

export interface Loops {
  /** Per defined function the number of its first loop; a module's loops are numbered in the order of its code. */
  readonly first: Int32Array
  /** Per loop 1 if it is tight. */
  readonly isTight: Uint8Array
}

/** Is told about the blocks of one function after the other. */
export class LoopScan implements Loops {
  readonly first: Int32Array
  isTight: Uint8Array = new Uint8Array(256)
  #count = 0
  /** The innermost open loop while it can be tight; -1: none. */
  #candidate = -1
  #depth = 0
  #unitsBefore = 0

  constructor(functions: number) {
    this.first = new Int32Array(functions)
  }

  begin(functionIndex: number): void {
    this.first[functionIndex] = this.#count
    this.#candidate = -1
  }

  /** An instruction of which `IS_LOOSE` has been read. */
  spoil(): void {
    this.#candidate = -1
  }

  /** A loop begins, `depth` blocks deep; `units`: of the function so far. */
  open(depth: number, units: number, hasParameters: boolean): void {
    const index = this.#count++
    if (index === this.isTight.length) {
      const larger = new Uint8Array(index * 2)
      larger.set(this.isTight)
      this.isTight = larger
    }
    this.#candidate = hasParameters ? -1 : index
    this.#depth = depth
    this.#unitsBefore = units
  }

  /** The block that is `depth` deep ends. */
  close(depth: number, units: number): void {
    if (this.#candidate < 0 || depth !== this.#depth) return
    if (units - this.#unitsBefore <= MOST_UNITS) this.isTight[this.#candidate] = 1
    this.#candidate = -1
  }
}
