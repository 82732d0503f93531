import { expect, test } from 'vitest'
import { NameValues, nameValuesOf } from '../../../src/base/name-values.ts'
import { parseEnvironment } from '../../../src/cgi/environment.ts'
import {
  type GuestEnvironmentOptions,
  guestEnvironment,
} from '../../../src/cgi/guest-environment.ts'

const OPTIONS: GuestEnvironmentOptions = {
  documentRoot: '/www',
  scriptFilename: '/www/a.wasm',
  scriptName: '/a.wasm',
  pathInfo: '/pi',
  role: 'responder',
  env: {},
}

function environment(
  params: ReadonlyArray<readonly [string, string]>,
  options: Partial<GuestEnvironmentOptions> = {},
): Map<string, string> {
  const request = parseEnvironment(nameValuesOf([['REQUEST_METHOD', 'GET'], ...params]))
  const entries = guestEnvironment(request, { ...OPTIONS, ...options })
  const map = new Map(
    entries.map((entry) => [
      entry.slice(0, entry.indexOf('=')),
      entry.slice(entry.indexOf('=') + 1),
    ]),
  )
  expect(map.size, 'each name once').toBe(entries.length)
  return map
}

test('the whole environment of a minimal request', () => {
  expect(environment([])).toEqual(
    new Map([
      ['REQUEST_METHOD', 'GET'],
      ['GATEWAY_INTERFACE', 'CGI/1.1'],
      ['QUERY_STRING', ''],
      ['REQUEST_URI', '/'],
      ['SERVER_NAME', ''],
      ['SERVER_PORT', '80'],
      ['SERVER_PROTOCOL', 'HTTP/1.1'],
      ['SERVER_SOFTWARE', 'wasm-fpm'],
      ['DOCUMENT_ROOT', '/www'],
      ['SCRIPT_FILENAME', '/www/a.wasm'],
      ['SCRIPT_NAME', '/a.wasm'],
      ['PATH_INFO', '/pi'],
      ['PATH_TRANSLATED', '/www/pi'],
      ['FCGI_ROLE', 'RESPONDER'],
    ]),
  )
})

test('no path of the host, no PATH of the web server, nothing of this process', () => {
  const seen = environment([
    ['PATH', '/usr/sbin:/usr/bin'],
    ['DOCUMENT_ROOT', '/srv/host'],
    ['CONTEXT_DOCUMENT_ROOT', '/srv/host'],
    ['SCRIPT_FILENAME', 'proxy:fcgi://127.0.0.1:9000/srv/host/a.wasm/pi'],
    ['PATH_TRANSLATED', '/srv/host/pi'],
  ])
  expect(
    [...seen.values()].filter((value) => value.includes('/srv') || value.includes('/usr')),
  ).toEqual([])
  expect(seen.has('HOME')).toBe(false)
})

test('what the web server sent is kept', () => {
  const seen = environment([
    ['GATEWAY_INTERFACE', 'CGI/1.2'],
    ['QUERY_STRING', 'a=b'],
    ['HTTP_X', 'y'],
  ])
  expect([seen.get('GATEWAY_INTERFACE'), seen.get('QUERY_STRING'), seen.get('HTTP_X')]).toEqual([
    'CGI/1.2',
    'a=b',
    'y',
  ])
})

test('a password is for authorizers only', () => {
  const params = [['REMOTE_PASSWD', 'secret']] as const
  expect(environment(params).has('REMOTE_PASSWD')).toBe(false)
  const authorizer = environment(params, { role: 'authorizer' })
  expect([authorizer.get('REMOTE_PASSWD'), authorizer.get('FCGI_ROLE')]).toEqual([
    'secret',
    'AUTHORIZER',
  ])
})

test("the operator's variables win and are UTF-8", () => {
  const seen = environment([['HTTP_X', 'client']], {
    env: { PATH: '/bin', HTTP_X: 'operator', GREETING: 'é' },
  })
  expect([seen.get('PATH'), seen.get('HTTP_X'), seen.get('GREETING')]).toEqual([
    '/bin',
    'operator',
    '\xc3\xa9',
  ])
})

test('without a PATH_INFO there is no PATH_TRANSLATED', () => {
  const seen = environment([], { pathInfo: '' })
  expect([seen.get('PATH_INFO'), seen.has('PATH_TRANSLATED')]).toEqual(['', false])
})

test('requests of the same names have nothing else in common', () => {
  const names = ['REQUEST_METHOD', 'PATH', 'PATH_INFO', 'REMOTE_PASSWD', 'HTTP_X', 'CONTENT_LENGTH']
  const ask = (values: readonly string[], options: Partial<GuestEnvironmentOptions>): string[] => {
    const text = values.join('')
    const ends = values.map((_, at) => values.slice(0, at + 1).join('').length)
    const starts = [0, ...ends.slice(0, -1)]
    const params = new NameValues(names, Buffer.from(text, 'latin1'), ends, starts)
    return guestEnvironment(parseEnvironment(params), { ...OPTIONS, ...options }).filter((entry) =>
      names.includes(entry.slice(0, entry.indexOf('='))),
    )
  }
  const [none, own] = [{}, { HTTP_X: 'operator', PATH: '/bin' }]
  const first = ['GET', '/sbin', '/sent', 'secret', '\xff1', '5']
  const second = ['PUT', '', '/sent2', '', 'x'.repeat(300), '-1']
  for (let round = 0; round < 2; round++) {
    expect(ask(first, { env: none })).toEqual([
      ...['REQUEST_METHOD=GET', 'HTTP_X=\xff1', 'CONTENT_LENGTH=5', 'PATH_INFO=/pi'],
    ])
    expect(ask(second, { env: none })).toEqual([
      ...['REQUEST_METHOD=PUT', `HTTP_X=${'x'.repeat(300)}`, 'PATH_INFO=/pi'],
    ])
    expect(ask(first, { env: own })).toEqual([
      ...['REQUEST_METHOD=GET', 'CONTENT_LENGTH=5', 'PATH_INFO=/pi'],
      ...['HTTP_X=operator', 'PATH=/bin'],
    ])
    expect(ask(first, { env: none, role: 'authorizer', sent: ['PATH_INFO'] })).toEqual([
      ...['REQUEST_METHOD=GET', 'PATH_INFO=/sent', 'REMOTE_PASSWD=secret', 'HTTP_X=\xff1'],
      'CONTENT_LENGTH=5',
    ])
    expect(ask(second, { env: own, sent: ['PATH_INFO', 'PATH_TRANSLATED'] })).toEqual([
      ...['REQUEST_METHOD=PUT', 'PATH_INFO=/sent2', 'HTTP_X=operator', 'PATH=/bin'],
    ])
  }
})
