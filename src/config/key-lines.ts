/**
 * Which line of a TOML file a key stands on. The parser keeps no positions, so this reads the file's line structure
 * again, and only when there is a problem to report.
 */

export type KeyPath = ReadonlyArray<string | number>

const SEGMENT = `(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')`
const DOTTED = String.raw`${SEGMENT}(?:\s*\.\s*${SEGMENT})*`
const TABLE_LINE = new RegExp(String.raw`^\s*(\[\[?)\s*(${DOTTED})\s*\]`)
const KEY_LINE = new RegExp(String.raw`^\s*(${DOTTED})\s*=(.*)$`)

/** The lines of one file; read at the first question. */
export class KeyLines {
  readonly #text: string
  #lines: ReadonlyMap<string, number> | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** Line of `path`, or of the nearest table around it that has a line; undefined when nothing stands for it. */
  lineOf(path: KeyPath): number | undefined {
    this.#lines ??= readLines(this.#text)
    for (let length = path.length; length > 0; length -= 1) {
      const line = this.#lines.get(JSON.stringify(path.slice(0, length)))
      if (line !== undefined) return line
    }
    return undefined
  }
}

function readLines(text: string): ReadonlyMap<string, number> {
  const lines = new Map<string, number>()
  const counts = new Map<string, number>()
  let table: KeyPath = []
  let openQuote: string | undefined
  const note = (path: KeyPath, line: number): void => {
    const name = JSON.stringify(path)
    if (!lines.has(name)) lines.set(name, line)
  }
  for (const [index, content] of text.split('\n').entries()) {
    if (openQuote !== undefined) {
      if (content.includes(openQuote)) openQuote = undefined
      continue
    }
    const [, bracket, header] = TABLE_LINE.exec(content) ?? []
    if (header !== undefined) {
      table = tablePath(segmentsOf(header), bracket === '[[', counts)
      note(table, index + 1)
      continue
    }
    const [, dotted, value = ''] = KEY_LINE.exec(content) ?? []
    if (dotted === undefined) continue
    const segments = segmentsOf(dotted)
    for (let length = 1; length <= segments.length; length += 1) {
      note([...table, ...segments.slice(0, length)], index + 1)
    }
    openQuote = openedQuote(value)
  }
  return lines
}

/** Each name of an array of tables stands for its last element so far. */
function tablePath(
  segments: readonly string[],
  isElement: boolean,
  counts: Map<string, number>,
): KeyPath {
  let path: KeyPath = []
  for (const [index, segment] of segments.entries()) {
    path = [...path, segment]
    const name = JSON.stringify(path)
    const count = (counts.get(name) ?? 0) + (isElement && index === segments.length - 1 ? 1 : 0)
    if (count === 0) continue
    counts.set(name, count)
    path = [...path, count - 1]
  }
  return path
}

function segmentsOf(dotted: string): string[] {
  return [...dotted.matchAll(new RegExp(SEGMENT, 'g'))].map(([segment]) =>
    segment.replace(/^(["'])(.*)\1$/, '$2'),
  )
}

function openedQuote(value: string): string | undefined {
  return ['"""', "'''"].find((quote) => value.split(quote).length % 2 === 0)
}
