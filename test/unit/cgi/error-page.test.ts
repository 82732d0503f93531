import { expect, test } from 'vitest'
import { errorPage } from '../../../src/cgi/error-page.ts'

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

test('plain page, every byte', () => {
  expect(text(errorPage(503, { requestId: 'r1', retryAfterS: 1.2, format: 'plain' }))).toBe(
    'Status: 503 Service Unavailable\r\n' +
      'Content-Type: text/plain; charset=utf-8\r\n' +
      'Content-Length: 35\r\n' +
      'Cache-Control: no-store\r\n' +
      'Retry-After: 2\r\n' +
      'X-Request-Id: r1\r\n\r\n' +
      '503 Service Unavailable\nrequest r1\n',
  )
})

test('HEAD gets the header of the same page and no body', () => {
  const page = text(errorPage(404, { requestId: 'r1' }))
  const head = text(errorPage(404, { requestId: 'r1', method: 'HEAD' }))
  expect(head).toBe(page.slice(0, page.indexOf('\r\n\r\n') + 4))
})

test('the request id cannot become markup', () => {
  const page = text(errorPage(500, { requestId: '<b>&"\'' }))
  expect(page.slice(page.indexOf('\r\n\r\n'))).not.toMatch(/<b>/)
})
