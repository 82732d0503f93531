/**
 * The paths that a guest has asked for lately, as text: programs ask for the same ones again and again, and to tell that bytes are
 * the same takes a tenth of what it takes to make text of them and to take that apart. Nothing here knows what is on a disk.
 */

/** A path as a guest has given it. */
export interface PathText {
  readonly text: string
  /** How it says that it means a directory. */
  readonly end: '' | '/' | '/.'
  /** What is before `end`, up to the last slash, without that; '': there is none. */
  readonly folder: string
  /** What follows; '': nothing, or `.` or `..`. */
  readonly name: string
  /** Names in `folder`; 0: there are none, or `.`, `..` or an empty one is among them. */
  readonly folders: number
}

/** Rows of places for paths, each of which goes to one row. A power of two. */
const ROWS = 256
const ROW_PLACES = 4
/** Longer ones are not kept. */
const MOST_BYTES = 256
/** Of a path, those at its end tell it from others. */
const HASHED_END = 32
/** FNV-1a, 32 bits. */
const HASH_START = 0x811c9dc5
const HASH_FACTOR = 0x01000193

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

interface Kept {
  /** Its bytes, one char a byte: a string is one of the engine's objects, where an array is two, and memory beside them. */
  readonly bytes: string
  readonly path: PathText
}

/** Of the path that is being read. */
const own = Buffer.alloc(MOST_BYTES)

export class PathTexts {
  /** What is seen for the second time is kept: a number is the hash of what was seen once. */
  #places: (Kept | number)[] | undefined

  /** The path that `length` bytes at `start` are. Throws `TypeError`: they are not UTF-8. */
  read(bytes: Uint8Array, start: number, length: number): PathText {
    if (length > MOST_BYTES) return takeApart(decoder.decode(bytes.subarray(start, start + length)))
    let hash = HASH_START ^ length
    for (let at = Math.max(0, length - HASHED_END); at < length; at++) {
      hash = Math.imul(hash ^ (bytes[start + at] ?? 0), HASH_FACTOR)
    }
    hash ^= hash >>> 16
    this.#places ??= new Array<Kept | number>(ROWS * ROW_PLACES).fill(0)
    const row = (hash & (ROWS - 1)) * ROW_PLACES
    let seenAt = -1
    for (let place = row; place < row + ROW_PLACES; place++) {
      const known = this.#places[place]
      if (typeof known !== 'object') {
        if (known === hash) seenAt = place
      } else if (known.bytes.length === length && isAt(known.bytes, bytes, start)) return known.path
    }
    let bits = 0
    for (let at = 0; at < length; at++) {
      const byte = bytes[start + at] ?? 0
      bits |= byte
      own[at] = byte
    }
    const latin1 = own.toString('latin1', 0, length)
    const path = takeApart(bits < 0x80 ? latin1 : decoder.decode(own.subarray(0, length)))
    if (seenAt >= 0) this.#places[seenAt] = { bytes: latin1, path }
    else {
      // Those that are there the longest go.
      this.#places.copyWithin(row + 1, row, row + ROW_PLACES - 1)
      this.#places[row] = hash
    }
    return path
  }
}

export function takeApart(text: string): PathText {
  const end = text.endsWith('/.') ? '/.' : text.endsWith('/') ? '/' : ''
  const whole = text.slice(0, text.length - end.length)
  const slash = whole.lastIndexOf('/')
  const last = whole.slice(slash + 1)
  const folder = slash < 0 ? '' : whole.slice(0, slash)
  const folders = folder.split('/')
  return {
    ...{ text, end, folder },
    name: last === '.' || last === '..' ? '' : last,
    folders: folders.some(isOdd) ? 0 : folders.length,
  }
}

function isOdd(name: string): boolean {
  return name === '' || name === '.' || name === '..'
}

function isAt(known: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < known.length; at++)
    if (known.charCodeAt(at) !== bytes[start + at]) return false
  return true
}
