/** Memory of a guest that a stream or a future is read into, or written from. */
import type { Items, SourceBuffer, TargetBuffer } from './channel.ts'
import type { CoreReach } from './core-reach.ts'
import { fault } from './guest-fault.ts'
import { liftItems } from './lift.ts'
import { boundsFor, type LiftBounds } from './lift-bounds.ts'
import { storeItems } from './lower.ts'
import { checkRange } from './memory-range.ts'
import type { ResolvedOptions, ValueType } from './plan.ts'
import { layoutOf } from './type-layout.ts'

/** What a length may be. */
export const MAX_COPY_LENGTH: number = 268_435_455

export interface BufferPlace {
  readonly element: ValueType | undefined
  readonly pointer: number
  readonly length: number
}

export class GuestBuffer implements SourceBuffer, TargetBuffer {
  readonly element: ValueType | undefined
  readonly isEmpty: boolean
  readonly bounds: LiftBounds
  remain: number
  readonly #reach: CoreReach
  readonly #options: ResolvedOptions
  readonly #owner: number
  #at: number

  constructor(
    reach: CoreReach,
    { options, owner }: { readonly options: ResolvedOptions; readonly owner: number },
    { element, pointer, length }: BufferPlace,
  ) {
    if (length > MAX_COPY_LENGTH)
      throw fault(`${length} are to be copied, wanted at most ${MAX_COPY_LENGTH}`)
    if (element !== undefined) {
      const { size, alignment } = layoutOf(element)
      checkRange(reach.lowerScope(options, owner), { at: pointer, bytes: length * size, alignment })
    }
    this.#reach = reach
    this.#options = options
    this.#owner = owner
    this.element = element
    this.bounds = boundsFor(options.encoding)
    this.isEmpty = length === 0
    this.remain = length
    this.#at = pointer
  }

  read(count: number, bounds: LiftBounds): Items {
    const { element } = this
    this.remain -= count
    if (element === undefined) return []
    const scope = this.#reach.liftScope(this.#options, this.#owner, { bounds, lent: [] })
    const items = liftItems(scope, element, { pointer: this.#at, length: count })
    this.#at += count * layoutOf(element).size
    return items
  }

  write(items: Items, count: number): void {
    const { element } = this
    this.remain -= count
    if (element === undefined) return
    storeItems(this.#reach.lowerScope(this.#options, this.#owner), element, { items, at: this.#at })
    this.#at += count * layoutOf(element).size
  }
}
