/** DokuWiki as Debian has it, unchanged: visited from the start page to the administration, answer by answer as under php-fpm. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Answer } from '../support/peers/http-client.ts'
import {
  havePhpSides,
  type PhpSides,
  type Side,
  startPhpSides,
} from '../support/peers/php-sides.ts'
import { SIDES, upload, type Visit, Visitors } from '../support/peers/visitors.ts'

const ROOT = '/usr/share/dokuwiki'

const LOCATIONS = `
    index doku.php;
    location / { try_files $uri $uri/ =404; }
    location ~ [.]php(/|$) {
      fastcgi_pass BACKEND;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    }`

const MARKUP = `====== Heading ======
**bold** //italic// __under__ ''mono'' <sub>sub</sub> <del>gone</del> [[start|link]] [[missing]] https://example.org me@example.org
  * one
    * two
  - first
> quote
^ a ^ b ^
| 1 | 2 |
<code php t.php>
<?php echo strlen("x"); // comment
</code>
<file>plain</file> <html><b>no</b></html>
---- 
{{wiki:dokuwiki-128.png?50|picture}} ((a footnote)) :-) -> (c) "quoted" 640x480 FIXME
===== Second =====
text äöü € 漢字
===== Third =====
~~NOTOC~~
`

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const CALL = (method: string, params = ''): Visit => ({
  name: `xmlrpc ${method}`,
  path: '/lib/exe/xmlrpc.php',
  headers: { 'Content-Type': 'text/xml' },
  body: `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`,
})

const LOGIN = { id: 'start', do: 'login', u: 'admin', sectok: 'TOKEN:sectok' }
const SAVE = { sectok: 'TOKEN:sectok', rev: '0', prefix: '.', suffix: '', target: 'section' }
const save = (id: string, text: string, more: Record<string, string> = {}): Visit => ({
  name: `save ${id}`,
  path: `/doku.php?id=${id}`,
  form: {
    ...{ ...SAVE, date: 'TOKEN:date', changecheck: 'TOKEN:changecheck', id },
    ...{ wikitext: text, summary: 'a summary', 'do[save]': 'Save', ...more },
  },
  status: 302,
  isLater: true,
})

const VISITS: readonly Visit[] = [
  { path: '/', has: 'This topic does not exist yet' },
  { path: '/doku.php', has: 'DokuWiki' },
  { path: '/doku.php?id=wiki:syntax' },
  { path: '/doku.php?id=no:such:page', has: 'This topic does not exist yet' },
  { path: '/doku.php?id=start&do=edit' },
  { path: '/lib/exe/css.php?t=dokuwiki', has: '.dokuwiki' },
  { path: '/lib/exe/css.php?t=dokuwiki', name: 'css again' },
  { path: '/lib/exe/js.php?t=dokuwiki', has: 'function' },
  { path: '/lib/exe/jquery.php', has: 'jQuery' },
  { path: '/lib/exe/jquery.php', name: 'jquery again' },
  { path: '/lib/exe/manifest.php' },
  { path: '/lib/exe/opensearch.php' },
  { path: '/lib/exe/taskrunner.php?id=start' },
  { path: '/lib/exe/fetch.php?media=no-such.png', status: 404 },
  { path: '/lib/exe/fetch.php', status: 400 },
  { path: '/lib/exe/detail.php?media=wiki:dokuwiki-128.png' },
  { path: '/lib/tpl/dokuwiki/images/logo.png' },
  { path: '/feed.php', has: '<rdf:RDF' },
  { path: '/feed.php?type=rss2&mode=list&ns=' },
  { path: '/feed.php?type=atom1' },
  { path: '/doku.php?do=sitemap', status: 404 },
  { path: '/doku.php?do=index' },
  { path: '/doku.php?do=recent' },
  { path: '/doku.php?do=search&q=nothing' },
  { path: '/doku.php?do=media' },
  { path: '/doku.php?id=start&do=backlink' },
  { path: '/doku.php?id=start&do=revisions' },
  { path: '/doku.php?id=start&do=admin' },
  { path: '/doku.php?id=start&do=register' },
  { path: '/doku.php?id=start&do=nonsense' },
  { path: '/doku.php?id=start&do=login', has: 'sectok' },
  {
    name: 'wrong password',
    path: '/doku.php?id=start',
    form: { ...LOGIN, p: 'wrong' },
    status: 403,
  },
  {
    ...{ name: 'log in, with a token that is not looked at', path: '/doku.php?id=start' },
    ...{ form: { ...LOGIN, p: 'secret', sectok: 'nonsense' }, status: 302 },
  },
  { path: '/doku.php?id=start', name: 'a first log-in' },
  {
    path: '/doku.php?id=start&do=logout&sectok=TOKEN:sectok',
    name: 'a first log-out',
    status: 302,
  },
  { path: '/doku.php?id=start&do=login', name: 'the form again', has: 'sectok' },
  {
    name: 'log in',
    path: '/doku.php?id=start',
    form: { ...LOGIN, p: 'secret', r: '1' },
    status: 302,
  },
  { path: '/doku.php?id=start', name: 'logged in', has: 'Administrator' },
  { path: '/doku.php?id=start&do=profile' },
  { path: '/doku.php?id=start&do=admin', name: 'admin, logged in', has: 'Configuration Settings' },
  { path: '/doku.php?id=start&do=admin&page=config' },
  { path: '/doku.php?id=start&do=admin&page=usermanager' },
  { path: '/doku.php?id=start&do=admin&page=acl' },
  { path: '/doku.php?id=start&do=admin&page=revert' },
  { path: '/doku.php?id=start&do=admin&page=popularity' },
  { path: '/doku.php?id=start&do=admin&page=logviewer' },
  { path: '/doku.php?id=start&do=admin&page=styling' },
  { path: '/doku.php?id=start&do=admin&page=extension' },
  { path: '/doku.php?id=notes&do=edit', has: 'wikitext' },
  {
    ...{ name: 'preview', path: '/doku.php?id=notes', has: 'Heading' },
    form: { ...SAVE, id: 'notes', date: '', wikitext: MARKUP, 'do[preview]': 'Preview' },
  },
  save('notes', MARKUP),
  { path: '/doku.php?id=notes', has: '<strong>bold</strong>' },
  { path: '/doku.php?id=notes', name: 'notes, kept' },
  { path: '/doku.php?id=notes&do=edit', name: 'edit notes' },
  save('notes', `${MARKUP}\nOne more line.\n`),
  { path: '/doku.php?id=notes', name: 'notes once more', has: 'One more line' },
  { path: '/doku.php?id=notes&do=revisions', has: 'a summary' },
  { path: '/doku.php?id=notes&do=diff' },
  { path: '/doku.php?id=notes&do=diff&difftype=inline' },
  { path: '/doku.php?id=notes&do=export_raw' },
  { path: '/doku.php?id=notes&do=export_xhtml' },
  { path: '/doku.php?id=notes&do=export_code&codeblock=0' },
  { path: '/doku.php?id=notes&do=edit', name: 'edit for a wrong token' },
  { ...save('notes', 'never', { sectok: 'nonsense' }), name: 'save, wrong token', status: 200 },
  { path: '/lib/exe/taskrunner.php?id=notes' },
  { path: '/doku.php?do=search&q=footnote', has: 'notes' },
  { path: '/doku.php?do=search&q=%22One+more%22' },
  { path: '/doku.php?id=start&do=backlink', name: 'backlinks' },
  { path: '/doku.php?do=recent', name: 'recent changes' },
  { path: '/feed.php', name: 'feed of changes' },
  { path: '/doku.php?do=index&idx=wiki' },
  { path: '/doku.php?id=with:name:space&do=edit' },
  save('with:name:space', '====== Deep ======\n{{some:dot.png}}\n'),
  { path: '/doku.php?id=with:name:space' },
  { path: '/lib/exe/ajax.php', form: { call: 'qsearch', q: 'note' } },
  { path: '/lib/exe/ajax.php', name: 'ajax: suggestions', form: { call: 'suggestions', q: 'not' } },
  { path: '/lib/exe/ajax.php', name: 'ajax: index', form: { call: 'index', idx: 'with' } },
  {
    ...{ path: '/lib/exe/ajax.php', name: 'ajax: links' },
    form: { call: 'linkwiz', q: 'with:' },
  },
  {
    ...{ path: '/lib/exe/ajax.php', name: 'ajax: lock' },
    form: { call: 'lock', id: 'notes', wikitext: 'draft', prefix: '.', suffix: '', date: '' },
  },
  { path: '/lib/exe/ajax.php', name: 'ajax: none', form: { call: 'nonsense' } },
  { path: '/lib/exe/mediamanager.php?ns=some&edid=wiki__text', has: 'sectok' },
  {
    ...{ name: 'upload', path: '/lib/exe/mediamanager.php?ns=some' },
    ...upload(
      { sectok: 'TOKEN:sectok', ns: 'some', mediaid: 'dot.png' },
      { field: 'upload', name: 'dot.png', type: 'image/png', bytes: PNG },
    ),
    has: 'dot.png',
  },
  {
    ...{ name: 'upload of what is none', path: '/lib/exe/mediamanager.php?ns=some' },
    ...upload(
      { sectok: 'TOKEN:sectok', ns: 'some', mediaid: 'page.png' },
      { field: 'upload', name: 'page.png', type: 'image/png', bytes: Buffer.from('<html>') },
    ),
  },
  { path: '/lib/exe/fetch.php?media=some:dot.png', has: 'PNG' },
  {
    ...{ path: '/lib/exe/fetch.php?media=some:dot.png', name: 'a part of the picture' },
    ...{ headers: { Range: 'bytes=10-29' }, status: 206 },
  },
  { path: '/lib/exe/detail.php?id=notes&media=some:dot.png' },
  { path: '/doku.php?id=start&do=media&ns=some' },
  { path: '/doku.php?id=start&do=media&ns=some&image=some:dot.png&tab_details=history' },
  { path: '/doku.php?id=with:name:space', name: 'a page with the picture', has: 'fetch.php' },
  {
    path: '/lib/exe/mediamanager.php?ns=some&delete=some:dot.png&sectok=TOKEN:sectok',
    status: 302,
  },
  CALL('dokuwiki.getVersion'),
  CALL('wiki.getAllPages'),
  CALL('wiki.getPage', '<param><value><string>notes</string></value></param>'),
  CALL('wiki.noSuchMethod'),
  CALL('system.listMethods'),
  { path: '/doku.php?id=notes&do=edit', name: 'edit, to remove' },
  save('notes', ''),
  { path: '/doku.php?id=notes', name: 'a removed page', has: 'no longer exists' },
  { path: '/doku.php?id=start&do=logout&sectok=TOKEN:sectok', status: 302 },
  { path: '/doku.php?id=start', name: 'logged out' },
]

/** What is another each time, by what stands for it. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{32}/g, 'HASH'],
  [/\b1[789]\d{8}\b/g, 'TIME'],
  [/\b20\d\d[-/]\d\d[-/]\d\d([ T]\d\d:\d\d(:\d\d)?)?([+]\d\d:\d\d|Z)?/g, 'DATE'],
]

/** Fields that are named, not looked at: times, and who says that he is who. */
const VOLATILE_FIELDS = [
  'date',
  'connection',
  'x-request-id',
  'transfer-encoding',
  'content-length',
]

