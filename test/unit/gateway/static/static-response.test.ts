import { expect, test } from 'vitest'
import { nameValuesOf } from '../../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../../src/cgi/environment.ts'
import { StaticIndex } from '../../../../src/gateway/static/static-index.ts'
import { makeResponse } from '../../../../src/gateway/static/static-response.ts'

const HTML = '1111111111111111111111111111111111111111111111111111111111111111'
const BR = '2222222222222222222222222222222222222222222222222222222222222222'
const JS = '3333333333333333333333333333333333333333333333333333333333333333'
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const files = new StaticIndex(
  [
    { path: 'index.html', bytes: 100, digest: HTML },
    { path: 'docs/index.html', bytes: 100, digest: HTML },
    { path: 'app.js', bytes: 100, digest: JS },
    { path: 'app.js.br', bytes: 20, digest: BR },
    { path: 'empty.txt', bytes: 0, digest: EMPTY },
  ],
  { folder: undefined, index: 'index.html' },
)

interface Case {
  readonly name: string
  readonly path: string
  readonly params?: Readonly<Record<string, string>>
  /** Lines of the head. */
  readonly head: readonly string[]
  /** Ranges of files as `path[start,end)`, a text as it is. */
  readonly body: readonly string[]
}

const PAGE = ['Cache-Control: no-store', 'Content-Type: text/plain; charset=utf-8']
const HTML_TAG = 'ETag: "11111111111111111111111111111111"'
const COMMON = [
  'Cache-Control: max-age=60',
  'Accept-Ranges: bytes',
  'X-Content-Type-Options: nosniff',
]

const CASES: readonly Case[] = [
  {
    name: 'a file',
    path: '/index.html',
    head: [
      'Status: 200 OK',
      HTML_TAG,
      ...COMMON,
      'Content-Type: text/html; charset=utf-8',
      'Content-Length: 100',
    ],
    body: ['index.html[0,100)'],
  },
  {
    name: 'HEAD',
    path: '/',
    params: { REQUEST_METHOD: 'HEAD', HTTP_RANGE: 'bytes=0-0' },
    head: [
      'Status: 200 OK',
      HTML_TAG,
      ...COMMON,
      'Content-Type: text/html; charset=utf-8',
      'Content-Length: 100',
    ],
    body: [],
  },
  {
    name: 'an empty file',
    path: '/empty.txt',
    head: [
      'Status: 200 OK',
      'ETag: "e3b0c44298fc1c149afbf4c8996fb924"',
      ...COMMON,
      'Content-Type: text/plain; charset=utf-8',
      'Content-Length: 0',
    ],
    body: [],
  },
  {
    name: 'a compressed form',
    path: '/app.js',
    params: { HTTP_ACCEPT_ENCODING: 'gzip, br' },
    head: [
      'Status: 200 OK',
      'ETag: "22222222222222222222222222222222"',
      'Cache-Control: max-age=60',
      'Vary: Accept-Encoding',
      'Accept-Ranges: bytes',
      'X-Content-Type-Options: nosniff',
      'Content-Encoding: br',
      'Content-Type: text/javascript; charset=utf-8',
      'Content-Length: 20',
    ],
    body: ['app.js.br[0,20)'],
  },
  {
    name: 'a range of a compressed form',
    path: '/app.js',
    params: { HTTP_ACCEPT_ENCODING: 'br', HTTP_RANGE: 'bytes=-5' },
    head: [
      'Status: 206 Partial Content',
      'ETag: "22222222222222222222222222222222"',
      'Cache-Control: max-age=60',
      'Vary: Accept-Encoding',
      'Accept-Ranges: bytes',
      'X-Content-Type-Options: nosniff',
      'Content-Encoding: br',
      'Content-Type: text/javascript; charset=utf-8',
      'Content-Range: bytes 15-19/20',
      'Content-Length: 5',
    ],
    body: ['app.js.br[15,20)'],
  },
  {
    name: 'no form that the client takes',
    path: '/app.js',
    params: { HTTP_ACCEPT_ENCODING: 'gzip' },
    head: [
      'Status: 200 OK',
      'ETag: "33333333333333333333333333333333"',
      'Cache-Control: max-age=60',
      'Vary: Accept-Encoding',
      'Accept-Ranges: bytes',
      'X-Content-Type-Options: nosniff',
      'Content-Type: text/javascript; charset=utf-8',
      'Content-Length: 100',
    ],
    body: ['app.js[0,100)'],
  },
  {
    name: 'known, in the form the client takes',
    path: '/app.js',
    params: {
      HTTP_ACCEPT_ENCODING: 'br',
      HTTP_IF_NONE_MATCH: '"22222222222222222222222222222222"',
    },
    head: [
      'Status: 304 Not Modified',
      'ETag: "22222222222222222222222222222222"',
      'Cache-Control: max-age=60',
      'Vary: Accept-Encoding',
    ],
    body: [],
  },
  {
    name: 'known, asked for in parts',
    path: '/',
    params: {
      HTTP_IF_NONE_MATCH: '"11111111111111111111111111111111"',
      HTTP_RANGE: 'bytes=0-0',
    },
    head: ['Status: 304 Not Modified', HTML_TAG, 'Cache-Control: max-age=60'],
    body: [],
  },
  {
    name: 'another one than the client has',
    path: '/',
    params: { HTTP_IF_MATCH: '"x"' },
    head: ['Status: 412 Precondition Failed', ...PAGE, 'Content-Length: 24'],
    body: ['412 Precondition Failed\n'],
  },
  {
    name: 'one range',
    path: '/',
    params: { HTTP_RANGE: 'bytes=10-19', HTTP_IF_RANGE: '"11111111111111111111111111111111"' },
    head: [
      'Status: 206 Partial Content',
      HTML_TAG,
      ...COMMON,
      'Content-Type: text/html; charset=utf-8',
      'Content-Range: bytes 10-19/100',
      'Content-Length: 10',
    ],
    body: ['index.html[10,20)'],
  },
  {
    name: 'a range of another one',
    path: '/',
    params: { HTTP_RANGE: 'bytes=10-19', HTTP_IF_RANGE: '"x"' },
    head: [
      'Status: 200 OK',
      HTML_TAG,
      ...COMMON,
      'Content-Type: text/html; charset=utf-8',
      'Content-Length: 100',
    ],
    body: ['index.html[0,100)'],
  },
  {
    name: 'several ranges',
    path: '/',
    params: { HTTP_RANGE: 'bytes=0-0,-2' },
    head: [
      'Status: 206 Partial Content',
      HTML_TAG,
      ...COMMON,
      'Content-Type: multipart/byteranges; boundary=11111111111111111111111111111111',
      'Content-Length: 263',
    ],
    body: [
      '--11111111111111111111111111111111\r\nContent-Type: text/html; charset=utf-8\r\nContent-Range: bytes 0-0/100\r\n\r\n',
      'index.html[0,1)',
      '\r\n--11111111111111111111111111111111\r\nContent-Type: text/html; charset=utf-8\r\nContent-Range: bytes 98-99/100\r\n\r\n',
      'index.html[98,100)',
      '\r\n--11111111111111111111111111111111--\r\n',
    ],
  },
  {
    name: 'a range that is not there',
    path: '/',
    params: { HTTP_RANGE: 'bytes=100-' },
    head: [
      'Status: 416 Range Not Satisfiable',
      'Content-Range: bytes */100',
      ...PAGE,
      'Content-Length: 26',
    ],
    body: ['416 Range Not Satisfiable\n'],
  },
  {
    name: 'nothing there',
    path: '/nothing',
    head: ['Status: 404 Not Found', ...PAGE, 'Content-Length: 14'],
    body: ['404 Not Found\n'],
  },
  {
    name: 'nothing there, without a body',
    path: '/nothing',
    params: { REQUEST_METHOD: 'HEAD' },
    head: ['Status: 404 Not Found', ...PAGE, 'Content-Length: 14'],
    body: [],
  },
  {
    name: 'another method',
    path: '/',
    params: { REQUEST_METHOD: 'POST' },
    head: ['Status: 405 Method Not Allowed', 'Allow: GET, HEAD', ...PAGE, 'Content-Length: 23'],
    body: ['405 Method Not Allowed\n'],
  },
  {
    name: 'a folder without its slash',
    path: '/docs',
    params: { REQUEST_URI: '/site/docs?a=1&b="', QUERY_STRING: 'a=1&b="' },
    head: [
      'Status: 308 Permanent Redirect',
      'Location: /site/docs/?a=1&b=%22',
      ...PAGE,
      'Content-Length: 23',
    ],
    body: ['308 Permanent Redirect\n'],
  },
  {
    name: 'a folder whose slash the web server took off',
    path: '/docs',
    params: { REQUEST_URI: '/site/docs/' },
    head: [
      'Status: 200 OK',
      HTML_TAG,
      ...COMMON,
      'Content-Type: text/html; charset=utf-8',
      'Content-Length: 100',
    ],
    body: ['docs/index.html[0,100)'],
  },
]

