/** Reads a directory whose names are at hand. */
import type { DirectoryEntry, DirectoryReader } from './filesystem.ts'

export class NamesReader implements DirectoryReader {
  readonly #names: Iterator<string>
  readonly #filetypeOf: (name: string) => number | undefined

  /** `names` do not change any more. `filetypeOf`: undefined: there is no such name any more. */
  constructor(names: readonly string[], filetypeOf: (name: string) => number | undefined) {
    this.#names = names.values()
    this.#filetypeOf = filetypeOf
  }

  read(count: number): readonly DirectoryEntry[] {
    const entries: DirectoryEntry[] = []
    while (entries.length < count) {
      const next = this.#names.next()
      if (next.done === true) break
      const filetype = this.#filetypeOf(next.value)
      if (filetype !== undefined) entries.push({ name: next.value, filetype })
    }
    return entries
  }

  close(): void {}
}
