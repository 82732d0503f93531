/** WordPress as Debian has it, unchanged, with MariaDB: installed, written in, commented and administered, answer by answer as under php-fpm. */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, MARIADB, PASSWORD, startMariaDb } from '../support/peers/mariadb.ts'
import { describeApplication, locations, type Volatile } from '../support/peers/php-application.ts'
import { havePhpSides } from '../support/peers/php-sides.ts'
import { upload, type Visit } from '../support/peers/visitors.ts'

const ROOT = '/usr/share/wordpress'
const CONTENT = '/var/lib/wordpress/wp-content'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const JSON_HEADERS = { 'Content-Type': 'application/json', 'X-WP-Nonce': 'TOKEN:rest' }
const REST = '/index.php?rest_route=/wp/v2'
const INSTALL = {
  ...{ weblog_title: 'A blog', user_name: 'admin', admin_password: 'secret', blog_public: '0' },
  ...{ admin_password2: 'secret', pw_weak: 'on', admin_email: 'admin@site.example' },
}
const LOGIN = { log: 'admin', pwd: 'secret', 'wp-submit': 'Log In', testcookie: '1' }
const COMMENT = {
  ...{ comment: 'What a visitor says', author: 'A visitor', email: 'v@site.example', url: '' },
  ...{ submit: 'Post Comment', comment_post_ID: '1', comment_parent: '0' },
}
const post = (path: string, fields: Record<string, unknown>, status = 200): Visit => ({
  ...{ name: `POST ${path} ${Object.keys(fields)}`, path: `${REST}${path}`, status },
  ...{ headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(fields)).toString('latin1') },
})

/** `YYYYMM`, in UTC as WordPress's clock: the month of all that is written below. */
const THIS_MONTH = new Date().toISOString().slice(0, 7).replace('-', '')

