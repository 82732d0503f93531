/**
 * The header of a CGI response (RFC 3875, section 6.3): parsed strictly, cleaned of what a guest may not say to the
 * web server, and printed again in the one form that all web servers understand alike.
 */

import type { HeldBytes } from '../base/held-bytes.ts'
import { CgiError } from './errors.ts'
import { reasonPhrase } from './reason-phrase.ts'

export type CgiRole = 'responder' | 'authorizer' | 'filter'

export interface HeadRules {
  readonly role: CgiRole
  readonly limits: { readonly headerCount: number }
  /** Lower-case names of server-control fields (X-Accel-Redirect, ...) that this tenant may send. */
  readonly allowedHeaders: ReadonlySet<string>
}

export interface ResponseHead {
  /** 100, 102 and 103 are interim: another head follows. */
  readonly status: number
  readonly reason: string
  /** Fields to send on, `Name: value\r\n` each, in the guest's order; Status and Content-Length are apart. */
  readonly fields: string
  /** The status and `fields` as they are sent. */
  readonly top: string
  /** undefined as well where the web server is asked to send something else: then it speaks of that. */
  readonly contentLength: number | undefined
  readonly hasContentType: boolean
  readonly hasLocation: boolean
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not get through
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/
const NPH_LINE = /^HTTP\/[0-9](?:\.[0-9])? +([0-9]+)(?: +(.*))?$/
const STATUS_VALUE = /^([0-9]+)(?:[ \t]+(.*))?$/

/** Fields about one hop of the connection (RFC 9110, section 7.6.1) and X-Request-Id, which is ours to give. */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-request-id',
])

/** Fields that ask the web server to send a file, or somebody else's response, in place of the body. */
const HANDOVERS: ReadonlySet<string> = new Set([
  'x-accel-redirect',
  'x-sendfile',
  'x-sendfile2',
  'x-lighttpd-send-file',
  'x-reproxy-url',
])

/** The head that was parsed last: a program sends the same one again and again. */
let lastBytes: Uint8Array = new Uint8Array(0)
let lastRules: HeadRules | undefined
let lastHead: ResponseHead | undefined
/** Longer ones are seldom the same again. */
const MAX_LAST_BYTES = 1024

/**
 * Parses the lines of a head, `\n` or `\r\n` after each, without the blank line; they are likely to be those of the head before.
 * Throws `CgiError` (CGI_NO_HEADER, CGI_BAD_HEADER, CGI_BAD_STATUS, CGI_TOO_MANY_HEADERS).
 */
export function readHead(
  held: HeldBytes,
  start: number,
  end: number,
  rules: HeadRules,
): ResponseHead {
  if (lastHead !== undefined && held.holds(lastBytes, start, end) && hasSameRules(rules))
    return lastHead
  const text = held.text(start, end)
  const head = parseHead(text, rules)
  if (text.length <= MAX_LAST_BYTES) {
    lastBytes = Buffer.from(text, 'latin1')
    const { role, limits, allowedHeaders } = rules
    lastRules = { role, limits, allowedHeaders } // what `rules` is besides goes
    lastHead = head
  }
  return head
}

function hasSameRules({ role, limits, allowedHeaders }: HeadRules): boolean {
  return (
    role === lastRules?.role &&
    limits.headerCount === lastRules.limits.headerCount &&
    allowedHeaders === lastRules.allowedHeaders
  )
}

