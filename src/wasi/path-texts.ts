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
  /** Names in `folder`; 0: there are none, or `.`, `..` or an empty one is among them. */
  readonly folders: number
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
  /** Its bytes, one char a byte: a string is one of the engine's objects, where an array is two, and memory beside them. */
  readonly bytes: string
  readonly path: PathText
}

/** Of the path that is being read. */
const own = Buffer.alloc(MOST_BYTES)

export class PathTexts {
  /** What is seen for the second time is kept: a number is the hash of what was there once. */
  #places: (Kept | number)[] | undefined

  /** The path that `length` bytes at `start` are. Throws `TypeError`: they are not UTF-8. */
  read(bytes: Uint8Array, start: number, length: number): PathText {
    if (length > MOST_BYTES) return takeApart(decoder.decode(bytes.subarray(start, start + length)))
    let hash = HASH_START
    let bits = 0
    for (let at = 0; at < length; at++) {
      const byte = bytes[start + at] ?? 0
      bits |= byte
      hash = Math.imul(hash ^ byte, HASH_FACTOR)
    }
    this.#places ??= new Array<Kept | number>(PLACES).fill(0)
    const place = hash & (PLACES - 1)
    const known = this.#places[place]
    const isAlike = typeof known === 'object' && known.bytes.length === length
    if (isAlike && isAt(known.bytes, bytes, start)) return known.path
    for (let at = 0; at < length; at++) own[at] = bytes[start + at] ?? 0
    const latin1 = own.toString('latin1', 0, length)
    const path = takeApart(bits < 0x80 ? latin1 : decoder.decode(own.subarray(0, length)))
    this.#places[place] = known === hash ? { bytes: latin1, path } : hash
    return path
  }
}

export function takeApart(text: string): PathText {
  const slash = text.lastIndexOf('/')
  const last = text.slice(slash + 1)
  const folder = slash < 0 ? '' : text.slice(0, slash)
  const folders = folder.split('/')
  return {
    text,
    folder,
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
