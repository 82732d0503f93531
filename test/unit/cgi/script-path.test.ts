import { expect, test } from 'vitest'
import { scriptCandidates } from '../../../src/cgi/script-path.ts'

const RULES = { documentRoot: '/srv/acme', extensions: ['.wasm'] }
const PATH = '/x/params/a/b/c d.wasm/pi'
const WANTED = {
  scriptPath: 'x/params/a/b/c d.wasm',
  scriptName: '/x/params/a/b/c d.wasm',
  pathInfo: '/pi',
}

const SERVERS: ReadonlyArray<{ name: string; sent: Record<string, string> }> = [
  { name: 'nginx', sent: { SCRIPT_NAME: PATH, SCRIPT_FILENAME: `/srv/acme${PATH}` } },
  {
    name: 'nginx, fastcgi_split_path_info',
    sent: {
      SCRIPT_NAME: '/x/params/a/b/c d.wasm',
      PATH_INFO: '/pi',
      SCRIPT_FILENAME: '/srv/acme/x/params/a/b/c d.wasm',
    },
  },
  {
    name: 'Apache, ProxyPass',
    sent: {
      SCRIPT_NAME: PATH,
      SCRIPT_FILENAME: 'proxy:fcgi://127.0.0.1:9000/srv/acme/x/params/a/b/c%20d.wasm/pi',
    },
  },
  {
    name: 'Apache, ProxyPass to the bare address',
    sent: {
      SCRIPT_NAME: PATH,
      SCRIPT_FILENAME: 'proxy:fcgi://127.0.0.1:9000/x/params/a/b/c%20d.wasm/pi',
    },
  },
  {
    name: 'Apache, balancer with a query',
    sent: {
      SCRIPT_NAME: PATH,
      SCRIPT_FILENAME: 'proxy:balancer://pool//srv/acme/x/params/a/b/c%20d.wasm/pi?q=/1.wasm',
    },
  },
  {
    name: 'Apache, SetHandler to a socket',
    sent: {
      SCRIPT_NAME: PATH,
      SCRIPT_FILENAME:
        'proxy:unix:/run/www.sock|fcgi://localhost/srv/acme/x/params/a/b/c%20d.wasm/pi',
    },
  },
  {
    name: 'Apache, proxy-fcgi-pathinfo',
    sent: {
      SCRIPT_NAME: '/x/params/a/b/c d.wasm',
      PATH_INFO: '/pi',
      SCRIPT_FILENAME: 'proxy:fcgi://127.0.0.1:9000/srv/acme/x/params/a/b/c%20d.wasm/pi',
    },
  },
  { name: 'Apache, GENERIC', sent: { SCRIPT_NAME: PATH, SCRIPT_FILENAME: `/srv/acme${PATH}` } },
  {
    name: 'lighttpd, prefix match',
    sent: {
      SCRIPT_NAME: '/x/params',
      PATH_INFO: '/a/b/c d.wasm/pi',
      SCRIPT_FILENAME: '/srv/acme/x/params',
    },
  },
  { name: 'HAProxy', sent: { SCRIPT_NAME: PATH, SCRIPT_FILENAME: `/srv/acme${PATH}` } },
  {
    name: 'Caddy',
    sent: {
      SCRIPT_NAME: '/x/params/a/b/c d.wasm',
      PATH_INFO: '/pi',
      SCRIPT_FILENAME: '/srv/acme/x/params/a/b/c d.wasm',
    },
  },
  { name: 'h2o', sent: { SCRIPT_NAME: '', PATH_INFO: PATH } },
  {
    name: 'a web server that sees the root elsewhere',
    sent: {
      SCRIPT_NAME: PATH,
      DOCUMENT_ROOT: '/var/www/html',
      SCRIPT_FILENAME: `/var/www/html${PATH}`,
    },
  },
  {
    name: 'a web server that sees the root elsewhere and does not say where',
    sent: { SCRIPT_NAME: PATH, SCRIPT_FILENAME: `/var/www/html${PATH}` },
  },
]

for (const { name, sent } of SERVERS) {
  test(`what ${name} sends`, () => {
    const candidates = scriptCandidates(new Map(Object.entries(sent)), RULES)
    const found = candidates.find(({ scriptPath }) => scriptPath === WANTED.scriptPath)
    expect(found).toEqual(WANTED)
  })
}

const CANDIDATES: ReadonlyArray<{
  name: string
  sent: Record<string, string>
  paths: readonly string[]
}> = [
  {
    name: 'an uploaded picture is never run',
    sent: { SCRIPT_NAME: '/img.png/x.wasm' },
    paths: ['img.png/x.wasm'],
  },
  { name: 'no allowed extension', sent: { SCRIPT_NAME: '/img.png' }, paths: [] },
  { name: 'the extension alone is no name', sent: { SCRIPT_NAME: '/.wasm' }, paths: [] },
  {
    name: 'shortest first',
    sent: { SCRIPT_NAME: '/a.wasm/b.wasm' },
    paths: ['a.wasm', 'a.wasm/b.wasm'],
  },
  { name: 'case counts', sent: { SCRIPT_NAME: '/A.WASM' }, paths: [] },
  { name: 'an extension in the middle', sent: { SCRIPT_NAME: '/a.wasm.bak' }, paths: [] },
  { name: 'empty and dot segments', sent: { SCRIPT_NAME: '//./a//b.wasm' }, paths: ['a/b.wasm'] },
  {
    name: 'escapes are decoded once only',
    sent: { SCRIPT_NAME: '/q', SCRIPT_FILENAME: 'proxy:fcgi://h:1/srv/acme/a%2541.wasm' },
    paths: ['a%41.wasm', 'a%2541.wasm'],
  },
  {
    name: 'a file outside the root means the one in the root',
    sent: { SCRIPT_NAME: '/a.wasm', SCRIPT_FILENAME: '/srv/acme2/secret.wasm' },
    paths: ['a.wasm'],
  },
  {
    name: 'the web server pins the file',
    sent: { SCRIPT_NAME: '/other.wasm', SCRIPT_FILENAME: '/srv/acme/front.wasm' },
    paths: ['front.wasm'],
  },
  {
    name: 'a newline is a character like any other',
    sent: { SCRIPT_NAME: '/a.wasm\n/b' },
    paths: [],
  },
  { name: 'nothing sent', sent: {}, paths: [] },
]

