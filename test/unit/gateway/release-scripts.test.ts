/** Which file of a release of scripts answers which path, and that no script is ever sent as it is. */
import { expect, test } from 'vitest'
import { ReleaseScripts } from '../../../src/gateway/release-scripts.ts'
import type { ScriptRuntime } from '../../../src/gateway/script-runtime.ts'
import { StaticIndex } from '../../../src/gateway/static/static-index.ts'

const LISTING = [
  ...['index.php', 'doc.php', 'lib/exe/call.php', 'lib/index.php', 'x.php/y.php', 'späß.php'],
  ...['index.html', 'lib/style.css', 'doc.php.gz', 'lib/page.html', 'readme'],
].map((path) => ({ path, digest: 'd', bytes: 1 }))

const runtime = {
  name: 'php',
  extensions: ['.php', '.phtml'],
  index: 'index.php',
} as unknown as ScriptRuntime
const scripts = (front?: string, app?: string) =>
  new ReleaseScripts({ runtime: { ...runtime, app }, listing: LISTING, front })

const place = (path: string, folder?: string) => ({
  ...{ path, folder, index: 'index.php', cacheControl: undefined },
})
type Place = ReturnType<typeof place>
const WHOLE = place('/')
const LIB = place('/assets', 'lib')

/** What answers: the script with its name and what follows, `file`, or a code. */
function answer(
  path: string,
  { method = 'GET', front = '', app = '', of = undefined as Place | undefined, route = '' } = {},
): string {
  const asked = { scriptName: route, pathInfo: path.slice(route.length) }
  try {
    const found = scripts(front || undefined, app || undefined).answer({ method, path }, asked, of)
    if (found.kind === 'file') return 'file'
    const { scriptFilename, scriptName, pathInfo = '-' } = found.paths
    return `${scriptFilename} ${scriptName} ${pathInfo}`
  } catch (error) {
    return String(Reflect.get(Object(error), 'code'))
  }
}

const bytes = (text: string) => Buffer.from(text).toString('latin1')

const CASES: ReadonlyArray<readonly [string, Parameters<typeof answer>[1], string]> = [
  ['/', {}, '/app/index.php /index.php -'],
  ['/doc.php', {}, '/app/doc.php /doc.php -'],
  ['/doc.php/a/b.php', {}, '/app/doc.php /doc.php /a/b.php'],
  ['/lib/', {}, '/app/lib/index.php /lib/index.php -'],
  ['/x.php/y.php/z', {}, '/app/x.php/y.php /x.php/y.php /z'],
  [bytes('/späß.php'), {}, bytes('/app/späß.php /späß.php -')],
  ['/shop', { route: '/shop' }, '/app/index.php /shop/index.php -'],
  ['/shop/doc.php/a', { route: '/shop' }, '/app/doc.php /shop/doc.php /a'],
  [
    '/assets/exe/call.php/i',
    { route: '/assets', of: LIB },
    '/app/lib/exe/call.php /assets/exe/call.php /i',
  ],
  ['/assets/', { route: '/assets', of: LIB }, '/app/lib/index.php /assets/index.php -'],
  ['/assets/style.css', { route: '/assets', of: LIB }, 'file'],
  ['/assets/doc.php', { route: '/assets', of: LIB }, 'file'],
  ['/lib/style.css', { of: WHOLE }, 'file'],
  ['/lib/style.css', { of: WHOLE, front: 'index.php' }, 'file'],
  ['/lib/style.css', {}, 'GATEWAY_UNKNOWN_HANDLER'],
  ['/lib/style.css', { front: 'index.php' }, '/app/index.php /index.php -'],
  ['/pretty/page', { of: WHOLE, front: 'index.php' }, '/app/index.php /index.php -'],
  ['/shop/pretty', { route: '/shop', front: 'doc.php' }, '/app/doc.php /shop/doc.php -'],
  ['/', { app: 'a:b' }, '/app  /'],
  ['/doc.php', { app: 'a:b' }, '/app  /doc.php'],
  ['/shop/doc.php/a', { app: 'a:b', route: '/shop' }, '/app /shop /doc.php/a'],
  ['/lib/style.css', { app: 'a:b', of: WHOLE }, 'file'],
  ['/lib/none.css', { app: 'a:b', of: WHOLE }, '/app  /lib/none.css'],
  ['/assets/exe/call.php', { app: 'a:b', route: '/assets', of: LIB }, '/app /assets /exe/call.php'],
  ['/gone.php', {}, 'GATEWAY_UNKNOWN_HANDLER'],
  ['/lib/style.css', { of: WHOLE, method: 'POST' }, 'GATEWAY_WRONG_METHOD'],
  ['/doc.php', { of: WHOLE, method: 'POST' }, '/app/doc.php /doc.php -'],
  ['/a/../doc.php', {}, 'CGI_BAD_PATH'],
]

test.each(CASES)('%s %j is answered by %s', (path, options, wanted) => {
  expect(answer(path, options)).toBe(wanted)
})

test('scripts are not among the files that are sent, whatever stands for a folder', () => {
  const { others } = scripts()
  expect(others.map(({ path }) => path)).toEqual([
    'index.html',
    'lib/style.css',
    'doc.php.gz',
    'lib/page.html',
    'readme',
  ])
  for (const { folder, index } of [WHOLE, LIB]) {
    const files = new StaticIndex(others, { folder, index })
    for (const path of ['/', '', '/index.php', '/doc.php', '/exe/call.php', '/lib', '/lib/'])
      expect(files.find(path), path).toBe(undefined)
  }
})
