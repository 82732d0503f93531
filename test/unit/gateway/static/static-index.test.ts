import { expect, test } from 'vitest'
import { StaticIndex } from '../../../../src/gateway/static/static-index.ts'

const PATHS: ReadonlyArray<readonly [path: string, bytes: number]> = [
  ['index.html', 10],
  ['about.html', 10],
  ['docs/index.html', 10],
  ['docs/a b.txt', 10],
  ['docs/empty/x.txt', 0],
  ['caf\u00e9/\u65e5.txt', 10],
  ['app.js', 100],
  ['app.js.br', 20],
  ['app.js.gz', 30],
  ['tiny.js', 10],
  ['tiny.js.gz', 10],
  ['.htpasswd', 10],
  ['.git/config', 10],
  ['docs/.env', 10],
  ['docs/.d/x.txt', 10],
  ['.well-known/security.txt', 10],
  ['.well-known/.secret', 10],
  ['.well-knownish/x', 10],
  ['docs/.well-known/x', 10],
]
const LISTING = PATHS.map(([path, bytes]) => ({ path, bytes, digest: '0'.repeat(64) }))
const files = new StaticIndex(LISTING, { folder: undefined, index: 'index.html' })

const FOUND: ReadonlyArray<readonly [pathInfo: string, path: string]> = [
  ['/', 'index.html'],
  ['', 'index.html lacks a slash'],
  ['/index.html', 'index.html'],
  ['/about.html', 'about.html'],
  ['/docs/', 'docs/index.html'],
  ['/docs', 'docs/index.html lacks a slash'],
  ['/docs/a b.txt', 'docs/a b.txt'],
  ['/docs/empty/x.txt', 'docs/empty/x.txt'],
  ['/caf\xc3\xa9/\xe6\x97\xa5.txt', 'caf\u00e9/\u65e5.txt'],
  ['/app.js', 'app.js br gzip'],
  ['/app.js.br', 'app.js.br'],
  ['/tiny.js', 'tiny.js'],
  ['/.well-known/security.txt', '.well-known/security.txt'],
]

for (const [pathInfo, path] of FOUND) {
  test(`${JSON.stringify(pathInfo)} is there`, () => expect(show(files, pathInfo)).toBe(path))
}

const MISSING = [
  '/nothing.html',
  '/docs/empty',
  '/docs/empty/',
  '/about.html/',
  '/about.html/x',
  '/About.html',
  '//',
  '//index.html',
  '//docs/',
  '/docs//',
  '/./index.html',
  '/docs/../index.html',
  '/..',
  '/../index.html',
  '/../../etc/passwd',
  '/docs/..',
  '/docs/../',
  '/docs\\..\\index.html',
  '/index.html\0',
  '/index.html\0.png',
  '/\0',
  '/caf\u00e9/\u65e5.txt',
  '/caf\xe9/x',
  '/%69ndex.html',
  '/.htpasswd',
  '/.git/config',
  '/.git',
  '/docs/.env',
  '/docs/.d/x.txt',
  '/.well-known/.secret',
  '/.well-known/',
  '/.well-knownish/x',
  '/docs/.well-known/x',
  '/constructor',
  '/__proto__',
  `/${'x'.repeat(100_000)}`,
  '/'.repeat(100_000),
]

for (const pathInfo of MISSING) {
  test(`${JSON.stringify(pathInfo.slice(0, 60))} is not`, () => {
    expect(files.find(pathInfo)).toBeUndefined()
  })
}

test('without an index folders do not answer', () => {
  const plain = new StaticIndex(LISTING, { folder: undefined, index: undefined })
  expect(['', '/', '/docs', '/docs/'].map((pathInfo) => plain.find(pathInfo))).toEqual(
    Array(4).fill(undefined),
  )
  expect(show(plain, '/docs/index.html')).toBe('docs/index.html')
})

test('a listing that names places outside serves none of them', () => {
  const paths = ['../secret', 'a/../../secret', './x', 'a/./x', '..']
  const evil = new StaticIndex(
    paths.map((path) => ({ path, bytes: 1, digest: '0'.repeat(64) })),
    { folder: undefined, index: '..' },
  )
  for (const path of paths) expect(evil.find(`/${path}`)).toBeUndefined()
  expect(evil.find('/')).toBeUndefined()
})

test('of one folder only', () => {
  const docs = new StaticIndex(LISTING, { folder: 'docs', index: 'index.html' })
  expect(show(docs, '/')).toBe('docs/index.html')
  expect(show(docs, '/a b.txt')).toBe('docs/a b.txt')
  expect(show(docs, '/empty/x.txt')).toBe('docs/empty/x.txt')
  for (const path of ['/docs/', '/about.html', '/.env', '/../about.html', '/.well-known/x.txt']) {
    expect(docs.find(path)).toBeUndefined()
  }
  const deep = new StaticIndex(LISTING, { folder: 'docs/empty', index: undefined })
  expect(show(deep, '/x.txt')).toBe('docs/empty/x.txt')
  const part = new StaticIndex(LISTING, { folder: 'doc', index: 'index.html' })
  expect(part.find('/s/')).toBeUndefined()
})

function show(index: StaticIndex, pathInfo: string): string {
  const match = index.find(pathInfo)
  if (match === undefined) return 'nothing'
  const codings = [...match.compressed.keys()].map(({ name }) => ` ${name}`).join('')
  return match.file.path + codings + (match.lacksSlash ? ' lacks a slash' : '')
}
