/**
 * The most a function may have spent since its last charge, at each point of its code: the longest path through the
 * structured control flow between loop headers, worked out in one pass.
 */
import { OP } from './opcodes.ts'

/** No path leads to the point at hand. */
export const DEAD = -1
/** Stands for the opcode of the outermost block, the function itself. */
const FUNCTION = -1

export interface Frame {
  opcode: number
  /** Largest cost with which a branch reaches the block's label. */
  cost: number
  /** False if a branch reaches the block's label on a path without a charge. */
  isCharged: boolean
  /** Both at the start of the block. */
  costBefore: number
  wasCharged: boolean
  /** Units for moving a branch's operands. */
  arity: number
  /** Where a loop's weight is to be written. */
  weightAt: number
  isCatchTarget: boolean
}

export class PathCost {
  /** Units spent since the last charge, on the most expensive path; `DEAD` where no path leads. */
  cost: number = DEAD
  /** True if every path from the function's entry to here has been charged at least once. */
  isCharged = false
  /** Blocks that are open, the function itself not counted; -1 after its end. */
  depth = -1
  readonly #frames: Frame[] = []

  /** Begins a function. */
  begin(arity: number): void {
    this.depth = -1
    this.cost = 0
    this.isCharged = false
    this.push(FUNCTION, arity)
  }

  add(units: number): void {
    if (this.cost >= 0) this.cost += units
  }

  /** A block begins. The frame is reused after its end. */
  push(opcode: number, arity: number): Frame {
    const frame: Frame = {
      opcode,
      cost: DEAD,
      isCharged: true,
      costBefore: this.cost,
      wasCharged: this.isCharged,
      arity,
      weightAt: -1,
      isCatchTarget: false,
    }
    this.#frames[++this.depth] = frame
    return frame
  }

  /** The block `label` levels out. */
  frame(label: number): Frame {
    return this.#at(this.depth - label)
  }

  /** The function's own frame. */
  outermost(): Frame {
    return this.#at(0)
  }

  #at(depth: number): Frame {
    const frame = this.#frames[depth]
    if (frame === undefined) throw new Error(`no block at depth ${depth} of ${this.depth}`)
    return frame
  }

  /** A branch to `label`. */
  branch(label: number): void {
    this.branchWith(label, this.cost)
  }

  /** A branch to `label` after `cost` units. */
  branchWith(label: number, cost: number): void {
    if (cost < 0) return
    const frame = this.frame(label)
    frame.cost = Math.max(frame.cost, cost + frame.arity)
    frame.isCharged &&= this.isCharged
  }

  /** The function is left here, normally or not. */
  exit(): void {
    this.branch(this.depth)
    this.cost = DEAD
  }

  /** The next part of the innermost block begins where the block did, with `cost` units spent: `else` or `catch`. */
  restart(cost: number): void {
    this.branch(0)
    this.cost = cost
    this.isCharged = this.frame(0).wasCharged
  }

  /** The innermost block ends; everything that branched to its label goes on here, unless it is a loop. */
  end(): Frame {
    const frame = this.frame(0)
    if (frame.opcode !== OP.loop) {
      this.#merge(frame.cost, frame.isCharged)
      if (frame.opcode === OP.if) this.#merge(frame.costBefore, frame.wasCharged)
    }
    this.depth--
    return frame
  }

  #merge(cost: number, isCharged: boolean): void {
    if (cost < 0) return
    this.isCharged = isCharged && (this.cost < 0 || this.isCharged)
    this.cost = Math.max(this.cost, cost)
  }
}
