/** PHP's own tests: a file of sections (`--FILE--`, `--EXPECTF--`), as https://qa.php.net/phpt_details.php describes it. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Sections by name; latin1, one char a byte. */
export type Sections = ReadonlyMap<string, string>

const HEADING = /^--([A-Z_]+)--\s*$/
/** What follows this line in a program is not part of it. */
const PROGRAM_END = /^===DONE===/
const PROGRAMS = ['FILE', 'FILEEOF']
/** Sections whose text stands in another file. */
const ELSEWHERE = '_EXTERNAL'

/** What cannot be asked of a FastCGI server. */
const NOT_OF_A_REQUEST = ['ARGS', 'STDIN', 'PHPDBG', 'REDIRECTTEST']

/** Reads the test at `path`; undefined: it is not one of a request. */
export function readTest(path: string): Sections | undefined {
  const sections = sectionsOf(readFileSync(path, 'latin1'))
  for (const [name, text] of [...sections]) {
    if (!name.endsWith(ELSEWHERE)) continue
    const other = join(dirname(path), text.trim().replaceAll('../', ''))
    sections.set(name.slice(0, -ELSEWHERE.length), readFileSync(other, 'latin1'))
  }
  const end = sections.get('FILEEOF')
  if (end !== undefined) sections.set('FILE', end.replace(/\r?\n$/, ''))
  const isOne = sections.has('FILE') && !NOT_OF_A_REQUEST.some((name) => sections.has(name))
  return isOne ? sections : undefined
}

function sectionsOf(text: string): Map<string, string> {
  const lines = new Map<string, string[]>()
  let name = ''
  let isOver = false
  for (const line of text.split(/(?<=\n)/)) {
    const heading = HEADING.exec(line)?.[1]
    if (heading !== undefined) {
      name = heading
      isOver = false
      lines.set(name, [])
    } else if (!isOver) {
      lines.get(name)?.push(line)
      isOver = PROGRAMS.includes(name) && PROGRAM_END.test(line)
    }
  }
  return new Map([...lines].map(([key, all]) => [key, all.join('')]))
}
