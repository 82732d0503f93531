/** Adminer as Debian has it, unchanged, on SQLite: a database is made, filled, searched, exported and dropped, answer by answer as under php-fpm. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeApplication, locations, type Volatile } from '../support/peers/php-application.ts'
import { havePhpSides } from '../support/peers/php-sides.ts'
import { upload, type Visit } from '../support/peers/visitors.ts'

const ROOT = '/usr/share/adminer'

/** Where both have a folder of their own: the page that starts Adminer, and the databases. */
const HOME = '/mnt'
const DATABASE = '/media/a.db'

/** SQLite has no passwords, and Adminer wants one: what its manual says to write then. It is "secret". */
const START = `<?php
function adminer_object() {
  include_once '${ROOT}/plugins/plugin.php';
  include_once '${ROOT}/plugins/login-password-less.php';
  return new AdminerPlugin([new AdminerLoginPasswordLess('$2y$04$3wb1H.JjYfN6u2Ivg/3eBO6.ONmZ8jFxk5DG/JA/CL0nXhakVoKFa')]);
}
include '${ROOT}/adminer.php';
`

const LOGIN = {
  'auth[driver]': 'sqlite',
  'auth[server]': '',
  'auth[username]': '',
  'auth[password]': 'secret',
  'auth[db]': '',
}

const SERVER = '/index.php?sqlite=&username='
const AT = `${SERVER}&db=${encodeURIComponent(DATABASE)}`
const token = { token: 'TOKEN:token' }
const sql = (query: string, has: string): Visit => ({
  ...{ name: query, path: `${AT}&sql=`, has },
  ...upload(
    { query, limit: '', ...token },
    { field: 'sql_file[]', name: '', type: 'application/octet-stream', bytes: Buffer.alloc(0) },
  ),
})

