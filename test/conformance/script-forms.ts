/** Scripts of the WebAssembly specification's test suite, read into forms. */

export interface Form {
  /** Atom or string as written; undefined for a list. */
  readonly text: string | undefined
  readonly items: readonly Form[]
  readonly start: number
  readonly end: number
}

/** Splits a script into forms; strings keep their quotes. */
export function readForms(source: string): Form[] {
  const token = /\s+|;;[^\n]*|"(?:\\.|[^"\\])*"|[()]|[^\s()";]+|;/gy
  const open: { items: Form[]; start: number }[] = [{ items: [], start: 0 }]
  while (token.lastIndex < source.length) {
    const start = token.lastIndex
    if (source.startsWith('(;', start)) {
      token.lastIndex = endOfComment(source, start)
      continue
    }
    const text = token.exec(source)?.[0]
    if (text === undefined) throw new Error(`stray character at ${start}`)
    const end = token.lastIndex
    const top = open.at(-1)
    if (/^\s|^;;/.test(text) || top === undefined) continue
    if (text === '(') open.push({ items: [], start })
    else if (text === ')') {
      open.pop()
      open.at(-1)?.items.push({ text: undefined, items: top.items, start: top.start, end })
    } else top.items.push({ text, items: [], start, end })
  }
  return open[0]?.items ?? []
}

function endOfComment(source: string, start: number): number {
  let depth = 0
  for (let at = start; at < source.length; at++) {
    if (source.startsWith('(;', at)) depth++
    else if (source.startsWith(';)', at) && --depth === 0) return at + 2
    else continue
    at++
  }
  return source.length
}

/** The first word of a list. */
export function head(form: Form | undefined): string {
  return form?.items[0]?.text ?? ''
}

/** Bytes of a string form. */
export function stringBytes(text: string): number[] {
  const out: number[] = []
  const piece = /\\([0-9a-fA-F]{2})|\\u\{([0-9a-fA-F_]+)\}|\\(.)|([^\\]+)/gsy
  const inner = text.slice(1, -1)
  for (let match = piece.exec(inner); match !== null; match = piece.exec(inner)) {
    const [, hex, code, escaped, plain] = match
    if (hex !== undefined) out.push(Number.parseInt(hex, 16))
    else if (code !== undefined)
      out.push(...Buffer.from(String.fromCodePoint(Number.parseInt(code, 16))))
    else if (escaped !== undefined)
      out.push(({ n: 10, t: 9, r: 13 } as Record<string, number>)[escaped] ?? escaped.charCodeAt(0))
    else out.push(...Buffer.from(plain ?? ''))
  }
  return out
}

/** The text of a string form. */
export function stringOf(form: Form | undefined): string {
  return Buffer.from(stringBytes(form?.text ?? '""')).toString()
}
