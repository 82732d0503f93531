/**
 * The variables of a run as one text, `NAME=value` and a NUL each, one char a byte: looked for in it, and taken out of it when they are
 * asked for. To make strings of all of them takes longer than all else of a small request.
 */
import { isAscii } from 'node:buffer'
import { TextBlock } from '../../base/text-block.ts'
import type { WasiGrants } from '../../wasi/session.ts'
import { TextPairs } from '../value.ts'

/** One for all guests of this thread: what is in it is copied at once. */
const block = new TextBlock()
const NO_TAIL = ''

type Granted = Pick<WasiGrants, 'env' | 'putEnv'>

export class RunVariables {
  /** Begins with a NUL. */
  readonly #all: string
  readonly #isAscii: boolean
  #asText: TextPairs | undefined

  /** undefined: there are none. */
  constructor(granted: Granted | undefined) {
    block.clear()
    if (granted !== undefined) put(granted)
    const bytes = Buffer.from(block.bytes.buffer, 0, block.length)
    this.#all = `\0${bytes.toString('latin1')}`
    this.#isAscii = isAscii(bytes)
  }

  get bytes(): number {
    return this.#all.length
  }

  get(name: string): string | undefined {
    const before = `\0${name}=`
    const at = this.#all.indexOf(before)
    if (at < 0) return undefined
    const start = at + before.length
    return this.#all.slice(start, this.#all.indexOf('\0', start))
  }

  /** All of them, in their order. */
  pairs(): Array<readonly [name: string, value: string]> {
    const all = this.#all
    const pairs: Array<readonly [string, string]> = []
    this.#each((start, equals, end) =>
      pairs.push([all.slice(start, equals), all.slice(equals + 1, end)]),
    )
    return pairs
  }

  /** The same as the text that their bytes are in UTF-8. */
  texts(): TextPairs | Array<readonly [name: string, value: string]> {
    if (!this.#isAscii)
      return this.pairs().map(([name, value]) => [decoded(name), decoded(value)] as const)
    // Programs ask twice: how much there is, and what.
    this.#asText ??= this.#asciiPairs()
    return this.#asText
  }

  #asciiPairs(): TextPairs {
    const [starts, ends]: [number[], number[]] = [[], []]
    this.#each((start, equals, end) => {
      starts.push(start, equals + 1)
      ends.push(equals, end)
    })
    return new TextPairs(Buffer.from(this.#all, 'latin1'), starts, ends)
  }

  /** Of each: where its name begins and ends, and where its value ends. */
  #each(act: (start: number, equals: number, end: number) => void): void {
    const all = this.#all
    for (let start = 1; start < all.length; ) {
      const end = all.indexOf('\0', start)
      act(start, all.indexOf('=', start), end)
      start = end + 1
    }
  }
}

/** Text that is one char a byte, and UTF-8. */
export function decoded(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8')
}

/** Of what comes twice only the last: a block has each name once. */
function put(granted: Granted): void {
  if (granted.putEnv !== undefined) {
    granted.putEnv(block)
    return
  }
  const entries = granted.env.map((entry) =>
    typeof entry === 'string' ? Buffer.from(entry, 'latin1') : Buffer.from(entry),
  )
  const named = new Map(
    entries.map((entry) => [entry.toString('latin1', 0, entry.indexOf('=')), entry]),
  )
  for (const entry of named.values()) block.putText(entry, NO_TAIL)
}
