import { expect, test } from 'vitest'
import { nameValuesOf } from '../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../src/cgi/environment.ts'

type Params = ReadonlyArray<readonly [string, string]>
const GET: Params = [['REQUEST_METHOD', 'GET']]

const VARIABLES: ReadonlyArray<{
  name: string
  params: Params
  variable: string
  value: string | undefined
}> = [
  {
    name: 'cookies sent twice (nginx 1.22, HAProxy)',
    params: [
      ['HTTP_COOKIE', 'a=1'],
      ['HTTP_COOKIE', 'b=2'],
    ],
    variable: 'HTTP_COOKIE',
    value: 'a=1; b=2',
  },
  {
    name: 'another header sent twice',
    params: [
      ['HTTP_X_UNDER', 'a'],
      ['HTTP_X_UNDER', 'b'],
    ],
    variable: 'HTTP_X_UNDER',
    value: 'a, b',
  },
  {
    name: 'a variable sent twice: the last',
    params: [
      ['SERVER_PORT', '80'],
      ['SERVER_PORT', '81'],
    ],
    variable: 'SERVER_PORT',
    value: '81',
  },
  {
    name: 'httpoxy',
    params: [['HTTP_PROXY', 'http://evil']],
    variable: 'HTTP_PROXY',
    value: undefined,
  },
  {
    name: 'httpoxy, lower case',
    params: [['http_proxy', 'http://evil']],
    variable: 'http_proxy',
    value: undefined,
  },
  {
    name: 'header alias with a dot',
    params: [['HTTP_X.DOT', '1']],
    variable: 'HTTP_X.DOT',
    value: undefined,
  },
  {
    name: 'header alias in lower case',
    params: [['HTTP_x_real_ip', '1']],
    variable: 'HTTP_x_real_ip',
    value: undefined,
  },
  { name: 'empty header name', params: [['HTTP_', '1']], variable: 'HTTP_', value: undefined },
  {
    name: 'HTTP_CONTENT_TYPE',
    params: [
      ['CONTENT_TYPE', 'a/b'],
      ['HTTP_CONTENT_TYPE', 'c/d'],
    ],
    variable: 'CONTENT_TYPE',
    value: 'a/b',
  },
  {
    name: 'HTTP_CONTENT_TYPE itself',
    params: [['HTTP_CONTENT_TYPE', 'c/d']],
    variable: 'HTTP_CONTENT_TYPE',
    value: undefined,
  },
  {
    name: 'HTTP_CONTENT_LENGTH',
    params: [['HTTP_CONTENT_LENGTH', '7']],
    variable: 'HTTP_CONTENT_LENGTH',
    value: undefined,
  },
  { name: 'empty value', params: [['REMOTE_USER', '']], variable: 'REMOTE_USER', value: '' },
  { name: 'empty name', params: [['', 'x']], variable: '', value: undefined },
  { name: 'a name with =', params: [['A=B', 'x']], variable: 'A=B', value: undefined },
  {
    name: 'bytes above 127',
    params: [['HTTP_X', '\x80\xff']],
    variable: 'HTTP_X',
    value: '\x80\xff',
  },
  { name: '__proto__', params: [['__proto__', 'x']], variable: '__proto__', value: 'x' },
  { name: 'constructor', params: [['constructor', 'x']], variable: 'constructor', value: 'x' },
  { name: 'toString, not sent', params: [], variable: 'toString', value: undefined },
  {
    name: 'NUL in an operator variable',
    params: [['SSL_X', 'a\0b']],
    variable: 'SSL_X',
    value: undefined,
  },
  {
    name: 'Authorization is for the guest',
    params: [['HTTP_AUTHORIZATION', 'Basic x']],
    variable: 'HTTP_AUTHORIZATION',
    value: 'Basic x',
  },
  {
    name: 'chunked upload from Caddy',
    params: [['CONTENT_LENGTH', '-1']],
    variable: 'CONTENT_LENGTH',
    value: undefined,
  },
]

for (const { name, params, variable, value } of VARIABLES) {
  test(`variables: ${name}`, () => {
    expect(parseEnvironment(nameValuesOf([...GET, ...params])).variables.get(variable)).toBe(value)
  })
}

const LENGTHS: ReadonlyArray<{
  values: readonly string[]
  length: number | undefined | 'refused'
}> = [
  { values: [], length: undefined },
  { values: [''], length: undefined },
  { values: ['-1'], length: undefined },
  { values: ['0'], length: 0 },
  { values: ['600000'], length: 600_000 },
  { values: ['5', '5'], length: 5 },
  { values: ['5', '6'], length: 'refused' },
  { values: ['+1'], length: 'refused' },
  { values: ['1e3'], length: 'refused' },
  { values: ['0x10'], length: 'refused' },
  { values: [' 5'], length: 'refused' },
  { values: ['5, 5'], length: 'refused' },
  { values: ['-5'], length: 'refused' },
  { values: ['9999999999999999'], length: 'refused' },
  { values: ['5\n'], length: 'refused' },
]