const VISITS: readonly Visit[] = [
  { path: '/index.php', has: 'auth[driver]' },
  { path: '/index.php?file=default.css&version=4.8.1', has: 'body' },
  { path: '/index.php?file=functions.js&version=4.8.1', has: 'function' },
  { path: '/index.php?file=jush.js&version=4.8.1', has: 'jush' },
  { path: '/index.php?file=favicon.ico&version=4.8.1' },
  { path: SERVER, name: 'not logged in', status: 403 },
  {
    ...{ name: 'log in with a wrong password', path: '/index.php' },
    ...{ form: { ...LOGIN, 'auth[password]': 'wrong' }, status: 302 },
  },
  { path: SERVER, name: 'a wrong password', status: 403 },
  { name: 'log in', path: '/index.php', form: LOGIN, status: 302 },
  { path: SERVER, name: 'logged in', has: 'Logged as' },
  { path: `${SERVER}&database=`, has: 'Create database' },
  {
    ...{ name: 'create a database', path: `${SERVER}&database=` },
    ...{ form: { name: DATABASE, ...token }, status: 302 },
  },
  { path: AT, name: 'an empty database', has: 'No tables' },
  { path: `${AT}&sql=`, has: 'textarea' },
  sql('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, size REAL)', 'Query executed OK'),
  sql("INSERT INTO t (name, size) VALUES ('one', 1.5), ('zwei €', 1e100), (NULL, -2)", '3 rows'),
  sql('SELECT *, length(name), typeof(size), hex(name) FROM t', 'zwei'),
  sql("SELECT 9223372036854775807, 1/3.0, 0.1+0.2, x'00ff'", '9223372036854775807'),
  sql('SELECT nonsense FROM t', 'no such column'),
  sql('CREATE INDEX i ON t (name); CREATE VIEW v AS SELECT name FROM t; SELECT * FROM v', 'zwei'),
  { path: AT, name: 'the tables', has: 'Tables and views' },
  { path: `${AT}&table=t`, has: 'integer' },
  { path: `${AT}&indexes=t` },
  { path: `${AT}&view=v` },
  { path: `${AT}&create=t` },
  { path: `${AT}&create=` },
  { path: `${AT}&trigger=t` },
  { path: `${AT}&select=t`, has: '1.0E+100' },
  { path: `${AT}&select=t&where[0][col]=name&where[0][op]=LIKE+%25%25&where[0][val]=one` },
  { path: `${AT}&select=t&columns[0][fun]=count&columns[0][col]=id` },
  { path: `${AT}&select=t&order[0]=size&desc[0]=1` },
  { path: `${AT}&edit=t`, has: 'Save' },
  {
    ...{ name: 'insert a row', path: `${AT}&edit=t`, status: 302 },
    form: { 'fields[name]': 'from a form', 'fields[size]': '7', ...token },
  },
  { path: `${AT}&select=t`, name: 'the new row', has: 'from a form' },
  { path: `${AT}&edit=t&where[id]=1`, has: 'one' },
  {
    ...{ name: 'change a row', path: `${AT}&edit=t&where[id]=1`, status: 302 },
    form: { 'fields[id]': '1', 'fields[name]': 'changed', 'fields[size]': '8', ...token },
  },
  { path: `${AT}&select=t`, name: 'the changed row', has: 'changed' },
  {
    ...{ name: 'remove a row', path: `${AT}&edit=t&where[id]=2`, status: 302 },
    form: { delete: '1', ...token },
  },
  { path: `${AT}&select=t`, name: 'without the row' },
  {
    ...{ name: 'a wrong token', path: `${AT}&edit=t`, has: 'Invalid CSRF token' },
    form: { 'fields[name]': 'never', token: '1:1' },
  },
  { path: `${AT}&schema=` },
  { path: `${AT}&dump=` },
  {
    ...{ name: 'export', path: `${AT}&dump=`, has: 'INSERT INTO' },
    form: {
      ...{ output: 'text', format: 'sql', db_style: '', table_style: 'DROP+CREATE' },
      ...{ data_style: 'INSERT', 'tables[]': 't', 'data[]': 't', ...token },
    },
  },
  {
    ...{ name: 'export as gzip', path: `${AT}&dump=` },
    form: {
      output: 'gz',
      format: 'csv',
      table_style: '',
      data_style: 'INSERT',
      'data[]': 't',
      ...token,
    },
  },
  { path: `${AT}&variables=`, has: 'encoding' },
  { path: AT, name: 'drop tables', form: { 'tables[]': 't', drop: 'Drop', ...token }, status: 302 },
  { path: AT, name: 'after the drop' },
  { path: AT, name: 'log out', form: { logout: 'Logout', ...token }, status: 302 },
  { path: AT, name: 'logged out', status: 403 },
]

const VOLATILE: Volatile = [
  [/nonce="[^"]+"|'nonce-[^']+'/g, 'NONCE'],
  [/(?<=['"])\d+:\d+(?=['"])/g, 'TOKEN'],
  [/(?<=<span class='time'(?: title='[\d-]+')?>)[\d:]+/g, 'TIME'],
  [/\b20\d\d(-\d\d-\d\d)? \d\d:\d\d:\d\d/g, 'DATE'],
  [/\b\d[.]\d{3} s\b/g, 'DURATION'],
]

describeApplication(
  {
    name: 'Adminer',
    root: HOME,
    visits: VISITS,
    differences: [
      {
        visit: 'logged in',
        reason: 'get_current_user() is empty: guests do not learn who owns files',
        says: { 'php-fpm': 'Logged as: <b>www-data<', 'wasm-fpm': 'Logged as: <b><' },
      },
      {
        visit: `${AT}&variables=`,
        reason: 'Debian compiles SQLite with SQLITE_SECURE_DELETE',
        says: { 'php-fpm': 'secure_delete</code><td>1', 'wasm-fpm': 'secure_delete</code><td>0' },
      },
    ],
    volatile: VOLATILE,
    places: { [HOME]: 'home', '/media': 'media', '/var/lib/php/sessions': 'sessions' },
    prepare: (own) => writeFileSync(join(own, 'home/index.php'), START),
    options: async () => ({
      locations: locations('index.php', '=404'),
      tenant: `env.PHP_VALUE = "session.save_path=/var/lib/php/sessions"
[[tenant.mounts]]\nhost = "${ROOT}"\nguest = "${ROOT}"\n`,
    }),
  },
  havePhpSides(ROOT),
)