const VISITS: readonly Visit[] = [
  { path: '/', status: 302 },
  { path: '/wp-admin/install.php', has: 'Welcome' },
  { path: '/wp-admin/install.php?step=1', form: { language: '' }, has: 'weblog_title' },
  {
    ...{ name: 'install without an address', path: '/wp-admin/install.php?step=2' },
    form: { ...INSTALL, admin_email: '' },
  },
  { name: 'install', path: '/wp-admin/install.php?step=2', form: INSTALL, has: 'Success' },
  { path: '/wp-admin/install.php', name: 'installed', has: 'Already Installed' },
  { path: '/', name: 'the front page', has: 'Hello world!' },
  { path: '/?p=1', has: 'Welcome to WordPress' },
  { path: '/?page_id=2', has: 'Sample Page' },
  { path: '/?cat=1' },
  { path: '/?author=1' },
  { path: `/?m=${THIS_MONTH}`, has: 'Hello world!' },
  { path: '/?p=999', status: 404 },
  { path: '/?feed=rss2', has: '<rss' },
  { path: '/?feed=atom', has: '<feed' },
  { path: '/?feed=comments-rss2' },
  { path: '/?s=hello', has: 'Hello world!' },
  { path: '/?s=nothing+at+all' },
  { path: '/?robots=1' },
  { path: '/?sitemap=index', status: 404 },
  { path: '/wp-login.php', has: 'user_login' },
  { path: '/wp-login.php?action=lostpassword' },
  { path: '/wp-login.php?action=register', status: 302 },
  { path: '/wp-admin/', name: 'not logged in', status: 302 },
  {
    name: 'wrong password',
    path: '/wp-login.php',
    form: { ...LOGIN, pwd: 'wrong' },
    has: 'incorrect',
  },
  { name: 'log in', path: '/wp-login.php', form: LOGIN, status: 302 },
  { path: '/wp-admin/', has: 'Dashboard' },
  ...['edit', 'upload', 'media-new', 'edit-comments', 'themes', 'plugins', 'users', 'user-new'].map(
    (name) => ({ path: `/wp-admin/${name}.php` }),
  ),
  ...['profile', 'tools', 'import', 'export', 'options-general', 'options-writing'].map((name) => ({
    path: `/wp-admin/${name}.php`,
  })),
  ...['options-reading', 'options-discussion', 'options-media', 'options-permalink'].map(
    (name) => ({
      path: `/wp-admin/${name}.php`,
    }),
  ),
  { path: '/wp-admin/edit.php?post_type=page' },
  { path: '/wp-admin/edit-tags.php?taxonomy=category' },
  { path: '/wp-admin/post-new.php' },
  { path: '/wp-admin/post.php?post=1&action=edit' },
  { path: '/wp-admin/load-styles.php?c=0&dir=ltr&load[]=dashicons,admin-bar,common' },
  { path: '/wp-admin/load-scripts.php?c=0&load[]=jquery-core,jquery-migrate,utils' },
  {
    ...{ path: '/wp-admin/admin-ajax.php?action=rest-nonce' },
    keeps: ['rest', /^(\w+)$/],
  },
  post(
    '/posts',
    { title: 'A post äöü €', content: '<p>What is <b>written</b></p>', status: 'publish' },
    201,
  ),
  { path: '/?s=written', has: 'A post' },
  { path: '/', name: 'the front page with the post', has: 'A post' },
  post('/posts/1', { title: 'Changed' }),
  post('/posts/999', { title: 'Changed' }, 404),
  post('/posts', {}, 400),
  post('/categories', { name: 'A category' }, 201),
  { path: `${REST}/posts`, has: 'Changed' },
  { path: `${REST}/posts/1&_fields=id,title` },
  { path: `${REST}/users/me`, name: 'no nonce', status: 401 },
  { path: '/index.php?rest_route=/', has: 'A blog' },
  { path: '/index.php?rest_route=/nonsense', status: 404 },
  {
    path: '/wp-admin/media-new.php',
    name: 'the form for pictures',
    keeps: ['media', /name="_wpnonce" value="(\w+)"/],
  },
  {
    ...{ name: 'upload a picture', path: '/wp-admin/async-upload.php' },
    ...upload(
      { name: 'dot.png', action: 'upload-attachment', _wpnonce: 'TOKEN:media' },
      { field: 'async-upload', name: 'dot.png', type: 'image/png', bytes: PNG },
    ),
  },
  { path: '/wp-admin/upload.php?mode=list', has: 'dot', isLater: true },
  { path: `${REST}/media` },
  { name: 'a comment', path: '/wp-comments-post.php', form: COMMENT, status: 302, isLater: true },
  { name: 'the same comment', path: '/wp-comments-post.php', form: COMMENT, status: 409 },
  { path: '/?p=1', name: 'the post with the comment', has: 'What a visitor says' },
  { path: '/wp-admin/edit-comments.php', name: 'the comments', has: 'What a visitor says' },
  {
    path: '/wp-admin/options-general.php',
    name: 'the options',
    keeps: ['options', /name="_wpnonce" value="(\w+)"/],
  },
  { path: '/wp-admin/post.php?post=1&action=trash&_wpnonce=nonsense', status: 403 },
  { path: '/xmlrpc.php', status: 405 },
  {
    ...{ path: '/xmlrpc.php', name: 'XML-RPC' },
    ...{ headers: { 'Content-Type': 'text/xml' }, has: 'A blog' },
    body: '<?xml version="1.0"?><methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>admin</value></param><param><value>secret</value></param></params></methodCall>',
  },
  { path: '/wp-cron.php' },
  { path: '/wp-login.php?action=logout', name: 'log out without a nonce', status: 403 },
  {
    path: '/wp-login.php?action=logout',
    name: 'once more',
    status: 403,
    keeps: ['out', /_wpnonce=(\w+)/],
  },
  { path: '/wp-login.php?action=logout&_wpnonce=TOKEN:out', name: 'log out', status: 302 },
  { path: '/wp-admin/', name: 'logged out', status: 302 },
]

