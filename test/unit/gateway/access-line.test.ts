import { beforeAll, describe, expect, test, vi } from 'vitest'
import {
  compileAccessFormat,
  escapeLogValue,
  isSuppressed,
} from '../../../src/gateway/access-line.ts'
import type { AccessEntry } from '../../../src/gateway/access-log.ts'

beforeAll(() => {
  vi.stubEnv('TZ', 'America/St_Johns')
})

const VARIABLES = new Map([
  ['HTTP_HOST', 'acme.example'],
  ['HTTP_COOKIE', 'session=secret'],
  ['EVIL', 'a" 200 "b\\'],
])

const ENTRY: AccessEntry = {
  requestId: 'abc-1',
  tenant: 'acme',
  handler: 'hello.wasm',
  method: 'GET',
  uri: '/hello.wasm/x?a=1&b=2',
  remote: '192.0.2.7',
  status: 200,
  requestBytes: 0,
  responseBytes: 12,
  wallMs: 12.3456,
  cpuMs: 1.5,
  queuedMs: 0,
  memoryBytes: 3_145_728,
  code: undefined,
  pool: 'www',
  user: 'kim',
  script: '/hello.wasm',
  contentLength: 0,
  startEpochMs: Date.UTC(2026, 10, 23, 5, 24, 45, 999),
  endEpochMs: Date.UTC(2026, 10, 23, 5, 24, 46),
  pid: 11,
  parentPid: 7,
  variable: (name) => VARIABLES.get(name),
  responseHeader: (name) =>
    ({ 'content-type': 'text/plain', 'set-cookie': 'session=secret' })[name],
}

const CASES: ReadonlyArray<readonly [format: string, line: string]> = [
  // php-fpm's default.
  ['%R - %u %t "%m %r" %s', '192.0.2.7 - kim 23/Nov/2026:01:54:45 -0330 "GET /hello.wasm/x" 200'],
  [
    '%R - %u %t "%m %r%Q%q" %s %f %{milli}d %{kilo}M %C%%',
    '192.0.2.7 - kim 23/Nov/2026:01:54:45 -0330 "GET /hello.wasm/x?a=1&b=2" 200 /hello.wasm 12.346 3072 12.15%',
  ],
  ['%d %{seconds}d %{milliseconds}d %{micro}d %{microseconds}d', '0.012 0.012 12.346 12346 12346'],
  ['%M %{bytes}M %{kilobytes}M %{mega}M %{megabytes}M', '3145728 3145728 3072 3 3'],
  ['%C %{user}C %{system}C %{total}C', '12.15 12.15 0.00 12.15'],
  ['%{HTTP_HOST}e %{NONE}e', 'acme.example -'],
  ['%{Content-Type}o %{X-None}o', 'text/plain -'],
  ['%l %n %p %P', '0 www 11 7'],
  ['%{%Y-%m-%dT%H:%M:%S%z}T', '2026-11-23T01:54:46-0330'],
  ['%{HTTP_COOKIE}e %{http_cookie}e %{Set-Cookie}o', '- - -'],
  ['"%{EVIL}e"', '"a\\" 200 \\"b\\\\"'],
  ['plain', 'plain'],
]
for (const [format, line] of CASES) {
  test(`format ${format}`, () => expect(compileAccessFormat(format)(ENTRY)).toBe(line))
}

test('a request that says little', () => {
  const entry = { ...ENTRY, uri: '/', user: '', script: '', method: '', remote: '', wallMs: 0 }
  expect(compileAccessFormat('%R %u %f %m [%r%Q%q] %C')(entry)).toBe('- - - - [/] 0.00')
  expect(compileAccessFormat('[%Q%q]')({ ...entry, uri: '/?' })).toBe('[]')
})

test('no value forges a line', () => {
  const evil = '\r\n192.0.2.1 - - "GET / \x1b[1m\x9b\u2028'
  const variable = () => evil
  const entry = {
    ...ENTRY,
    uri: evil,
    user: evil,
    script: evil,
    method: evil,
    remote: evil,
    pool: evil,
    variable,
    responseHeader: variable,
  }
  for (const token of [
    '%R',
    '%u',
    '%f',
    '%m',
    '%r',
    '%n',
    '%{X}e',
    '%{X}o',
    '%{\n}t'.replace('\n', '%n'),
  ]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(compileAccessFormat(token)(entry)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028]|(?<!\\)"/)
  }
})

test('a long line is cut', () => {
  const line = compileAccessFormat('%r')({ ...ENTRY, uri: `/${'x'.repeat(100_000)}` })
  expect([line.length, line.slice(-5)]).toEqual([8192, 'xx...'])
  expect(compileAccessFormat('%r', 10)({ ...ENTRY, uri: '/123456789' })).toBe('/123456789')
  expect(compileAccessFormat('%r', 10)({ ...ENTRY, uri: '/1234567890' })).toBe('/123456...')
})

const ESCAPES: ReadonlyArray<readonly [value: string, escaped: string]> = [
  ['/plain?a=1', '/plain?a=1'],
  ['a"b\\c', 'a\\"b\\\\c'],
  ['\x00\n\t\x7f', '\\x00\\x0a\\x09\\x7f'],
  ['caf\xc3\xa9', 'café'],
  ['\xff', '\ufffd'],
  ['\u202eabc', '\\u202eabc'],
  ['\xe2\x80\xa8', '\\u2028'],
]
for (const [value, escaped] of ESCAPES) {
  test(`escaping ${JSON.stringify(value)}`, () => expect(escapeLogValue(value)).toBe(escaped))
}

describe('access_suppress_path', () => {
  const quiet = { ...ENTRY, uri: '/ping' }
  const PATHS = ['/ping', '/up']
  test('drops what php-fpm drops', () => {
    expect(isSuppressed(quiet, PATHS)).toBe(true)
    expect(isSuppressed({ ...quiet, method: 'HEAD', status: 204 }, PATHS)).toBe(true)
  })
  const KEPT: ReadonlyArray<readonly [string, Partial<AccessEntry>]> = [
    ['another method', { method: 'POST' }],
    ['a query', { uri: '/ping?' }],
    ['a body', { requestBytes: 1 }],
    ['an announced body', { contentLength: 1 }],
    ['a failure', { status: 503 }],
    ['a redirect', { status: 301 }],
    ['another path', { uri: '/ping/' }],
  ]
  for (const [name, change] of KEPT) {
    test(`keeps ${name}`, () => expect(isSuppressed({ ...quiet, ...change }, PATHS)).toBe(false))
  }
  test('keeps everything without paths', () => expect(isSuppressed(quiet, [])).toBe(false))
})
