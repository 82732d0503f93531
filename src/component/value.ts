/** Values of the component model as host code sees them. */

/** A resource of the host's. */
export abstract class HostResource {
  /** That it was taken out of: to be given up after it. */
  parent: HostResource | undefined
  /** That were taken out of it, and that the guest still owns. */
  children = 0

  /** Says that the guest has taken this out of `parent`. */
  of(parent: HostResource): this {
    this.parent = parent
    parent.children += 1
    return this
  }

  /** The guest has given it up. */
  drop(): void {
    // Most hold nothing that has to be given back.
  }
}

/** One of a variant's, an option's or a result's; an enum's is its name. */
export interface Case {
  readonly tag: string
  readonly value: Value
}

/** A `list<tuple<string, string>>` whose texts are there as ASCII: number `index` from `starts[index]` to `ends[index]` of `bytes`. */
export class TextPairs {
  readonly bytes: Uint8Array
  readonly starts: readonly number[]
  readonly ends: readonly number[]

  constructor(bytes: Uint8Array, starts: readonly number[], ends: readonly number[]) {
    this.bytes = bytes
    this.starts = starts
    this.ends = ends
  }
}

/**
 * 64-bit numbers are bigints, flags a number with a bit for each, records and tuples arrays in the order of their fields,
 * `list<u8>` an array of bytes.
 */
export type Value =
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | HostResource
  | Case
  | TextPairs
  | readonly Value[]

export const NONE: Case = { tag: 'none', value: undefined }

export function some(value: Value): Case {
  return { tag: 'some', value }
}

export const OK: Case = { tag: 'ok', value: undefined }

export function ok(value: Value): Case {
  return { tag: 'ok', value }
}

export function err(value: Value = undefined): Case {
  return { tag: 'err', value }
}

/** A variant's case without a payload, too. */
export function caseOf(tag: string, value: Value = undefined): Case {
  return { tag, value }
}
