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
  /** For each name, where its value begins in `bytes`, and where it ends. */
  readonly offsets: readonly number[]

  constructor(names: readonly string[], bytes: Buffer, offsets: readonly number[]) {
    this.names = names
    this.bytes = bytes
    this.offsets = offsets
  }

  get length(): number {
    return this.names.length
  }

  /** The value beside name number `index`. */
  value(index: number): string {
    return this.bytes.toString('latin1', this.offsets[2 * index], this.offsets[2 * index + 1])
  }

  /** Bytes of all names and values. */
  totalBytes(): number {
    let total = 0
    for (let index = 0; index < this.names.length; index += 1) {
      const valueBytes = (this.offsets[2 * index + 1] ?? 0) - (this.offsets[2 * index] ?? 0)
      total += (this.names[index]?.length ?? 0) + valueBytes
    }
    return total
  }

  *[Symbol.iterator](): Iterator<Pair> {
    for (const [index, name] of this.names.entries()) yield [name, this.value(index)]
  }
}

export const NO_NAME_VALUES: NameValues = new NameValues([], Buffer.alloc(0), [])

/** Those that were not read from the wire. */
export function nameValuesOf(pairs: readonly Pair[]): NameValues {
  const offsets: number[] = []
  let text = ''
  for (const [, value] of pairs) {
    offsets.push(text.length, text.length + value.length)
    text += value
  }
  const names = pairs.map(([name]) => name)
  return new NameValues(names, Buffer.from(text, 'latin1'), offsets)
}
