/** Adminer as Debian has it, unchanged, on MariaDB: tables of many types, keys, routines, exports and imports, answer by answer as under php-fpm. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, MARIADB, PASSWORD, startMariaDb } from '../support/peers/mariadb.ts'
import { describeApplication, locations, type Volatile } from '../support/peers/php-application.ts'
import { havePhpSides } from '../support/peers/php-sides.ts'
import { upload, type Visit } from '../support/peers/visitors.ts'

const ROOT = '/usr/share/adminer'

/** Where both have a folder of their own: the page that starts Adminer. */
const HOME = '/mnt'

/** Each side's database and user, alike: pages show and sort them. */
const NAMES = { 'php-fpm': 'site_a', 'wasm-fpm': 'site_b' } as const

const START = `<?php include '${ROOT}/adminer.php';`

const LOGIN = {
  'auth[driver]': 'server',
  'auth[server]': '',
  'auth[username]': 'TOKEN:own',
  'auth[password]': PASSWORD,
  'auth[db]': '',
}

const SERVER = '/index.php?username=TOKEN:own'
const AT = `${SERVER}&db=TOKEN:own`
const token = { token: 'TOKEN:token' }
const NO_FILE = {
  ...{ field: 'sql_file[]', name: '', type: 'application/octet-stream' },
  bytes: Buffer.alloc(0),
}
const sql = (query: string, has: string): Visit => ({
  ...{ name: query.slice(0, 100), path: `${AT}&sql=`, has },
  // A character is a byte there.
  ...upload({ query: Buffer.from(query).toString('latin1'), limit: '', ...token }, NO_FILE),
})
const page = (query: string, has = ''): Visit => ({ path: `${AT}&${query}`, has })
const COLUMNS = 'id name price born seen length note picture kind flags bits big ratio data'
/** A form of a row of `shop`: what is not given stays as it is. */
const row = (fields: Record<string, string>): Record<string, string> => ({
  ...Object.fromEntries(COLUMNS.split(' ').map((name) => [`function[${name}]`, 'orig'])),
  ...Object.fromEntries(
    Object.keys(fields).map((name) => [name.replace('fields', 'function'), '']),
  ),
  ...fields,
})
const form = (name: string, query: string, fields: Record<string, string>): Visit => ({
  ...{ name, path: `${AT}&${query}`, status: 302 },
  form: { ...fields, ...token },
})

const TABLES = `CREATE TABLE \`shop\` (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, name VARCHAR(80) NOT NULL UNIQUE,
  price DECIMAL(10,2), born DATE, seen DATETIME(3), length TIME, note TEXT, picture BLOB, kind ENUM('a','b c','ü'),
  flags SET('x','y'), bits BIT(5), big BIGINT UNSIGNED, ratio DOUBLE, data JSON, FULLTEXT (note)
) COMMENT='Ware €' ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE part (shop_id INT UNSIGNED NOT NULL, at INT NOT NULL DEFAULT 7, PRIMARY KEY (shop_id, at),
  FOREIGN KEY (shop_id) REFERENCES shop(id) ON DELETE CASCADE) ENGINE=InnoDB`

const ROWS = `INSERT INTO shop (name, price, born, seen, length, note, picture, kind, flags, bits, big, ratio, data) VALUES
 ('one', 1.50, '1999-12-31', '2001-02-03 04:05:06.789', '-10:11:12', 'äöü €😀 <b>', x'00ff27', 'b c', 'x,y', b'10101', 18446744073709551615, 1e300, '{"a":[1,"ß"]}'),
 ('two', NULL, '0001-01-01', NULL, NULL, '', NULL, 'ü', '', b'0', 0, -0.1, '[]'),
 ('three', -99999999.99, NULL, NULL, '838:59:59', 'it''s', 'plain', 'a', 'y', NULL, 9007199254740993, 0.1, 'null')`

