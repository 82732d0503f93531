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

  /** Of a resource that the guest owns. */
  add(resource: string, representation: Representation): number {
    const index = this.#free.pop() ?? this.#handles.length
    if (index > MAX_HANDLES) throw fault(`more than ${MAX_HANDLES} handles`)
    this.#handles[index] = { resource, representation, lends: 0 }
    return index
  }

  get(index: number, resource: string): Handle {
    const handle = this.#handles[index >>> 0]
    if (handle === undefined) throw fault(`there is no handle ${index >>> 0}`)
    if (handle.resource !== resource)
      throw fault(`handle ${index >>> 0} is of another resource than ${JSON.stringify(resource)}`)
    return handle
  }

  /** The guest owns it no longer. */
  take(index: number, resource: string): Representation {
    const handle = this.get(index, resource)
    if (handle.lends > 0) throw fault(`handle ${index >>> 0} is given away while it is lent`)
    const { representation } = handle
    if (typeof representation !== 'number') leave(representation, index >>> 0)
    this.#handles[index >>> 0] = undefined
    this.#free.push(index >>> 0)
    return representation
  }
}