interface Difference {
  readonly visit: string
  readonly reason: string
  /** What only wasm-fpm's page has. */
  readonly says: string
}

/** What the runtime's PHP has not, and shows. Held true: one that is gone fails, too. */
const DIFFERENCES: readonly Difference[] = [
  {
    visit: '/doku.php?id=start&do=admin&page=extension',
    reason: 'the runtime has no openssl, which the extension manager looks for',
    says: 'Your PHP seems to miss SSL support',
  },
]

function plain(text: string): string {
  return VOLATILE.reduce((changed, [pattern, name]) => changed.replaceAll(pattern, name), text)
}

/** Who it is, and when it was made. */
function withoutIds(name: string, value: string | string[] | undefined): string {
  if (['etag', 'last-modified'].includes(name)) return 'HAS'
  return plain(String(value)).replaceAll(/((?:^|,)\w+)=(?!deleted)[^;]+/g, '$1=ID')
}

function comparable({ status, headers, text, ending }: Answer): unknown {
  const kept = Object.entries(headers).filter(([name]) => !VOLATILE_FIELDS.includes(name))
  return {
    status,
    ending,
    fields: kept.map(([name, value]) => `${name}: ${withoutIds(name, value)}`),
    lines: plain(text).split('\n'),
  }
}

const hasAll = havePhpSides(ROOT, '/usr/share/php-geshi', '/usr/share/php/phpseclib')
let folder = ''
let sides: PhpSides
let visitors: Visitors

