/** A call of what a component exports (canonical ABI: tasks), and what it has to itself. */
import { fault } from './guest-fault.ts'
import type { Borrows } from './handle-table.ts'
import type { LiftBounds } from './lift-bounds.ts'
import type { LiftedFunction } from './plan.ts'
import type { Value } from './value.ts'

export interface Answering {
  readonly bounds: LiftBounds
  /** Told what it answers as soon as it does. */
  readonly onReturn: (value: Value) => void
}

export class Task {
  readonly lifted: LiftedFunction
  readonly borrows: Borrows = { count: 0 }
  /** Words that the guest keeps there. */
  readonly context: [number, number] = [0, 0]
  /** Of what it answers. */
  readonly bounds: LiftBounds
  readonly #onReturn: (value: Value) => void
  #hasReturned = false

  constructor(lifted: LiftedFunction, { bounds, onReturn }: Answering) {
    this.lifted = lifted
    this.bounds = bounds
    this.#onReturn = onReturn
  }

  get hasReturned(): boolean {
    return this.#hasReturned
  }

  return(value: Value): void {
    if (this.#hasReturned) throw fault('task.return was called twice')
    const { count } = this.borrows
    if (count > 0) throw fault(`it keeps ${count} handles that it was lent for a call`)
    this.#hasReturned = true
    this.#onReturn(value)
  }
}
