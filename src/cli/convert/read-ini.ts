/** Reads php-fpm's configuration files: the INI dialect of PHP, with sections, `key[x]`, quotes and `include`. */
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError } from '../errors.ts'
import type { Directive } from './directive.ts'

/** php-fpm's own limit on includes inside includes is the stack; this is plenty. */
const MAX_INCLUDE_DEPTH = 10

/** Most files that may be read. */
const MAX_FILES = 10_000

const SECTION = /^\[\s*([^\]]+?)\s*\]\s*(?:;.*)?$/
const KEY = /^([A-Za-z0-9_.-]+)(?:\[([^\]]*)\])?\s*=\s*(.*)$/

interface Reading {
  readonly directives: Directive[]
  /** What `include` is relative to. */
  readonly prefix: string
  section: string
  files: number
}

/**
 * The directives of `file` and the files it includes, in order. An `include` that matches nothing is kept as a directive.
 * Throws CONVERT_UNREADABLE or CONVERT_SYNTAX.
 */
export function readIni(file: string, prefix: string): readonly Directive[] {
  const reading: Reading = { directives: [], prefix, section: 'global', files: 0 }
  readFile(file, reading, 0)
  return reading.directives
}

function readFile(file: string, reading: Reading, depth: number): void {
  reading.files += 1
  if (depth > MAX_INCLUDE_DEPTH || reading.files > MAX_FILES) {
    const limit =
      depth > MAX_INCLUDE_DEPTH ? `${MAX_INCLUDE_DEPTH} files deep` : `${MAX_FILES} files`
    throw new CliError(
      'CONVERT_SYNTAX',
      `Cannot convert ${file}: includes go on, wanted at most ${limit}`,
    )
  }
  for (const [index, content] of readText(file).split(/\r?\n/).entries()) {
    const directive = readLine(content, { section: reading.section, file, line: index + 1 })
    if (typeof directive === 'string') reading.section = directive
    else if (directive?.name === 'include') include(directive, reading, depth)
    else if (directive !== undefined) reading.directives.push(directive)
  }
}

function include(directive: Directive, reading: Reading, depth: number): void {
  const pattern = resolve(reading.prefix, directive.value)
  const files = globSync(pattern).sort()
  if (files.length === 0) reading.directives.push(directive)
  for (const file of files) readFile(file, reading, depth + 1)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\ufeff/, '')
  } catch (cause) {
    throw new CliError(
      'CONVERT_UNREADABLE',
      `Cannot convert ${file}: ${cause instanceof Error ? cause.message : String(cause)}, wanted a readable file`,
      { cause },
    )
  }
}

type Place = Pick<Directive, 'section' | 'file' | 'line'>

/** A directive, the name of the section that begins here, or undefined: nothing. */
function readLine(content: string, place: Place): Directive | string | undefined {
  const line = content.trim()
  if (line === '' || line.startsWith(';') || line.startsWith('#')) return undefined
  const section = SECTION.exec(line)?.[1]
  if (section !== undefined) return section.toLowerCase() === 'global' ? 'global' : section
  const [, name, index, raw] = KEY.exec(line) ?? []
  if (name === undefined || raw === undefined) throw badLine(place, `"${line.slice(0, 60)}"`)
  return { ...place, name, index, value: readValue(raw, name, place) }
}

/** `"..."` with backslashes, `'...'` without, or everything up to a `;`. */
function readValue(raw: string, name: string, place: Place): string {
  if (raw.startsWith('"')) {
    const [, text] = /^"((?:[^"\\]|\\.)*)"\s*(?:;.*)?$/.exec(raw) ?? []
    // The value may be a secret.
    if (text === undefined) throw badLine(place, `the value of ${name} does not end`)
    return text.replace(/\\(["\\'])/g, '$1')
  }
  if (raw.startsWith("'")) {
    const [, text] = /^'([^']*)'\s*(?:;.*)?$/.exec(raw) ?? []
    if (text === undefined) throw badLine(place, `the value of ${name} does not end`)
    return text
  }
  return raw.replace(/;.*$/, '').trim()
}

function badLine({ file, line }: Place, actual: string): CliError {
  return new CliError(
    'CONVERT_SYNTAX',
    `Cannot convert ${file}:${line}: ${actual}, wanted a [section], "key = value" or a ; comment`,
  )
}