/** The wiki's data, its configuration and sessions, of one side alone. */
function prepare(side: Side): void {
  const own = join(folder, side)
  cpSync('/etc/dokuwiki', join(own, 'etc'), {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  })
  cpSync('/var/lib/dokuwiki', join(own, 'data'), {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  })
  mkdirSync(join(own, 'sessions'))
  writeFileSync(
    join(own, 'etc/local.php'),
    `<?php $conf['title'] = 'A wiki'; $conf['useacl'] = 1; $conf['superuser'] = '@admin'; $conf['remote'] = 1; $conf['remoteuser'] = '';\n`,
  )
  writeFileSync(join(own, 'data/acl/acl.auth.php'), '* @ALL 16\n')
  // The password is "secret".
  writeFileSync(
    join(own, 'data/acl/users.auth.php'),
    'admin:$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1:Administrator:admin@site.example:admin,user\n',
  )
  for (const name of ['_htcookiesalt', '_htcookiesalt2']) {
    writeFileSync(join(own, 'data/data/meta', name), 'a'.repeat(128))
  }
  execFileSync('touch', ['-d', '2026-01-01', join(own, 'etc/local.php')])
  execFileSync('chown', ['-R', 'www-data:www-data', own])
}

beforeAll(async () => {
  if (!hasAll) return
  folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-dokuwiki-'))
  chmodSync(folder, 0o755)
  for (const side of SIDES) prepare(side)
  const place = (name: string): Record<Side, string> => ({
    'php-fpm': join(folder, 'php-fpm', name),
    'wasm-fpm': join(folder, 'wasm-fpm', name),
  })
  const libraries = ['php', 'php-geshi', 'javascript'].map((name) => `/usr/share/${name}`)
  sides = await startPhpSides(ROOT, {
    locations: LOCATIONS,
    tenant: `env.PHP_VALUE = "include_path=.:/usr/share/php\\nsession.save_path=/var/lib/php/sessions"
${libraries.map((path) => `[[tenant.mounts]]\nhost = "${path}"\nguest = "${path}"\n`).join('')}`,
    places: {
      '/etc/dokuwiki': place('etc'),
      '/var/lib/dokuwiki': place('data'),
      '/var/lib/php/sessions': place('sessions'),
    },
  })
  visitors = new Visitors(sides.ports)
})
afterAll(async () => {
  await sides?.stop()
  if (folder !== '') rmSync(folder, { recursive: true })
})