function parseHead(text: string, rules: HeadRules): ResponseHead {
  let [status, reason, fields]: [number | undefined, string | undefined, string] = [
    undefined,
    undefined,
    '',
  ]
  let contentLength: number | undefined
  let [hasContentType, hasLocation, isHandover] = [false, false, false]
  let count = 0
  for (let from = 0; from < text.length; ) {
    const newline = text.indexOf('\n', from)
    const next = newline < 0 ? text.length : newline + 1
    let end = newline < 0 ? text.length : newline
    if (text.charCodeAt(end - 1) === CR && end > from) end -= 1
    const line = text.slice(from, end)
    const nph = from === 0 && line.startsWith('HTTP/') ? NPH_LINE.exec(line) : null
    from = next
    if (++count > rules.limits.headerCount) throw tooManyHeaders(rules.limits.headerCount)
    if (nph !== null) {
      status = parseStatus(nph[1] ?? '')
      reason = nph[2]
      if (reason !== undefined && CONTROL.test(reason))
        throw badHeader(line, 'no control characters')
      continue
    }
    const { name, value } = splitField(line)
    const lowerName = name.toLowerCase()
    switch (lowerName) {
      case 'status': {
        const match = STATUS_VALUE.exec(value)
        if (status !== undefined) {
          throw new CgiError(
            'CGI_BAD_STATUS',
            `Cannot send a response: status ${status} and then "${shown(value)}", wanted one`,
          )
        }
        status = parseStatus(match?.[1] ?? value)
        reason = match?.[2]
        continue
      }
      case 'content-length': {
        const length = parseLength(value)
        if (contentLength !== undefined && contentLength !== length) {
          throw badHeader(line, `one Content-Length, ${contentLength} came before`)
        }
        contentLength = length
        continue
      }
      case 'content-type':
        if (hasContentType) throw badHeader(line, 'one Content-Type')
        hasContentType = true
        break
      case 'location':
        if (hasLocation) throw badHeader(line, 'one Location')
        hasLocation = true
        break
      default:
        if (HANDOVERS.has(lowerName)) isHandover = true
        if (isWithheld(lowerName, rules)) continue
    }
    fields += `${name}: ${value}\r\n`
  }
  if (count === 0) {
    throw new CgiError(
      'CGI_NO_HEADER',
      'Cannot send a response: the header is empty, wanted at least one field',
    )
  }
  status ??= hasLocation ? 302 : 200
  if (rules.role === 'authorizer' && status !== 200)
    fields = fields.replace(/^Variable-.*\r\n/gim, '')
  if (reason === undefined || reason === '') reason = reasonPhrase(status)
  if (isHandover) contentLength = undefined
  const statusLine = `Status: ${status} ${reason}\r\n`
  // HAProxy 2.6 makes a 302 of any redirect whose Status comes before its Location.
  const top = hasLocation ? fields + statusLine : statusLine + fields
  return { status, reason, fields, top, contentLength, hasContentType, hasLocation }
}

const CR = 13

function splitField(line: string): { readonly name: string; readonly value: string } {
  const colon = line.indexOf(':')
  if (colon <= 0) throw badHeader(line, 'a "Name: value" line')
  const name = line.slice(0, colon)
  // Also refuses a folded line: it starts with white space.
  if (!TOKEN.test(name)) throw badHeader(line, 'a field name made of letters, digits and hyphens')
  const value = trimBlanks(line.slice(colon + 1))
  if (CONTROL.test(value)) throw badHeader(line, 'no control characters')
  return { name, value }
}

/** Only blanks and tabs: `String.prototype.trim` would also take a carriage return away, which must be refused. */
function trimBlanks(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

function parseStatus(digits: string): number {
  const status = /^[1-9][0-9][0-9]$/.test(digits) ? Number(digits) : 0
  // 101 would end HTTP on this connection: there is no way to do that through FastCGI.
  if (status === 0 || status === 101) {
    throw new CgiError(
      'CGI_BAD_STATUS',
      `Cannot send a response: status "${shown(digits)}", wanted 200 to 999`,
    )
  }
  return status
}

function parseLength(value: string): number {
  const length = /^[0-9]{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (!Number.isSafeInteger(length)) throw badHeader(`Content-Length: ${value}`, 'a decimal number')
  return length
}

/**
 * Fields that act on the web server (they can disclose other tenants' files and internal locations) go through only
 * when allowed; fields about the connection never do.
 */
function isWithheld(name: string, rules: HeadRules): boolean {
  if (DROPPED.has(name) || name.startsWith('proxy-')) return true
  const controlsServer =
    name.startsWith('x-accel-') ||
    name.startsWith('x-sendfile') ||
    name.startsWith('x-lighttpd-') ||
    name === 'x-reproxy-url' ||
    (name.startsWith('variable-') && rules.role !== 'authorizer')
  return controlsServer && !rules.allowedHeaders.has(name)
}

function tooManyHeaders(limit: number): CgiError {
  return new CgiError(
    'CGI_TOO_MANY_HEADERS',
    `Cannot send a response: more than ${limit} header fields, wanted at most ${limit}`,
  )
}

function badHeader(line: string, wanted: string): CgiError {
  return new CgiError(
    'CGI_BAD_HEADER',
    `Cannot send a response: header line "${shown(line)}", wanted ${wanted}`,
  )
}

/** A guest's text, made fit for a log line. */
function shown(text: string): string {
  const visible = text.slice(0, 80).replace(/[^\x20-\x7e]/g, '.')
  return text.length > 80 ? `${visible}...` : visible
}
