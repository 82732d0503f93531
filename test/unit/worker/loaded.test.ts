/**
 * What a worker loads before it is ready. Each of these files is half a millisecond of the time that a worker which has died is
 * missing, and more on a busy machine.
 */
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'

/** Parts of Node: with a module of these come all others, and 40 ms. */
const BUILTINS = ['http', 'http2', 'https', 'tls', 'zlib', 'internal/deps/undici/undici']
const FILES = [
  { what: 'printers for terminals', path: /\/node_modules\/pino-pretty\// },
  { what: 'the HTTP front', path: /\/src\/gateway\/http\// },
  { what: 'what components take', path: /\/src\/component\/(host|link|resolve)/ },
  { what: 'what hardens and compiles, which threads do', path: /\/src\/wasm\/(harden|meter)/ },
]
/** Its own files, at most. */
const MOST_FILES = 338

const WORKER = pathToFileURL(resolve('src/worker/worker.ts')).href

/** Prints what has been loaded. */
const SCRIPT = `
import { registerHooks } from 'node:module'
const files = []
registerHooks({ load: (url, context, next) => {
  files.push(url)
  return next(url, context)
} })
await import(${JSON.stringify(WORKER)})
const builtins = process.moduleLoadList.filter((name) => name.startsWith('NativeModule '))
console.log(JSON.stringify({ files, builtins: builtins.map((name) => name.slice(13)) }))
process.exit(0)`

const loaded = JSON.parse(
  execFileSync(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }),
) as { readonly files: readonly string[]; readonly builtins: readonly string[] }

test.each(BUILTINS)('not %s', (name) => expect(loaded.builtins).not.toContain(name))

for (const { what, path } of FILES) {
  test(`not ${what}`, () => expect(loaded.files.filter((url) => path.test(url))).toEqual([]))
}

test('no more files than need be', () => {
  const own = loaded.files.filter((url) => url.includes('/src/'))
  expect(own.length).toBeLessThanOrEqual(MOST_FILES)
  expect(own.length).toBeGreaterThan(100)
})