const VISITS: readonly Visit[] = [
  { path: '/name.php', keeps: ['own', /(\w+)/] },
  { path: '/index.php', has: 'auth[driver]' },
  { path: SERVER, name: 'not logged in', status: 403 },
  {
    ...{ name: 'log in with a wrong password', path: '/index.php', status: 302 },
    form: { ...LOGIN, 'auth[password]': 'wrong' },
  },
  { path: SERVER, name: 'a wrong password', status: 403, has: 'Access denied' },
  { name: 'log in', path: '/index.php', form: LOGIN, status: 302 },
  { path: SERVER, name: 'logged in', has: 'Logged as' },
  { path: `${SERVER}&variables=`, has: 'character_set_client' },
  { path: `${SERVER}&privileges=` },
  { path: `${SERVER}&database=`, has: 'Create database' },
  { path: AT, name: 'an empty database', has: 'No tables' },
  page('sql=', 'textarea'),
  sql(TABLES, 'Query executed OK'),
  sql(ROWS, '3 rows affected'),
  sql('SELECT *, HEX(picture), bits+0 FROM shop', '18446744073709551615'),
  sql('SELECT nonsense FROM shop', 'Unknown column'),
  sql("SELECT 1; SELECT 'zwei' AS b; SELECT NULL UNION SELECT 3", 'zwei'),
  sql("SELECT 1/3, 0.1+0.2, 2E0/3, CAST('12:00' AS TIME), INTERVAL(3,1,5), x'41', TRUE", '0.3333'),
  sql("SELECT REPEAT('long ', 5000) AS l", 'long'),
  sql('EXPLAIN SELECT * FROM shop JOIN part ON part.shop_id = shop.id', 'SIMPLE'),
  sql("INSERT INTO shop (name) VALUES ('one')", 'Duplicate entry'),
  sql('INSERT INTO part VALUES (999, 1)', 'foreign key constraint fails'),
  sql('INSERT INTO part VALUES (1, 1), (1, 2), (2, 1)', '3 rows'),
  sql('CREATE VIEW cheap AS SELECT id, name FROM shop WHERE price < 2', 'OK'),
  sql(
    'DELIMITER ;;\nCREATE PROCEDURE twice(IN a INT, OUT b INT) SET b = a * 2;;\nCREATE FUNCTION half(a INT) RETURNS DOUBLE DETERMINISTIC RETURN a / 2;;\nCREATE TRIGGER low BEFORE INSERT ON shop FOR EACH ROW SET NEW.name = LOWER(NEW.name);;',
    'OK',
  ),
  sql('CREATE EVENT tick ON SCHEDULE EVERY 1 DAY DISABLE DO DELETE FROM part', 'OK'),
  sql('CALL twice(4, @b); SELECT @b, half(3)', '1.5'),
  { path: AT, name: 'the tables', has: 'Tables and views' },
  page('table=shop', 'varchar(80)'),
  page('table=part', 'Foreign keys'),
  page('view=cheap'),
  page('table=cheap'),
  page('indexes=shop', 'FULLTEXT'),
  page('foreign=part'),
  page('create=shop', 'auto_increment'),
  page('create='),
  page('trigger=shop'),
  page('trigger=shop&name=low', 'LOWER'),
  page('procedure=twice'),
  page('function=half'),
  page('call=twice'),
  { ...form('call a procedure', 'call=twice', { 'fields[a]': '21' }), status: 200, has: '42' },
  page('event=tick'),
  page('select=shop', '18446744073709551615'),
  page('select=shop&where[0][col]=name&where[0][op]=LIKE+%25%25&where[0][val]=one', 'one'),
  page('select=shop&where[0][col]=price&where[0][op]=IS+NULL', 'two'),
  page('select=shop&fulltext[0]=x&boolean[0]=1'),
  page('select=shop&columns[0][fun]=sum&columns[0][col]=price', '99999998'),
  page('select=shop&columns[0][fun]=max&columns[0][col]=born&columns[1][col]=kind'),
  page('select=shop&order[0]=price&desc[0]=1&limit=1&page=1'),
  page('select=shop&text_length=3'),
  page('select=part'),
  page('select=cheap'),
  page('edit=shop', 'Save'),
  form(
    'insert a row',
    'edit=shop',
    row({
      ...{ 'fields[name]': 'From A Form', 'fields[price]': '7', 'fields[note]': 'ümläut\r\nline' },
      ...{ 'fields[kind]': '1', 'fields[data]': '{}', 'fields[big]': '42' },
      ...{ 'function[seen]': 'NULL', 'function[born]': 'now' },
    }),
  ),
  page('select=shop&order[0]=id', 'from a form'),
  page('edit=shop&where[id]=1', 'one'),
  form(
    'change a row',
    'edit=shop&where[id]=1',
    row({
      ...{ 'fields[name]': 'changed', 'fields[price]': '8.125', 'fields[note]': 'x' },
      'function[note]': 'md5',
    }),
  ),
  page('select=shop&where[0][col]=id&where[0][op]==&where[0][val]=1', 'changed'),
  {
    ...form('a value that is none', 'edit=shop&where[id]=1', row({ 'fields[born]': '2001-02-31' })),
    ...{ status: 200, has: 'Incorrect date' },
  },
  form('remove a row', 'edit=shop&where[id]=2', { delete: '1' }),
  page('select=part&order[0]=at'),
  {
    ...{ name: 'a wrong token', path: `${AT}&edit=shop`, has: 'Invalid CSRF token' },
    form: { 'fields[name]': 'never', token: '1:1' },
  },
  page('download=shop&field=picture&where[id]=3'),
  page('schema='),
  page('dump='),
  ...['sql', 'csv', 'csv;', 'tsv'].map(
    (format): Visit => ({
      ...{ name: `export as ${format}`, path: `${AT}&dump=` },
      form: {
        ...{
          output: 'text',
          format,
          db_style: 'USE',
          routines: '1',
          events: '1',
          auto_increment: '1',
        },
        ...{ table_style: 'DROP+CREATE', triggers: '1', data_style: 'INSERT' },
        ...{ 'tables[]': 'shop', 'data[]': 'shop', ...token },
      },
    }),
  ),
  {
    ...{ name: 'import a file', path: `${AT}&import=`, has: '2 queries executed OK' },
    ...upload(
      { only_errors: '1', ...token },
      {
        ...{ field: 'sql_file[]', name: 'a.sql', type: 'application/sql' },
        bytes: Buffer.from(
          "CREATE TABLE imported (a INT, b TEXT);\nINSERT INTO imported VALUES (1, 'ü;'), (2, NULL);\n",
        ),
      },
    ),
  },
  page('select=imported'),
  form('drop tables', '', { 'tables[]': 'imported', drop: 'Drop' }),
  { path: AT, name: 'after the drop' },
  { path: AT, name: 'log out', form: { logout: 'Logout', ...token }, status: 302 },
  { path: AT, name: 'logged out', status: 403 },
]