for (const { name, path, params, head, body } of CASES) {
  test(name, () => {
    const response = respond(path, params)
    expect(response.head).toBe(`${head.join('\r\n')}\r\n\r\n`)
    expect(response.head).toContain(`Status: ${response.status} `)
    expect(
      response.pieces.map((piece) =>
        typeof piece === 'string' ? piece : `${piece.file.path}[${piece.start},${piece.end})`,
      ),
    ).toEqual(body)
  })
}

const LOCATIONS: ReadonlyArray<readonly [uri: string, location: string]> = [
  ['//evil.example/docs', '/evil.example/docs/'],
  ['///evil.example/docs', '/evil.example/docs/'],
  ['/\\evil.example/docs', '/%5Cevil.example/docs/'],
  ['\\\\evil.example/docs', '/%5C%5Cevil.example/docs/'],
  ['http://evil.example/docs', '/docs/'],
  ['/a%20b/docs', '/a%20b/docs/'],
  ['/a b\t\r\nSet-Cookie: x/docs', '/a%20b%09%0D%0ASet-Cookie:%20x/docs/'],
  ['/caf\xc3\xa9/docs', '/caf%C3%A9/docs/'],
  ['/docs#there', '/docs/'],
]

for (const [uri, location] of LOCATIONS) {
  test(`a redirect stays on its host: ${JSON.stringify(uri)}`, () => {
    const { head } = respond('/docs', { REQUEST_URI: uri })
    expect(/^Location: (.*)\r$/m.exec(head)?.[1]).toBe(location)
  })
}

function respond(path: string, params: Readonly<Record<string, string>> = {}) {
  const variables = {
    REQUEST_METHOD: 'GET',
    REQUEST_URI: path,
    HTTP_HOST: 'acme.example',
    ...params,
  }
  return makeResponse(parseEnvironment(nameValuesOf(Object.entries(variables))), files.find(path), {
    cacheControl: 'max-age=60',
  })
}
