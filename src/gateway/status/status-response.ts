/** The status page and the ping page as CGI responses (php-fpm's `pm.status_path` and `ping.path`). */
import type { Readiness } from '../../base/readiness.ts'
import { renderOpenMetrics } from './openmetrics.ts'
import type { PoolStatus } from './pool-status.ts'
import { renderHtml, renderJson, renderText, renderXml } from './render.ts'

export interface PageRequest {
  /** QUERY_STRING: `html`, `xml`, `json` or `openmetrics` picks the form, `full` adds every instance. */
  readonly query: string
  /** REQUEST_METHOD: HEAD has no body. */
  readonly method: string
}

interface Form {
  readonly key: string
  readonly contentType: string
  readonly render: (status: PoolStatus, isFull: boolean) => string
}

/** In php-fpm's order of precedence. */
const FORMS: readonly Form[] = [
  { key: 'html', contentType: 'text/html;charset=UTF-8', render: renderHtml },
  { key: 'xml', contentType: 'text/xml;charset=UTF-8', render: renderXml },
  { key: 'json', contentType: 'application/json', render: renderJson },
  {
    key: 'openmetrics',
    contentType: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
    render: renderOpenMetrics,
  },
]

const TEXT: Form = { key: '', contentType: 'text/plain;charset=UTF-8', render: renderText }

/** A complete CGI response, header and body, for the guest's side of `CgiResponseStream`. */
export function statusResponse(status: PoolStatus, { query, method }: PageRequest): Uint8Array {
  const keys = new URLSearchParams(query)
  const form = FORMS.find(({ key }) => keys.has(key)) ?? TEXT
  return page(form.contentType, form.render(status, keys.has('full')), method)
}

/** `text`: what `ping_response` says. */
export function pingResponse(text: string, { method }: Pick<PageRequest, 'method'>): Uint8Array {
  return page(TEXT.contentType, text, method)
}

/** 200 while the machine is to get requests, else 503: this one is answered, too. */
export function readyResponse(
  readiness: Readiness,
  { method }: Pick<PageRequest, 'method'>,
): Uint8Array {
  const status = readiness === 'ready' ? '200 OK' : '503 Service Unavailable'
  return page(TEXT.contentType, `${readiness}\n`, method, status)
}

/** Numbers of this moment are for nobody's cache, and text is not to be taken for anything else. */
function page(contentType: string, body: string, method: string, status = '200 OK'): Uint8Array {
  const bytes = Buffer.from(body, 'utf8')
  const head = Buffer.from(
    `Status: ${status}\r\n` +
      'Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n' +
      'Cache-Control: no-cache, no-store, must-revalidate, max-age=0\r\n' +
      `Content-Type: ${contentType}\r\n` +
      `Content-Length: ${bytes.length}\r\n` +
      'X-Content-Type-Options: nosniff\r\n\r\n',
  )
  return method === 'HEAD' ? head : Buffer.concat([head, bytes])
}
