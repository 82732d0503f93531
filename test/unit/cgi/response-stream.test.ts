/** From what a guest prints to what is sent, however it is cut. Flushing, failing and waiting: response-flow.test.ts. */
import { expect, test } from 'vitest'
import type { ResponseOptions } from '../../../src/cgi/response-stream.ts'
import { bytes, ID, open } from './response-sink.ts'

/** Feeds all of `text` in pieces of `step` bytes, `finish`es, and answers the output or the error's code. */
function print(text: string, step: number, options: Partial<ResponseOptions> = {}): string {
  const { sink, stream } = open(options)
  for (let at = 0; at < text.length; at += step) {
    const piece = bytes(text.slice(at, at + step))
    expect(stream.write(piece)).toBe(piece.length)
  }
  const result = stream.finish()
  if (result.kind === 'failed') return result.error.code
  expect(sink.ended).toBe(true)
  return sink.text
}

interface Case {
  readonly name: string
  readonly printed: string
  readonly sent: string
  readonly options?: Partial<ResponseOptions>
}

const HTML = 'Status: 200 OK\r\nContent-Type: text/html\r\n'
const CASES: readonly Case[] = [
  {
    name: 'document, bare LF',
    printed: 'Content-Type: text/html\n\nhi',
    sent: `${HTML}Content-Length: 2\r\n${ID}hi`,
  },
  {
    name: 'document, CRLF',
    printed: 'Content-Type: text/html\r\n\r\nhi',
    sent: `${HTML}Content-Length: 2\r\n${ID}hi`,
  },
  {
    name: 'body with blank lines',
    printed: 'content-type:a/b\n\n\n\nx',
    sent: `Status: 200 OK\r\ncontent-type: a/b\r\nContent-Length: 3\r\n${ID}\n\nx`,
  },
  {
    name: 'status without a reason',
    printed: 'Status: 404\nContent-Type: text/html\n\n',
    sent: `Status: 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'status with a reason',
    printed: 'Status: 418 Tea\n\n',
    sent: `Status: 418 Tea\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'status nobody knows',
    printed: 'Status: 799\n\n',
    sent: `Status: 799 Unknown\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'NPH',
    printed: 'HTTP/1.1 404 Gone away\nContent-Type: text/html\n\n',
    sent: `Status: 404 Gone away\r\nContent-Type: text/html\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'client redirect',
    printed: 'Location: https://a/b\n\n',
    sent: `Location: https://a/b\r\nStatus: 302 Found\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'local redirect',
    printed: 'Location: /b\n\n',
    sent: `Location: /b\r\nStatus: 302 Found\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'redirect with a status',
    printed: 'Status: 303\nLocation: /b\n\n',
    sent: `Location: /b\r\nStatus: 303 See Other\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'no content type',
    printed: 'X-A: b\n\n<script>',
    sent: `Status: 200 OK\r\nX-A: b\r\nContent-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 8\r\n${ID}<script>`,
  },
  {
    name: 'Set-Cookie twice, in order',
    printed: 'Set-Cookie: b=1\nSet-Cookie: a=2\n\n',
    sent: `Status: 200 OK\r\nSet-Cookie: b=1\r\nSet-Cookie: a=2\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: 'hop-by-hop and framing fields',
    printed:
      'Content-Type: text/html\nTransfer-Encoding: chunked\nConnection: close\nKEEP-ALIVE: x\nTE: x\nTrailer: x\nUpgrade: x\nProxy-Authenticate: x\n\n',
    sent: `${HTML}Content-Length: 0\r\n${ID}`,
  },
  {
    name: 'server-control fields',
    printed:
      'Content-Type: text/html\nX-Accel-Redirect: /i\nX-Sendfile: /e\nX-SENDFILE2: /e\nX-LIGHTTPD-Send-File: /e\nX-Reproxy-URL: x\nVariable-USER: root\n\n',
    sent: `${HTML}Content-Length: 0\r\n${ID}`,
  },
  {
    name: 'an allowed server-control field',
    printed: 'Content-Type: text/html\nX-Accel-Redirect: /i\nX-Accel-Expires: 1\n\n',
    sent: `${HTML}X-Accel-Redirect: /i\r\nContent-Length: 0\r\n${ID}`,
    options: { allowedHeaders: new Set(['x-accel-redirect']) },
  },
  {
    name: 'authorizer that agrees',
    printed: 'Status: 200\nVariable-USER: jo\n\n',
    sent: `Status: 200 OK\r\nVariable-USER: jo\r\nContent-Length: 0\r\n${ID}`,
    options: { role: 'authorizer' },
  },
  {
    name: 'authorizer that does not',
    printed: 'Status: 403\nVariable-USER: jo\nContent-Type: text/html\n\nno',
    sent: `Status: 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 2\r\n${ID}no`,
    options: { role: 'authorizer' },
  },
  {
    name: 'declared length, longer body',
    printed: 'Content-Type: text/html\nContent-Length: 3\n\nabcdef',
    sent: `${HTML}Content-Length: 3\r\n${ID}abc`,
  },
  {
    name: 'declared length, twice the same',
    printed: 'Content-Type: text/html\nContent-Length: 3\ncontent-length: 3\n\nabc',
    sent: `${HTML}Content-Length: 3\r\n${ID}abc`,
  },
  {
    name: 'HEAD keeps the declared length',
    printed: 'Content-Type: text/html\nContent-Length: 3\n\nabc',
    sent: `${HTML}Content-Length: 3\r\n${ID}`,
    options: { method: 'HEAD' },
  },
  {
    name: 'HEAD declares none',
    printed: 'Content-Type: text/html\n\nabc',
    sent: `${HTML}${ID}`,
    options: { method: 'HEAD' },
  },
  {
    name: '204',
    printed: 'Status: 204\nContent-Length: 3\n\nabc',
    sent: `Status: 204 No Content\r\n${ID}`,
  },
  {
    name: '205',
    printed: 'Status: 205\nContent-Length: 3\n\nabc',
    sent: `Status: 205 Reset Content\r\nContent-Length: 0\r\n${ID}`,
  },
  {
    name: '205 to HEAD, no length',
    printed: 'Status: 205\n\nabc',
    sent: `Status: 205 Reset Content\r\nContent-Length: 0\r\n${ID}`,
    options: { method: 'HEAD' },
  },
  {
    name: '304 with a length',
    printed: 'Status: 304\nContent-Length: 3\n\n',
    sent: `Status: 304 Not Modified\r\nContent-Length: 3\r\n${ID}`,
  },
  {
    name: '304',
    printed: 'Status: 304\nETag: "x"\n\nabc',
    sent: `Status: 304 Not Modified\r\nETag: "x"\r\n${ID}`,
  },
  {
    name: 'interim responses',
    printed:
      'Status: 103\nLink: </a>\n\nHTTP/1.1 100 Continue\r\n\r\nContent-Type: text/html\n\nhi',
    sent: `${HTML}Content-Length: 2\r\n${ID}hi`,
  },
  {
    name: 'as long as is held back',
    printed: `Content-Type: text/html\n\n${'x'.repeat(100)}`,
    sent: `${HTML}Content-Length: 100\r\n${ID}${'x'.repeat(100)}`,
  },
  {
    name: 'longer than is held back',
    printed: `Content-Type: text/html\n\n${'x'.repeat(101)}`,
    sent: `${HTML}${ID}${'x'.repeat(101)}`,
  },
  {
    name: 'as long as allowed',
    printed: `Content-Type: text/html\n\n${'x'.repeat(1000)}`,
    sent: `${HTML}${ID}${'x'.repeat(1000)}`,
  },
  {
    name: "the guest's own request id",
    printed: 'Content-Type: text/html\nX-Request-Id: forged\n\n',
    sent: `${HTML}Content-Length: 0\r\n${ID}`,
  },
  {
    name: 'blanks around a value, bytes above 127',
    printed: 'Content-Type: text/html\nX-A: \t \xe9\xff \t\nX-B:\n\n',
    sent: `${HTML}X-A: \xe9\xff\r\nX-B: \r\nContent-Length: 0\r\n${ID}`,
  },

  { name: 'nothing', printed: '', sent: 'CGI_NO_HEADER' },
  { name: 'no blank line', printed: 'Content-Type: text/html\n', sent: 'CGI_NO_HEADER' },
  { name: 'blank line only', printed: '\n', sent: 'CGI_NO_HEADER' },
  { name: 'blank line first', printed: '\r\nContent-Type: text/html\n\nhi', sent: 'CGI_NO_HEADER' },
  { name: 'text in place of a header', printed: 'Hello, world\n\n', sent: 'CGI_BAD_HEADER' },
  {
    name: 'text in place of a header, no blank line',
    printed: 'Hello, world\n',
    sent: 'CGI_BAD_HEADER',
  },
  { name: 'folded line', printed: 'X-A: b\n c\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'blank before the colon', printed: 'X-A : b\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'no name', printed: ': b\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'NUL in a value', printed: 'X-A: a\0b\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'CR in a value', printed: 'X-A: a\rX-B: b\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'CR at the end of a value', printed: 'X-A: a\r\r\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'NUL in a reason', printed: 'Status: 200 O\0K\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'status that is no number', printed: 'Status: abc\n\n', sent: 'CGI_BAD_STATUS' },
  { name: 'status of four digits', printed: 'Status: 2000\n\n', sent: 'CGI_BAD_STATUS' },
  { name: 'status below 100', printed: 'Status: 099\n\n', sent: 'CGI_BAD_STATUS' },
  { name: 'two statuses', printed: 'Status: 200\nStatus: 302\n\n', sent: 'CGI_BAD_STATUS' },
  { name: 'NPH and status', printed: 'HTTP/1.1 200 OK\nStatus: 302\n\n', sent: 'CGI_BAD_STATUS' },
  { name: 'protocol switch', printed: 'Status: 101\nUpgrade: x\n\n', sent: 'CGI_BAD_STATUS' },
  {
    name: 'two lengths',
    printed: 'Content-Length: 1\nContent-Length: 2\n\n',
    sent: 'CGI_BAD_HEADER',
  },
  { name: 'negative length', printed: 'Content-Length: -1\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'length with a sign', printed: 'Content-Length: +1\n\n', sent: 'CGI_BAD_HEADER' },
  { name: 'list of lengths', printed: 'Content-Length: 1, 1\n\nx', sent: 'CGI_BAD_HEADER' },
  { name: 'shorter than declared', printed: 'Content-Length: 3\n\nab', sent: 'CGI_SHORT_BODY' },
  {
    name: 'header of 256 bytes and no end',
    printed: `X-A: ${'a'.repeat(251)}`,
    sent: 'CGI_HEADER_TOO_LARGE',
  },
  {
    name: 'endless interim responses',
    printed: 'Status: 100\n\n'.repeat(30),
    sent: 'CGI_HEADER_TOO_LARGE',
  },
  {
    name: 'text longer than the header may be',
    printed: `Hello\n${'a'.repeat(400)}`,
    sent: 'CGI_BAD_HEADER',
  },
  { name: 'too many fields', printed: `${'X-A: b\n'.repeat(9)}\n`, sent: 'CGI_TOO_MANY_HEADERS' },
  {
    name: 'body over its limit',
    printed: `X-A: b\n\n${'x'.repeat(1001)}`,
    sent: 'CGI_BODY_TOO_LARGE',
  },
  {
    name: 'dropped body over its limit',
    printed: `X-A: b\n\n${'x'.repeat(1001)}`,
    sent: 'CGI_BODY_TOO_LARGE',
    options: { method: 'HEAD' },
  },
]

for (const { name, printed, sent, options = {} } of CASES) {
  test(`${name}: whole, byte by byte, cut everywhere`, () => {
    expect(print(printed, printed.length + 1, options)).toBe(sent)
    expect(print(printed, 1, options)).toBe(sent)
    for (let cut = 1; cut < printed.length; cut += printed.length > 500 ? 7 : 1) {
      const { sink, stream } = open(options)
      stream.write(bytes(printed.slice(0, cut)))
      stream.write(bytes(printed.slice(cut)))
      const result = stream.finish()
      expect(result.kind === 'failed' ? result.error.code : sink.text).toBe(sent)
    }
  })
}

const HANDOVERS = [
  'X-Accel-Redirect',
  'X-Sendfile',
  'X-Sendfile2',
  'X-LIGHTTPD-send-file',
  'X-Reproxy-URL',
]

/** Printed bodies, with the length that is declared for the file. */
const HANDED_OVER: ReadonlyArray<readonly [number, string]> = [
  [1000, ''],
  [1000, 'see the file'],
  [3, 'longer'],
]

test.each(HANDOVERS)('%s: Content-Length is that of the file, and not held to the body', (name) => {
  for (const allowedHeaders of [new Set<string>(), new Set([name.toLowerCase()])]) {
    for (const [length, body] of HANDED_OVER) {
      const fields = `Content-Type: text/html\nContent-Length: ${length}\n${name}: /f\n`
      const passed = allowedHeaders.size > 0 ? `${name}: /f\r\n` : ''
      expect(print(`${fields}\n${body}`, 7, { allowedHeaders })).toBe(
        `${HTML}${passed}Content-Length: ${body.length}\r\n${ID}${body}`,
      )
    }
  }
})

test('a field that does not replace the body leaves the length to be checked', () => {
  const allowedHeaders = new Set(['x-accel-buffering'])
  const printed = 'X-Accel-Buffering: no\nContent-Length: 9\n\nshort'
  expect(print(printed, 100, { allowedHeaders })).toBe('CGI_SHORT_BODY')
})