const VOLATILE: Volatile = [
  [/mailto:[^>]+>[^<]+</g, 'ADDRESS'],
  [/<kbd>\w{8}<\/kbd>/g, 'STRING'],
  [/\b\d[.]gravatar/g, 'N.gravatar'],
  [/data-pw="[^"]+"/g, 'PASSWORD'],
  [/name="(hidden_|cur_)?(hh|mn|ss)" value="\d\d"|class="(hh|mn|ss)">\d\d/g, 'CLOCK'],
  [/overdue by \d+ \w+/g, 'OVERDUE'],
  [/\b\d+ (second|minute|min)s?\b/g, 'AGE'],
  [/\b[0-9a-f]{10}\b/g, 'NONCE'],
  [/[0-9a-f]{32}/g, 'HASH'],
  [/\b1[789]\d{8}(\d{3})?\b/g, 'TIME'],
  [/20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?/g, 'DATE'],
  [/\d\d \w{3} 20\d\d \d\d:\d\d:\d\d/g, 'DATE'],
  [/\b\d{1,2}:\d\d [ap]m\b/g, 'CLOCK'],
]

let database: Database | undefined

/** Pages that tell the browser which pictures may be uploaded. */
const WITH_UPLOADS = [
  ...['/wp-admin/upload.php', '/wp-admin/media-new.php', '/wp-admin/post-new.php'],
  ...['/wp-admin/post.php?post=1&action=edit', 'the form for pictures'],
]

const KEYS = ['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'].flatMap((name) => [
  `define('${name}_KEY', '${name} key');`,
  `define('${name}_SALT', '${name} salt');`,
])

describeApplication(
  {
    name: 'WordPress',
    root: ROOT,
    visits: VISITS,
    differences: [
      ...['/wp-admin/options-general.php', 'the options'].map((visit) => ({
        visit,
        reason:
          "Debian's PHP has the time zones of the package tzdata, the runtime those of its release",
        says: {
          'php-fpm':
            '<option value="America/Coyhaique">Coyhaique</option>\n<option value="America/Creston"',
          'wasm-fpm': '<option value="America/Creston"',
        },
      })),
      ...WITH_UPLOADS.map((visit) => ({
        visit,
        reason: 'without gd, which is a package of its own, php-fpm makes no pictures in WebP',
        says: {
          'php-fpm': '"webp_upload_error":true,"heic_upload_error"',
          'wasm-fpm': '"heic_upload_error"',
        },
      })),
    ],
    volatile: VOLATILE,
    places: { '/etc/wordpress': 'etc', [CONTENT]: 'content' },
    prepare: (own, side, folder) => {
      cpSync(CONTENT, join(own, 'content'), { recursive: true, verbatimSymlinks: true })
      const name = side.replace('-', '_')
      writeFileSync(
        join(own, 'etc/config-default.php'),
        `<?php
define('DB_NAME', '${name}'); define('DB_USER', '${name}'); define('DB_PASSWORD', '${PASSWORD}');
define('DB_HOST', 'localhost:${join(folder, 'db/mysql.sock')}');
define('FS_METHOD', 'direct'); // Else it asks for FTP, of which the runtime has no FTPS.
define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);
${KEYS.join('\n')}
`,
      )
    },
    options: async (folder) => {
      database = await startMariaDb(folder, ['php_fpm', 'wasm_fpm'])
      const { socket } = database
      const libraries = ['/usr/share/php', '/usr/share/javascript']
      const mounts = libraries.map(
        (path) => `[[tenant.mounts]]\nhost = "${path}"\nguest = "${path}"\n`,
      )
      return {
        locations: locations('index.php', '/index.php?$args'),
        isLikePhpFpm: true,
        tenant: `[[tenant.outbound]]\nname = "mysql.sock"\nunix = "${socket}"\n${mounts.join('')}`,
      }
    },
    stop: async () => {
      await database?.stop()
    },
  },
  havePhpSides(ROOT, MARIADB, `${ROOT}/wp-content/themes/twentytwentytwo`, '/usr/share/php/getid3'),
)
