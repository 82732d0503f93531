/** What a test expects of the output. */
import type { Sections } from './test-file.ts'

export type Expectation = (output: string) => boolean

/** What `%` and a letter stand for in EXPECTF. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  e: '/',
  s: '[^\\r\\n]+',
  S: '[^\\r\\n]*',
  a: '[^]+?',
  A: '[^]*?',
  w: '\\s*',
  i: '[+-]?\\d+',
  d: '\\d+',
  x: '[0-9a-fA-F]+',
  f: '[+-]?(?:\\d+|(?=\\.\\d))(?:\\.\\d+)?(?:[Ee][+-]?\\d+)?',
  c: '[^]',
  '0': '\\x00',
  '%': '%',
}

/** undefined: a test that expects nothing this understands. */
export function expectationOf(sections: Sections): Expectation | undefined {
  const plain = sections.get('EXPECT')
  if (plain !== undefined) {
    const wanted = normal(plain)
    return (output) => normal(output) === wanted
  }
  const format = sections.get('EXPECTF')
  const source = format === undefined ? sections.get('EXPECTREGEX') : patternOf(normal(format))
  if (source === undefined) return undefined
  const pattern = new RegExp(`^(?:${format === undefined ? normal(source) : source})$`, 's')
  return (output) => pattern.test(normal(output))
}

/** Fields that must be there, by their names. */
export function headersWanted(sections: Sections): ReadonlyMap<string, string> {
  const lines = (sections.get('EXPECTHEADERS') ?? '').split(/[\r\n]+/)
  return new Map(
    lines.flatMap((line) => {
      const [name = '', ...rest] = line.split(':')
      return rest.length === 0 ? [] : [[name.trim().toLowerCase(), rest.join(':').trim()]]
    }),
  )
}

function normal(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(/^[ \t\n\r\0\v]+|[ \t\n\r\0\v]+$/g, '')
}

/** `%r...%r` is a pattern as it is. */
function patternOf(format: string): string {
  return format
    .split('%r')
    .map((part, index) => (index % 2 === 1 ? `(?:${part})` : literal(part)))
    .join('')
}

function literal(part: string): string {
  return part.replace(/%([a-zA-Z0%])|([\\^$.*+?()[\]{}|/-])/g, (whole, letter, special) => {
    if (special !== undefined) return `\\${special}`
    return PLACEHOLDERS[letter] ?? whole
  })
}
