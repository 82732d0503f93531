/**
 * The handles of one instance of a component: small numbers that stand for resources. A run begins with an empty table, so that no
 * number leads to anything of a request before it.
 */
import { fault } from './guest-fault.ts'
import type { HostResource } from './value.ts'

/** Handles at once. */
export const MAX_HANDLES = 16_384

/** What a handle stands for: of a resource that a component defines, its own number. */
export type Representation = HostResource | number

export interface Handle {
  readonly resource: string
  readonly representation: Representation
  /** Calls that it is lent to. */
  lends: number
  /** Of one that is lent to a call of its component: that call's. Undefined: the component owns it. */
  readonly borrows: Borrows | undefined
}

/** What a call has been lent, and has to give up before it ends. */
export interface Borrows {
  count: number
}

/** What was taken out of something is given up before it. */
function leave(resource: HostResource, index: number): void {
  if (resource.children > 0)
    throw fault(`handle ${index} is given up before ${resource.children} that came out of it`)
  if (resource.parent !== undefined) resource.parent.children -= 1
  resource.parent = undefined
}

export class HandleTable {
  /** No handle is 0. */
  readonly #handles: Array<Handle | undefined> = [undefined]
  readonly #free: number[] = []

  /** Of a resource that the guest owns; `borrows`: that it is lent for the length of a call. */
  add(resource: string, representation: Representation, borrows?: Borrows): number {
    const index = this.#free.pop() ?? this.#handles.length
    if (index > MAX_HANDLES) throw fault(`more than ${MAX_HANDLES} handles`)
    this.#handles[index] = { resource, representation, lends: 0, borrows }
    if (borrows !== undefined) borrows.count += 1
    return index
  }

  get(index: number, resource: string): Handle {
    const handle = this.any(index)
    if (handle.resource !== resource)
      throw fault(`handle ${index >>> 0} is of another resource than ${JSON.stringify(resource)}`)
    return handle
  }

  /** Whatever it is of. */
  any(index: number): Handle {
    const handle = this.#handles[index >>> 0]
    if (handle === undefined) throw fault(`there is no handle ${index >>> 0}`)
    return handle
  }

  /** The guest owns it no longer: it is the host's. */
  take(index: number, resource: string): Representation {
    const handle = this.#owned(index, resource)
    this.#remove(index, handle)
    const { representation } = handle
    if (typeof representation !== 'number') leave(representation, index >>> 0)
    return representation
  }

  /** The component owns it no longer: another one in the same is given it. */
  move(index: number, resource: string): Representation {
    const handle = this.#owned(index, resource)
    this.#remove(index, handle)
    return handle.representation
  }

  /** The component gives it up. Answers what is to be destroyed: undefined where it was lent. */
  drop(index: number, resource: string): Representation | undefined {
    const handle = this.get(index, resource)
    if (handle.borrows === undefined) return this.take(index, resource)
    this.#remove(index, handle)
    handle.borrows.count -= 1
    return undefined
  }

  #owned(index: number, resource: string): Handle {
    const handle = this.get(index, resource)
    if (handle.borrows !== undefined)
      throw fault(`handle ${index >>> 0} is given away, and was only lent`)
    return handle
  }

  #remove(index: number, { lends }: Handle): void {
    if (lends > 0) throw fault(`handle ${index >>> 0} is given away while it is lent`)
    this.#handles[index >>> 0] = undefined
    this.#free.push(index >>> 0)
  }
}