for (const { values, length } of LENGTHS) {
  test(`CONTENT_LENGTH ${JSON.stringify(values)}`, () => {
    const read = () =>
      parseEnvironment(
        nameValuesOf([...GET, ...values.map((value) => ['CONTENT_LENGTH', value] as const)]),
      )
    if (length === 'refused')
      expect(read).toThrow(expect.objectContaining({ code: 'CGI_BAD_CONTENT_LENGTH' }))
    else expect(read().contentLength).toBe(length)
  })
}

const REFUSED: ReadonlyArray<{ name: string; params: Params; code: string }> = [
  { name: 'no variables', params: [], code: 'CGI_NO_PARAMS' },
  { name: 'no method', params: [['SCRIPT_NAME', '/']], code: 'CGI_BAD_METHOD' },
  { name: 'method with a blank', params: [['REQUEST_METHOD', 'GET /']], code: 'CGI_BAD_METHOD' },
  { name: 'method with CRLF', params: [['REQUEST_METHOD', 'GET\r\nX: y']], code: 'CGI_BAD_METHOD' },
  { name: 'NUL in a header', params: [...GET, ['HTTP_X', 'a\0b']], code: 'CGI_BAD_VARIABLE' },
  { name: 'NUL in PATH_INFO', params: [...GET, ['PATH_INFO', '/a\0b']], code: 'CGI_BAD_VARIABLE' },
]

for (const { name, params, code } of REFUSED) {
  test(`refused: ${name}`, () => {
    expect(() => parseEnvironment(nameValuesOf(params))).toThrow(expect.objectContaining({ code }))
  })
}

const HOSTS: ReadonlyArray<readonly [Params, string]> = [
  [
    [
      ['HTTP_HOST', 'Acme.Example:8080'],
      ['SERVER_NAME', 'x'],
    ],
    'acme.example',
  ],
  [[['HTTP_HOST', 'acme.example.']], 'acme.example'],
  [[['HTTP_HOST', '[::1]:8080']], '[::1]'],
  [
    [
      ['HTTP_HOST', ''],
      ['SERVER_NAME', 'Fallback'],
    ],
    'fallback',
  ],
  [
    [
      ['HTTP_HOST', 'a.example'],
      ['HTTP_HOST', 'b.example'],
    ],
    'a.example, b.example',
  ],
  [[['HTTP_X_FORWARDED_HOST', 'evil']], ''],
]

for (const [params, host] of HOSTS) {
  test(`host of ${JSON.stringify(params)}`, () => {
    expect(parseEnvironment(nameValuesOf([...GET, ...params])).host).toBe(host)
  })
}

const URIS: ReadonlyArray<readonly [Params, string, string]> = [
  [[['REQUEST_URI', '/x/a%2Fb?q=1&r=%41']], '/x/a%2Fb?q=1&r=%41', '/x/a%2Fb'],
  [[['REQUEST_URI', 'http://host/x?y']], 'http://host/x?y', '/x'],
  [[['REQUEST_URI', 'http://host?y']], 'http://host?y', '/'],
  [[['REQUEST_URI', '*']], '*', '*'],
  [
    [
      ['SCRIPT_NAME', '/a'],
      ['PATH_INFO', '/b c'],
      ['QUERY_STRING', 'd'],
    ],
    '/a/b%20c?d',
    '/a/b%20c',
  ],
  [[], '/', '/'],
]

for (const [params, uri, path] of URIS) {
  test(`request URI of ${JSON.stringify(params)}`, () => {
    const request = parseEnvironment(nameValuesOf([...GET, ...params]))
    expect([request.requestUri, request.path]).toEqual([uri, path])
  })
}

test('the scheme comes from the web server, not from a header', () => {
  const scheme = (params: Params) => parseEnvironment(nameValuesOf([...GET, ...params])).scheme
  expect(scheme([['HTTPS', 'on']])).toBe('https')
  expect(
    scheme([
      ['HTTPS', 'off'],
      ['REQUEST_SCHEME', 'https'],
    ]),
  ).toBe('http')
  expect(
    scheme([
      ['HTTPS', ''],
      ['REQUEST_SCHEME', 'https'],
    ]),
  ).toBe('https')
  expect(scheme([['HTTP_X_FORWARDED_PROTO', 'https']])).toBe('http')
})
