import { expect, test } from 'vitest'
import { contentTypeOf } from '../../../../src/gateway/static/content-type.ts'

const CASES: ReadonlyArray<readonly [path: string, type: string]> = [
  ['index.html', 'text/html; charset=utf-8'],
  ['a/b/site.css', 'text/css; charset=utf-8'],
  ['app.js', 'text/javascript; charset=utf-8'],
  ['app.mjs', 'text/javascript; charset=utf-8'],
  ['app.js.map', 'application/json'],
  ['LOUD.PNG', 'image/png'],
  ['logo.svg', 'image/svg+xml'],
  ['feed.xml', 'application/xml'],
  ['lib.wasm', 'application/wasm'],
  ['font.woff2', 'font/woff2'],
  ['app.js.gz', 'application/gzip'],
  ['site.webmanifest', 'application/manifest+json'],
  ['html', 'application/octet-stream'],
  ['a.html/b', 'application/octet-stream'],
  ['a.html/', 'application/octet-stream'],
  ['name.', 'application/octet-stream'],
  ['name.unheard-of', 'application/octet-stream'],
  ['x.constructor', 'application/octet-stream'],
  ['x.__proto__', 'application/octet-stream'],
  ['', 'application/octet-stream'],
]

for (const [path, type] of CASES) {
  test(`type of ${JSON.stringify(path)}`, () => expect(contentTypeOf(path)).toBe(type))
}
