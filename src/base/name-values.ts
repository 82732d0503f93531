/**
 * Names with values that stay the bytes they came as. A peer sends the same names in the same order again and again: then the
 * list of names is the same object again, and what was found out about it holds.
 */

/** latin1 strings: one char a byte. */
export type Pair = readonly [name: string, value: string]

export class NameValues implements Iterable<Pair> {
  /** In wire order, duplicates included; never changed. */
  readonly names: readonly string[]
  /** Where the values are, and perhaps more. */
  readonly bytes: Buffer
  /** For each name, where its value ends in `bytes`. */
  readonly #ends: readonly number[]
  /** And where it begins; undefined: behind its name, and that behind two lengths and the value before, as FastCGI sends pairs. */
  readonly #starts: readonly number[] | undefined

  constructor(
    names: readonly string[],
    bytes: Buffer,
    ends: readonly number[],
    starts?: readonly number[],
  ) {
    this.names = names
    this.bytes = bytes
    this.#ends = ends
    this.#starts = starts
  }

  get length(): number {
    return this.names.length
  }

  /** The value beside name number `index`. */
  value(index: number): string {
    return this.bytes.toString('latin1', this.startOf(index), this.endOf(index))
  }

  /** Where the value beside name number `index` begins in `bytes`. */
  startOf(index: number): number {
    if (this.#starts !== undefined) return this.#starts[index] ?? 0
    const lengthsAt = index === 0 ? 0 : (this.#ends[index - 1] ?? 0)
    const secondAt = lengthsAt + lengthBytes(this.bytes[lengthsAt])
    return secondAt + lengthBytes(this.bytes[secondAt]) + (this.names[index]?.length ?? 0)
  }

  /** And where it ends. */
  endOf(index: number): number {
    return this.#ends[index] ?? 0
  }

  /** Bytes of all names and values. */
  totalBytes(): number {
    let total = 0
    for (let index = 0; index < this.names.length; index += 1) {
      total += (this.names[index]?.length ?? 0) + this.endOf(index) - this.startOf(index)
    }
    return total
  }

  *[Symbol.iterator](): Iterator<Pair> {
    for (const [index, name] of this.names.entries()) yield [name, this.value(index)]
  }
}

/** A length over 127 takes four bytes, the first with its top bit set (FastCGI 1.0, section 3.4). */
function lengthBytes(first = 0): number {
  return first < 0x80 ? 1 : 4
}

export const NO_NAME_VALUES: NameValues = new NameValues([], Buffer.alloc(0), [])

/** Those that were not read from the wire. */
export function nameValuesOf(pairs: readonly Pair[]): NameValues {
  const [starts, ends]: [number[], number[]] = [[], []]
  let text = ''
  for (const [, value] of pairs) {
    starts.push(text.length)
    text += value
    ends.push(text.length)
  }
  const names = pairs.map(([name]) => name)
  return new NameValues(names, Buffer.from(text, 'latin1'), ends, starts)
}
