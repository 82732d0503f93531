/** wasi:http's fields: names and values of a head, in their order. */
import { HostResource } from '../value.ts'

export type FieldEntry = readonly [name: string, value: Uint8Array]

/** As they are written in a head, one char a byte. */
export function linesOf(entries: readonly FieldEntry[]): string {
  return entries
    .map(([name, value]) => `${name}: ${Buffer.from(value).toString('latin1')}\r\n`)
    .join('')
}

export class Fields extends HostResource {
  entries: readonly FieldEntry[]
  readonly isMutable: boolean

  constructor(entries: readonly FieldEntry[] = [], isMutable = true) {
    super()
    this.entries = entries
    this.isMutable = isMutable
  }

  named(name: string): readonly Uint8Array[] {
    const lower = name.toLowerCase()
    return this.entries.filter(([own]) => own.toLowerCase() === lower).map(([, value]) => value)
  }
}
