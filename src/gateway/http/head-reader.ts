/** Reads the header of a CGI response (RFC 3875, section 6.3) from what a FastCGI application sends. */
import { HttpFrontError } from './errors.ts'

export interface ResponseHead {
  readonly status: number
  readonly reason: string | undefined
  /** Names and values in turns, in the application's order, duplicates included. */
  readonly rawHeaders: readonly string[]
  readonly contentLength: number | undefined
}

/** What our own server would never send more of. */
const MAX_HEAD_BYTES = 64 * 1024

/** About the connection between front and application, or about framing, which is Node's to do. */
const DROPPED: ReadonlySet<string> = new Set([
  'status',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'trailer',
])

const LF = 10
const CR = 13

/** Collects bytes until the blank line. */
export class HeadReader {
  #bytes: Uint8Array = new Uint8Array(0)

  /**
   * Adds `chunk`. Answers undefined as long as the head is incomplete; then the head, and the body's first bytes. Throws
   * `HttpFrontError` (GATEWAY_HTTP_BAD_RESPONSE).
   */
  push(chunk: Uint8Array): { readonly head: ResponseHead; readonly rest: Uint8Array } | undefined {
    const before = this.#bytes.length
    this.#bytes = before === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    // The blank line may have begun with the last three bytes of what was there.
    const end = headEnd(this.#bytes, Math.max(0, before - 3))
    if (end === undefined) {
      if (this.#bytes.length > MAX_HEAD_BYTES)
        throw badResponse(`a header of more than ${MAX_HEAD_BYTES} bytes`)
      return undefined
    }
    const { buffer, byteOffset } = this.#bytes
    const text = Buffer.from(buffer, byteOffset, end).toString('latin1')
    return { head: parseHead(text), rest: this.#bytes.subarray(end) }
  }
}

/** Where the body begins: after `\n\n` or `\n\r\n`. */
function headEnd(bytes: Uint8Array, from: number): number | undefined {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3
  }
  return undefined
}

function parseHead(text: string): ResponseHead {
  let [status, reason]: [number | undefined, string | undefined] = [undefined, undefined]
  let [contentLength, hasLocation]: [number | undefined, boolean] = [undefined, false]
  const rawHeaders: string[] = []
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue
    const colon = line.indexOf(':')
    if (colon <= 0) throw badResponse(`the header line ${JSON.stringify(line.slice(0, 80))}`)
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trim()
    const lowerName = name.toLowerCase()
    if (lowerName === 'status') {
      const match = /^([2-9][0-9][0-9])(?: (.*))?$/.exec(value)
      if (match === null) throw badResponse(`the status ${JSON.stringify(value.slice(0, 80))}`)
      status = Number(match[1])
      reason = match[2]
    }
    if (lowerName === 'content-length') {
      if (!/^[0-9]{1,15}$/.test(value))
        throw badResponse(`Content-Length ${JSON.stringify(value.slice(0, 80))}`)
      contentLength = Number(value)
    }
    if (lowerName === 'location') hasLocation = true
    if (!DROPPED.has(lowerName)) rawHeaders.push(name, value)
  }
  return { status: status ?? (hasLocation ? 302 : 200), reason, rawHeaders, contentLength }
}

function badResponse(actual: string): HttpFrontError {
  return new HttpFrontError(
    'GATEWAY_HTTP_BAD_RESPONSE',
    `Cannot pass a response on: ${actual}, wanted a CGI header`,
  )
}
