/** What becomes of one request for a file: the header of a CGI response, and the pieces of its body. Decides only; reads nothing. */
import type { CgiRequest } from '../../cgi/environment.ts'
import { reasonPhrase } from '../../cgi/reason-phrase.ts'
import type { ImageFile } from '../../store/release.ts'
import { type ByteRange, chooseRanges } from './byte-range.ts'
import { acceptedCodings, type Coding } from './content-coding.ts'
import { contentTypeOf } from './content-type.ts'
import { type Conditions, checkConditions, isRangeOfSame } from './preconditions.ts'
import type { StaticMatch } from './static-index.ts'

/** Bytes of a file; never none. */
export interface FilePart extends ByteRange {
  readonly file: ImageFile
}

/** Text of ours, in ASCII, or bytes of a file. */
export type Piece = string | FilePart

export interface StaticResponse {
  readonly status: number
  /** Of a CGI response, with the blank line. */
  readonly head: string
  readonly pieces: readonly Piece[]
}

export interface ResponseRules {
  /** The value of Cache-Control. */
  readonly cacheControl: string
}

const ALLOW = ['Allow: GET, HEAD']

/** `match`: what there is for the request's path. */
export function makeResponse(
  cgi: CgiRequest,
  match: StaticMatch | undefined,
  rules: ResponseRules,
): StaticResponse {
  if (match === undefined) return ownPage(cgi, 404, [])
  if (cgi.method !== 'GET' && cgi.method !== 'HEAD') return ownPage(cgi, 405, ALLOW)
  // A web server may have taken off the slash that the client's path has.
  if (match.lacksSlash && !cgi.path.endsWith('/')) {
    return ownPage(cgi, 308, [`Location: ${withSlash(cgi)}`])
  }
  return fileResponse(cgi, match, rules)
}

function fileResponse(
  cgi: CgiRequest,
  { file, compressed }: StaticMatch,
  { cacheControl }: ResponseRules,
): StaticResponse {
  const { variables } = cgi
  const coding = acceptedCodings(variables.get('HTTP_ACCEPT_ENCODING')).find((one) =>
    compressed.has(one),
  )
  const chosen = (coding === undefined ? undefined : compressed.get(coding)) ?? file
  const tag = tagOf(chosen)
  const conditions = conditionsOf(cgi)
  const verdict = checkConditions(conditions, tag)
  if (verdict === 'precondition-failed') return ownPage(cgi, 412, [])
  const fields = [`ETag: "${tag}"`, `Cache-Control: ${cacheControl}`]
  if (compressed.size > 0) fields.push('Vary: Accept-Encoding')
  if (verdict === 'not-modified') return respond(304, fields)
  fields.push(...contentFields(coding))

  const type = contentTypeOf(file.path)
  const range = cgi.method === 'GET' ? variables.get('HTTP_RANGE') : undefined
  const ranges =
    range === undefined || !isRangeOfSame(conditions, tag)
      ? 'all'
      : chooseRanges(range, chosen.bytes)
  if (ranges === 'none') return ownPage(cgi, 416, [`Content-Range: bytes */${chosen.bytes}`])
  const body = ranges === 'all' ? wholeOf(chosen, type) : partsOf(chosen, ranges, { type, tag })
  const response = respond(body.status, [...fields, ...body.fields], body.pieces)
  return cgi.method === 'HEAD' ? { ...response, pieces: [] } : response
}

/** The digest's first 128 bits: the same on every worker, and again after the same is published again. */
function tagOf({ digest }: ImageFile): string {
  return digest.slice(0, 32)
}

function conditionsOf({ variables }: CgiRequest): Conditions {
  return {
    ifMatch: variables.get('HTTP_IF_MATCH'),
    ifNoneMatch: variables.get('HTTP_IF_NONE_MATCH'),
    ifRange: variables.get('HTTP_IF_RANGE'),
  }
}

function contentFields(coding: Coding | undefined): readonly string[] {
  const common = ['Accept-Ranges: bytes', 'X-Content-Type-Options: nosniff']
  return coding === undefined ? common : [...common, `Content-Encoding: ${coding.name}`]
}

interface Body {
  readonly status: number
  readonly fields: readonly string[]
  readonly pieces: readonly Piece[]
}

function wholeOf(file: ImageFile, type: string): Body {
  const pieces = file.bytes === 0 ? [] : [{ file, start: 0, end: file.bytes }]
  return { status: 200, fields: [`Content-Type: ${type}`], pieces }
}

/** One part as it is, several as `multipart/byteranges` (RFC 9110, section 14.6). */
function partsOf(
  file: ImageFile,
  ranges: readonly ByteRange[],
  { type, tag }: { readonly type: string; readonly tag: string },
): Body {
  const parts = ranges.map((range) => ({
    range: `Content-Range: ${contentRange(range, file.bytes)}`,
    bytes: { file, ...range },
  }))
  const [only] = parts
  if (only !== undefined && parts.length === 1) {
    return { status: 206, fields: [`Content-Type: ${type}`, only.range], pieces: [only.bytes] }
  }
  // No file has a part of its own digest in it.
  const fields = [`Content-Type: multipart/byteranges; boundary=${tag}`]
  const pieces = parts.flatMap(({ range, bytes }, index): Piece[] => [
    `${index === 0 ? '' : '\r\n'}--${tag}\r\nContent-Type: ${type}\r\n${range}\r\n\r\n`,
    bytes,
  ])
  return { status: 206, fields, pieces: [...pieces, `\r\n--${tag}--\r\n`] }
}

function contentRange({ start, end }: ByteRange, bytes: number): string {
  return `bytes ${start}-${end - 1}/${bytes}`
}

/** A response without a file: its status in words. */
function ownPage({ method }: CgiRequest, status: number, fields: readonly string[]) {
  const response = respond(
    status,
    [...fields, 'Cache-Control: no-store', 'Content-Type: text/plain; charset=utf-8'],
    [`${status} ${reasonPhrase(status)}\n`],
  )
  return method === 'HEAD' ? { ...response, pieces: [] } : response
}

function respond(
  status: number,
  fields: readonly string[],
  pieces: readonly Piece[] = [],
): StaticResponse {
  const bytes = pieces.reduce((sum, piece) => sum + pieceBytes(piece), 0)
  const length = status === 304 ? [] : [`Content-Length: ${bytes}`]
  const lines = [`Status: ${status} ${reasonPhrase(status)}`, ...fields, ...length, '', '']
  return { status, head: lines.join('\r\n'), pieces }
}

export function pieceBytes(piece: Piece): number {
  return typeof piece === 'string' ? piece.length : piece.end - piece.start
}

/**
 * The request's own path with a slash at its end. Two slashes at its start, or what a browser makes of a backslash, would be
 * another host.
 */
function withSlash({ path, variables }: CgiRequest): string {
  const query = variables.get('QUERY_STRING') ?? ''
  const target = `${path.replace(/^\/+/, '/')}/${query === '' ? '' : `?${query}`}`
  return target.replace(
    /[^\x21\x23-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}
