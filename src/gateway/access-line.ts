/**
 * Access lines in php-fpm's `access.format`. The format is taken apart once; each request then costs one pass over its
 * tokens. Unlike php-fpm's, no value can end the line or the quotes it stands in.
 */
import type { AccessToken } from '../config/access-format.ts'
import { parseAccessFormat } from '../config/access-format.ts'
import { escapeControl } from './access-line/escape-control.ts'
import { strftime } from './access-line/strftime.ts'
import { textOfBytes } from './access-line/text-of-bytes.ts'
import type { AccessEntry } from './access-log.ts'

/** Prints one entry, without line break. */
export type AccessLineFormat = (entry: AccessEntry) => string

/** Most characters of one line unless told otherwise (`log_limit`). */
const DEFAULT_MAX_LINE_LENGTH = 8192

/** Names whose values are secrets: they never come into a log, whatever its format says. */
const SECRET_VARIABLES: ReadonlySet<string> = new Set([
  'HTTP_AUTHORIZATION',
  'HTTP_COOKIE',
  'HTTP_PROXY_AUTHORIZATION',
  'REMOTE_PASSWD',
  'PHP_AUTH_PW',
])
const SECRET_HEADERS: ReadonlySet<string> = new Set(['set-cookie', 'set-cookie2'])

/**
 * Makes the function that prints entries in `format`, one that the configuration has taken (`parseAccessFormat`).
 * Lines over `maxLength` characters are cut and end in `...`.
 */
export function compileAccessFormat(
  format: string,
  maxLength: number = DEFAULT_MAX_LINE_LENGTH,
): AccessLineFormat {
  const tokens = parseAccessFormat(format) ?? []
  return (entry) => {
    let line = ''
    for (const token of tokens) {
      line += token.letter === 'text' ? token.modifier : escapeLogValue(printToken(token, entry))
    }
    return line.length > maxLength ? `${line.slice(0, maxLength - 3)}...` : line
  }
}

/**
 * Makes a value harmless in a line: quotes and backslashes get a backslash, control characters become `\xHH` or `\uHHHH`.
 * `value` may be a variable with one char a byte: it comes out as the text that the bytes are.
 */
export function escapeLogValue(value: string): string {
  if (/^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/.test(value)) return value
  return escapeControl(textOfBytes(value).replace(/["\\]/g, '\\$&'))
}

/** Whether php-fpm's `access.suppress_path` drops the line: see there for every condition. */
export function isSuppressed(entry: AccessEntry, paths: readonly string[]): boolean {
  if (paths.length === 0) return false
  const isPlain = entry.method === 'GET' || entry.method === 'HEAD'
  const hasBody = entry.requestBytes > 0 || entry.contentLength > 0
  const isGood = entry.status >= 200 && entry.status < 300
  return isPlain && !hasBody && isGood && paths.includes(entry.uri)
}

function printToken({ letter, modifier }: AccessToken, entry: AccessEntry): string {
  switch (letter) {
    case 'text':
      return modifier
    case 'C':
      return cpuPercent(entry, modifier)
    case 'd':
      return duration(entry.wallMs, modifier)
    case 'e':
      return SECRET_VARIABLES.has(modifier.toUpperCase()) ? '-' : orDash(entry.variable(modifier))
    case 'f':
      return orDash(entry.script)
    case 'l':
      return String(entry.contentLength)
    case 'm':
      return orDash(entry.method)
    case 'M':
      return memory(entry.memoryBytes, modifier)
    case 'n':
      return orDash(entry.pool)
    case 'o':
      return outputHeader(entry, modifier.toLowerCase())
    case 'p':
      return String(entry.pid)
    case 'P':
      return String(entry.parentPid)
    case 'q':
      return queryOf(entry.uri) ?? ''
    case 'Q':
      return queryOf(entry.uri) ? '?' : ''
    case 'r':
      return pathOf(entry.uri)
    case 'R':
      return orDash(entry.remote)
    case 's':
      return String(entry.status)
    case 't':
      return strftime(modifier, entry.startEpochMs)
    case 'T':
      return strftime(modifier, entry.endEpochMs)
    case 'u':
      return orDash(entry.user)
  }
}

function orDash(value: string | undefined): string {
  return value === undefined || value === '' ? '-' : value
}

/** Guests have no processor time of their own in the kernel: all they use is user time. */
function cpuPercent({ cpuMs, wallMs }: AccessEntry, part: string): string {
  if (part === 'system' || wallMs <= 0) return '0.00'
  return ((cpuMs / wallMs) * 100).toFixed(2)
}

function duration(milliseconds: number, unit: string): string {
  if (unit === 'microseconds') return String(Math.round(milliseconds * 1000))
  return (unit === 'milliseconds' ? milliseconds : milliseconds / 1000).toFixed(3)
}

function memory(bytes: number, unit: string): string {
  if (unit === 'bytes') return String(bytes)
  return String(Math.floor(bytes / (unit === 'kilobytes' ? 1024 : 1024 * 1024)))
}

function outputHeader(entry: AccessEntry, name: string): string {
  return SECRET_HEADERS.has(name) ? '-' : orDash(entry.responseHeader(name))
}

function pathOf(uri: string): string {
  const mark = uri.indexOf('?')
  return mark < 0 ? uri : uri.slice(0, mark)
}

function queryOf(uri: string): string | undefined {
  const mark = uri.indexOf('?')
  return mark < 0 ? undefined : uri.slice(mark + 1)
}