for (const { name, sent, paths } of CANDIDATES) {
  test(name, () => {
    expect(
      scriptCandidates(new Map(Object.entries(sent)), RULES).map(({ scriptPath }) => scriptPath),
    ).toEqual(paths)
  })
}

const TRICKS: readonly Record<string, string>[] = [
  { SCRIPT_NAME: '/../a.wasm' },
  { SCRIPT_NAME: '/a.wasm/..' },
  { SCRIPT_NAME: '/%2e%2e/a.wasm' },
  { SCRIPT_NAME: '/.%2E/a.wasm' },
  { SCRIPT_NAME: '/a.wasm\0.png' },
  { SCRIPT_NAME: '', PATH_INFO: '/..' },
  { SCRIPT_NAME: '/x', SCRIPT_FILENAME: '/srv/acme/../other/a.wasm' },
  { SCRIPT_NAME: '/x', SCRIPT_FILENAME: 'proxy:fcgi://h:1/srv/acme/%2e%2e/a.wasm' },
  { SCRIPT_NAME: '/x', SCRIPT_FILENAME: 'proxy:fcgi://h:1/srv/acme/..%2fa.wasm' },
  { SCRIPT_NAME: '/x', SCRIPT_FILENAME: 'proxy:fcgi://h:1/srv/acme/a.wasm%00.png' },
]

for (const sent of TRICKS) {
  test(`refused: ${JSON.stringify(sent)}`, () => {
    expect(() => scriptCandidates(new Map(Object.entries(sent)), RULES)).toThrow(
      expect.objectContaining({ code: 'CGI_BAD_PATH' }),
    )
  })
}

test('a script that is its own PATH_INFO', () => {
  const sent = { SCRIPT_NAME: '/a.wasm', PATH_INFO: '/a.wasm', SCRIPT_FILENAME: '/srv/acme/a.wasm' }
  expect(scriptCandidates(new Map(Object.entries(sent)), RULES)[0]).toEqual({
    scriptPath: 'a.wasm',
    scriptName: '/a.wasm',
    pathInfo: '/a.wasm',
  })
})

test('an index is proposed for a folder only', () => {
  const rules = { ...RULES, indexes: ['index.wasm'] }
  const find = (path: string) => scriptCandidates(new Map([['PATH_INFO', path]]), rules)
  expect(find('/')).toEqual([{ scriptPath: 'index.wasm', scriptName: '/index.wasm', pathInfo: '' }])
  expect(find('/shop/')).toEqual([
    { scriptPath: 'shop/index.wasm', scriptName: '/shop/index.wasm', pathInfo: '' },
  ])
  expect(find('/shop')).toEqual([])
  expect(scriptCandidates(new Map([['PATH_INFO', '/']]), { ...rules, indexes: ['a.txt'] })).toEqual(
    [],
  )
})

const PATH_INFOS = ['', '/', '/foo', '/foo/', '//', '//foo//', '/./', '/foo/index.wasm/', '/a b/é/']

/** How the URL /s.wasm with `info` behind it is told: whole, split, split with a whole file name, by address, by URL only. */
const TELLINGS: ReadonlyArray<(info: string) => Record<string, string>> = [
  (info) => ({ SCRIPT_NAME: `/s.wasm${info}`, SCRIPT_FILENAME: `/srv/acme/s.wasm${info}` }),
  (info) => ({ SCRIPT_NAME: '/s.wasm', PATH_INFO: info, SCRIPT_FILENAME: '/srv/acme/s.wasm' }),
  (info) => ({
    SCRIPT_NAME: '/s.wasm',
    PATH_INFO: info,
    SCRIPT_FILENAME: `/srv/acme/s.wasm${info}`,
  }),
  (info) => ({
    SCRIPT_NAME: `/s.wasm${info}`,
    SCRIPT_FILENAME: `proxy:fcgi://h:1/srv/acme/s.wasm${info}`,
  }),
  (info) => ({ SCRIPT_NAME: '', PATH_INFO: `/s.wasm${info}` }),
]

for (const index of [undefined, 'index.wasm']) {
  for (const info of PATH_INFOS) {
    test(`PATH_INFO ${JSON.stringify(info)} is what follows the script, index ${index}`, () => {
      for (const tell of TELLINGS) {
        const rules = index === undefined ? RULES : { ...RULES, indexes: [index] }
        const [first] = scriptCandidates(new Map(Object.entries(tell(info))), rules)
        expect(first).toEqual({ scriptPath: 's.wasm', scriptName: '/s.wasm', pathInfo: info })
      }
    })
  }
}

test('the number of candidates is bounded', () => {
  const path = '/a.wasm'.repeat(1000)
  expect(scriptCandidates(new Map([['SCRIPT_NAME', path]]), RULES).length).toBe(8)
})
