/** DokuWiki as Debian has it, unchanged: visited from the start page to the administration, answer by answer as under php-fpm. */
import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  describeApplication,
  locations,
  plain,
  type Volatile,
} from '../support/peers/php-application.ts'
import { havePhpSides } from '../support/peers/php-sides.ts'
import { upload, type Visit } from '../support/peers/visitors.ts'

const ROOT = '/usr/share/dokuwiki'

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
    isLater: true,
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
const VOLATILE: Volatile = [
  [/[0-9a-f]{32}/g, 'HASH'],
  [/\b1[789]\d{8}\b/g, 'TIME'],
  [/\b\d+ (seconds|minutes) ago\b/g, 'AGO'],
  [/\b20\d\d[-/]\d\d[-/]\d\d([ T]\d\d:\d\d(:\d\d)?)?([+]\d\d:\d\d|Z)?/g, 'DATE'],
]

const LIBRARIES = ['php', 'php-geshi', 'javascript'].map((name) => `/usr/share/${name}`)
const COPY = { recursive: true, preserveTimestamps: true, verbatimSymlinks: true }

/** The wiki's configuration, data and sessions, of one side alone. */
function prepare(own: string): void {
  cpSync('/etc/dokuwiki', join(own, 'etc'), COPY)
  cpSync('/var/lib/dokuwiki', join(own, 'data'), COPY)
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
}

/** Files by name, with the times and ids in names and contents replaced. Caches are named after the port, too. */
function tree(root: string): Record<string, string> {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('/cache/'),
  )
  const told = entries.map(({ parentPath, name }): [string, string] => {
    const path = join(parentPath, name)
    const text = /[.](gz|png)$/.test(name) ? '' : readFileSync(path, 'latin1')
    return [plain(path.slice(root.length), VOLATILE), plain(text, VOLATILE)]
  })
  return Object.fromEntries(told.sort())
}

describeApplication(
  {
    name: 'DokuWiki',
    root: ROOT,
    visits: VISITS,
    differences: [],
    volatile: VOLATILE,
    places: {
      '/etc/dokuwiki': 'etc',
      '/var/lib/dokuwiki': 'data',
      '/var/lib/php/sessions': 'sessions',
    },
    prepare,
    options: async () => ({
      locations: locations('doku.php', '=404'),
      tenant: `env.PHP_VALUE = "include_path=.:/usr/share/php\\nsession.save_path=/var/lib/php/sessions"
${LIBRARIES.map((path) => `[[tenant.mounts]]\nhost = "${path}"\nguest = "${path}"\n`).join('')}`,
    }),
    left: (own) => tree(join(own, 'data/data')),
  },
  havePhpSides(ROOT, '/usr/share/php-geshi', '/usr/share/php/phpseclib'),
)