describe.skipIf(!hasAll)('DokuWiki', { retry: 0 }, () => {
  for (const visit of VISITS) {
    const { path, name = path } = visit
    test(name, async () => {
      // The wiki tells changes apart by seconds.
      if (visit.isLater) await delay(1000)
      const { answers } = await visitors.visit(visit)
      const known = DIFFERENCES.find((difference) => difference.visit === name)
      const [native, own] = SIDES.map((side) => comparable(answers[side]))
      if (known !== undefined) {
        expect(answers['php-fpm'].text).not.toContain(known.says)
        expect(answers['wasm-fpm'].text).toContain(known.says)
      }
      if (known === undefined) expect(own, sides.logs().slice(-2000)).toEqual(native)
      else expect(own, `${name} is no longer different: ${known.reason}`).not.toEqual(native)
      expect(answers['php-fpm'].status).toBe(visit.status ?? 200)
      expect(answers['php-fpm'].text).toContain(visit.has ?? '')
    })
  }

  test('what is left on disk', () => {
    const [native, own] = SIDES.map((side) => tree(join(folder, side, 'data/data')))
    expect(own).toEqual(native)
  })
})

/** Files by name, with the times and ids in names and contents replaced. Caches are named after the port, too. */
function tree(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('/cache/'),
  )
  const told = entries.map(({ parentPath, name }): [string, string] => {
    const path = join(parentPath, name)
    const isText = !/[.](gz|png)$/.test(name)
    return [plain(path.slice(root.length)), isText ? plain(readFileSync(path, 'latin1')) : '']
  })
  return Object.fromEntries(told.sort())
}