const VOLATILE: Volatile = [
  [/\d\d:\d\d:\d\d GMT/g, 'CLOCK'],
  [/nonce="[^"]+"|'nonce-[^']+'/g, 'NONCE'],
  [/(?<=['"])\d+:\d+(?=['"])/g, 'TOKEN'],
  [/\bsite_[ab]/g, 'OWN'],
  [/(?<=<span class='time'(?: title='[\d-]+')?>)[\d:]+/g, 'TIME'],
  [/\b20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\b(?![.])/g, 'DATE'],
  [/\b\d[.]\d{3} s\b/g, 'DURATION'],
  [
    /(?<=<code class='jush-sqlset'>(?:timestamp|pseudo_thread_id|rand_seed\d|in_transaction|error_count|warning_count|last_gtid)<\/code><td>)[^<\n]*/g,
    'NOW',
  ],
]

let database: Database | undefined

describeApplication(
  {
    name: 'Adminer on MariaDB',
    root: HOME,
    visits: VISITS,
    differences: [],
    volatile: VOLATILE,
    places: { [HOME]: 'home', '/media': 'media', '/var/lib/php/sessions': 'sessions' },
    prepare: (own, side) => {
      writeFileSync(join(own, 'home/index.php'), START)
      writeFileSync(join(own, 'home/name.php'), NAMES[side])
    },
    options: async (folder) => {
      database = await startMariaDb(folder, Object.values(NAMES))
      const socket = `mysqli.default_socket=${database.socket}`
      // Adminer remembers there who has given a wrong password.
      const temporary = 'upload_tmp_dir=/media'
      return {
        locations: locations('index.php', '=404').replace(
          'include',
          `fastcgi_param PHP_VALUE "${socket}";
      fastcgi_param PHP_ADMIN_VALUE "${temporary}";\n      include`,
        ),
        tenant: `env.PHP_VALUE = "${socket}\\nsession.save_path=/var/lib/php/sessions"
env.PHP_ADMIN_VALUE = "${temporary}"
[[tenant.outbound]]\nname = "mysql.sock"\nunix = "${database.socket}"
[[tenant.mounts]]\nhost = "${ROOT}"\nguest = "${ROOT}"\n`,
      }
    },
    stop: async () => {
      await database?.stop()
    },
  },
  havePhpSides(ROOT, MARIADB),
)
