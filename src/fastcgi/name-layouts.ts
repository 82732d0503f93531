/**
 * Lists of names that have come lately: a web server sends the same names in the same order again and again, so the names of a
 * request are compared with those before, byte by byte, and neither decoded nor kept.
 */
import { NameValues } from '../base/name-values.ts'

/** Kinds of clients take turns, and there are few of them. */
const MAX_LAYOUTS = 16
/** Nobody in earnest sends more names, or longer ones. */
const MAX_NAMES = 128
const MAX_NAME_BYTES = 16_384

interface Layout {
  readonly names: readonly string[]
  /** All of them, one after the other. */
  readonly bytes: Uint8Array
}

/** Goes over the pairs of a stream. */
export interface PairCursor {
  readonly bytes: Buffer
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueEnd: number
  readonly isAtEnd: boolean
  rewind(): void
  next(): boolean
}

export class NameLayouts {
  readonly #layouts: Layout[] = []
  #next = 0
  /** The one that matched last. */
  #latest: Layout | undefined

  /** The pairs of a stream whose names are known, each of them; undefined: they are not, or something is wrong with them. */
  match(pairs: PairCursor): NameValues | undefined {
    const latest = this.#latest
    const found = latest === undefined ? undefined : matched(latest, pairs)
    if (found !== undefined) return found
    for (const layout of this.#layouts) {
      if (layout === latest) continue
      pairs.rewind()
      const params = matched(layout, pairs)
      if (params === undefined) continue
      this.#latest = layout
      return params
    }
    return undefined
  }

  /** Names that nothing was wrong with. */
  remember({ names }: NameValues): void {
    if (names.length === 0 || names.length > MAX_NAMES) return
    const bytes = Buffer.from(names.join(''), 'latin1')
    if (bytes.length > MAX_NAME_BYTES) return
    const layout = { names, bytes }
    this.#layouts[this.#next] = layout
    this.#next = (this.#next + 1) % MAX_LAYOUTS
    this.#latest = layout
  }
}

function matched(layout: Layout, pairs: PairCursor): NameValues | undefined {
  const { names, bytes: nameBytes } = layout
  const { bytes } = pairs
  const ends = new Array<number>(names.length)
  let known = 0
  for (let index = 0; index < names.length; index += 1) {
    if (!pairs.next()) return undefined
    const { nameStart, nameEnd } = pairs
    if (nameEnd - nameStart !== names[index]?.length) return undefined
    for (let at = nameStart; at < nameEnd; at += 1, known += 1) {
      if (bytes[at] !== nameBytes[known]) return undefined
    }
    ends[index] = pairs.valueEnd
  }
  return pairs.isAtEnd ? new NameValues(names, bytes, ends) : undefined
}
