/**
 * The response sent in place of a guest's: a complete CGI response (RFC 3875, section 6) with a short page.
 * It says what happened in HTTP's own words and nothing about the inside.
 */
import { reasonPhrase } from './reason-phrase.ts'

export interface ErrorPageOptions {
  /** Sent as X-Request-Id, so that the log line can be found. Visible ASCII. */
  readonly requestId: string
  /** Of the request; HEAD gets the header only. */
  readonly method?: string
  /** Retry-After, in seconds. */
  readonly retryAfterS?: number | undefined
  /** The field Allow: methods, with commas between them. */
  readonly allow?: string | undefined
  /** Default `html`. */
  readonly format?: 'html' | 'plain'
}

/** Prints header and page. The caller owns the bytes. */
export function errorPage(status: number, options: ErrorPageOptions): Uint8Array {
  const { requestId, method, retryAfterS, allow, format = 'html' } = options
  const title = `${status} ${reasonPhrase(status)}`
  const page = format === 'html' ? htmlPage(title, requestId) : `${title}\nrequest ${requestId}\n`
  const header =
    `Status: ${title}\r\n` +
    `Content-Type: text/${format}; charset=utf-8\r\n` +
    `Content-Length: ${page.length}\r\n` +
    'Cache-Control: no-store\r\n' +
    (retryAfterS === undefined ? '' : `Retry-After: ${Math.max(0, Math.ceil(retryAfterS))}\r\n`) +
    (allow === undefined ? '' : `Allow: ${allow}\r\n`) +
    `X-Request-Id: ${requestId}\r\n\r\n`
  return Buffer.from(method === 'HEAD' ? header : header + page, 'latin1')
}

function htmlPage(title: string, requestId: string): string {
  const escaped = title.replace(/'/g, '&#39;')
  const id = requestId.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return `<!doctype html>\n<title>${escaped}</title>\n<h1>${escaped}</h1>\n<p>Request ${id}</p>\n`
}
