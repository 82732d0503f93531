/**
 * The paths that a guest has asked for lately, as text: programs ask for the same ones again and again, and to tell that bytes are
 * the same takes a tenth of what it takes to make text of them and to take that apart. Nothing here knows what is on a disk.
 */

/** A path as a guest has given it. */
export interface PathText {
  readonly text: string
  /** `text` up to the last slash, without that; '': there is none. */
  readonly folder: string
  /** What follows; '': nothing, or `.` or `..`. */
  readonly name: string
}

/** Places for paths: each may keep one of its. A power of two. */
const PLACES = 512
/** Longer ones are not kept. */
const MOST_BYTES = 256
/** FNV-1a, 32 bits. */
const HASH_START = 0x811c9dc5
const HASH_FACTOR = 0x01000193

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Kept {
  readonly bytes: Uint8Array
  readonly path: PathText
}

export class PathTexts {
  #places: (Kept | undefined)[] | undefined

  /** The path that `length` bytes at `start` are. Throws `TypeError`: they are not UTF-8. */
  read(bytes: Uint8Array, start: number, length: number): PathText {
    if (length > MOST_BYTES) return takeApart(decoder.decode(bytes.subarray(start, start + length)))
    let hash = HASH_START
    for (let at = start; at < start + length; at++) {
      hash = Math.imul(hash ^ (bytes[at] ?? 0), HASH_FACTOR)
    }
    this.#places ??= new Array<Kept | undefined>(PLACES).fill(undefined)
    const place = hash & (PLACES - 1)
    const known = this.#places[place]
    if (known !== undefined && isAt(known.bytes, bytes, start, length)) return known.path
    const own = bytes.slice(start, start + length)
    const path = takeApart(decoder.decode(own))
    this.#places[place] = { bytes: own, path }
    return path
  }
}

export function takeApart(text: string): PathText {
  const slash = text.lastIndexOf('/')
  const last = text.slice(slash + 1)
  return {
    text,
    folder: slash < 0 ? '' : text.slice(0, slash),
    name: last === '.' || last === '..' ? '' : last,
  }
}

function isAt(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false
  for (let at = 0; at < length; at++) if (known[at] !== bytes[start + at]) return false
  return true
}
