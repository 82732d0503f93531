/** Requests of PHP that are run ahead of all others: what they leave, and what they must not. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Client, configText, makeFolder, type Serving, serve } from './serve.ts'

/** `wasm-fpm runtime build php` makes it, and CI puts it there. */
const PHP = resolve('build/runtimes/php.wasm')
const has = existsSync(PHP)
if (!has && process.env['CI']) throw new Error(`Cannot test PHP: no ${PHP}`)

const RUNTIME = `[[runtime]]
name = "php"
module = "${PHP}"
extensions = [".php"]
index = "index.php"
[log]
level = "debug"
`

/** Does everything that could stay: whoever is asked later must find none of it. */
const LEAVE = `<?php
require __DIR__ . '/part.php';
file_put_contents(__DIR__ . '/data/hits', $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI'] . ' ' .
  $_SERVER['SCRIPT_FILENAME'] . ' ' . $_SERVER['SCRIPT_NAME'] . ' ' . $_SERVER['HTTP_HOST'] . ' ' . json_encode($_GET) . "\\n", FILE_APPEND);
putenv('LEFT=env'); ini_set('precision', '3'); setlocale(LC_ALL, 'C'); date_default_timezone_set('Asia/Tokyo');
chdir(__DIR__ . '/data'); umask(077); mt_srand(1); srand(1); mb_internal_encoding('ISO-8859-1'); error_reporting(0);
class Left { static $value = 'left'; } function left() { static $count = 0; return ++$count; } left(); define('LEFT', 1);
$_SERVER['LEFT'] = $_ENV['LEFT'] = $GLOBALS['left'] = 'left';
$open = fopen(__FILE__, 'r'); stream_wrapper_register('left', 'Left'); spl_autoload_register(fn() => null);
register_shutdown_function(fn() => file_put_contents(__DIR__ . '/data/ends', "end\\n", FILE_APPEND));
register_shutdown_function(fn() => chdir('/tmp'));
set_error_handler(fn() => true); ob_start(); ob_start(); header('X-Left: 1'); setcookie('left', '1'); http_response_code(404);
session_id('leftleftleftleftleftleftle'); session_save_path('/tmp'); session_start(); $_SESSION['left'] = 1;
$db = new SQLite3(':memory:'); $db->querySingle('SELECT random()');
file_put_contents(__DIR__ . '/data/gone', ''); realpath(__DIR__ . '/data/gone'); preg_match('/left/', 'left'); uniqid(); random_int(0, 9);
$pdo = new PDO('sqlite:' . __DIR__ . '/data/db', null, null, [PDO::ATTR_PERSISTENT => true]); $pdo->exec('CREATE TABLE IF NOT EXISTS t (a)');
libxml_use_internal_errors(true); simplexml_load_string('<a'); trigger_error('left'); fastcgi_finish_request();
`

const LOOK = `<?php
register_shutdown_function(fn() => file_put_contents(__DIR__ . '/data/folders', getcwd() . "\\n", FILE_APPEND));
$db = new SQLite3(':memory:');
$new = [mt_rand(), rand(), random_int(0, PHP_INT_MAX), bin2hex(random_bytes(8)), uniqid('', true), lcg_value(),
  $db->querySingle('SELECT hex(randomblob(8))'), session_create_id(), str_shuffle('abcdefghijklmnopqrstuvwxyz'),
  password_hash('a', PASSWORD_BCRYPT, ['cost' => 4]), spl_object_id($db) . microtime()];
$server = array_keys($_SERVER); sort($server);
$pdo = new PDO('sqlite:' . __DIR__ . '/data/db', null, null, [PDO::ATTR_PERSISTENT => true]);
$pdo->exec('CREATE TABLE IF NOT EXISTS t (a)'); $pdo->exec('INSERT INTO t VALUES (1)');
echo json_encode(['new' => $new, 'same' => [getenv('LEFT'), ini_get('precision'), date_default_timezone_get(), getcwd(),
  umask(), mb_internal_encoding(), error_reporting(), class_exists('Left', false), function_exists('left'), defined('LEFT'),
  $server, $_ENV, isset($left), count(get_resources()) < 2, in_array('left', stream_get_wrappers()), spl_autoload_functions(),
  ob_get_level(), headers_list(), http_response_code(), session_id(), isset($_SESSION), libxml_use_internal_errors(),
  libxml_get_errors(), error_get_last(), $_GET, $_COOKIE, get_included_files(), preg_last_error(), connection_status(),
  $_SERVER['REQUEST_URI'], $_SERVER['PHP_SELF'], $argv ?? null]]);
`

interface Look {
  readonly new: readonly unknown[]
  readonly same: readonly unknown[]
}

function site(files: Readonly<Record<string, string>>): string {
  const folder = makeFolder()
  mkdirSync(join(folder, 'data'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

async function start(folder: string, warm: string): Promise<[Serving, Client]> {
  const tenant = `runtimes = ["php"]\nrevalidate = "100ms"\n${warm}
hosts = ["*.example", "site.example"]
[[tenant.mounts]]
host = "${folder}/data"
guest = "${folder}/data"
writable = true\n`
  const config = configText(folder, { top: RUNTIME, tenant, pool: 'workers = 1' })
  const serving = await serve({ folder, config: config.replace('hosts = ["*"]\n', '') })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  return [serving, client]
}

const LOADED = /scripts are loaded ahead/

const look = async (client: Client): Promise<Look> =>
  JSON.parse((await client.get('look.php')).body)

test.runIf(has)(
  'requests that are run ahead have run when others begin, and nothing of them is there but what they have written',
  async () => {
    const folder = site({ 'left.php': LEAVE, 'part.php': '<?php\n', 'look.php': LOOK })
    const [serving, client] = await start(folder, 'warm = ["/left.php?a=1&b=%2F", "/left.php"]')
    const cold = await look(client)
    await serving.logged(LOADED)
    const looks = [await look(client), await look(client), await look(client)]
    for (const { same } of looks) expect(same).toEqual(cold.same)
    const seen = [cold, ...looks].map((one) => one.new)
    for (const index of cold.new.keys())
      expect(new Set(seen.map((one) => one[index])).size, `of ${index}`).toBe(4)
    const hit = (uri: string, get: string) =>
      `GET ${uri} ${folder}/left.php /left.php site.example ${get}`
    const round = [hit('/left.php?a=1&b=%2F', '{"a":"1","b":"\\/"}'), hit('/left.php', '[]')]
    const hits = readFileSync(join(folder, 'data/hits'), 'utf8').trim().split('\n')
    // Once to find out which files they open, once more with these loaded.
    expect(hits).toEqual([...round, ...round])
    expect(readFileSync(join(folder, 'data/folders'), 'utf8')).toBe(`${folder}\n`.repeat(4))
    expect(readFileSync(join(folder, 'data/ends'), 'utf8')).toBe('end\n'.repeat(4))
  },
)

test.runIf(has)('what requests run ahead have looked up may change', async () => {
  const folder = site({
    'left.php': LEAVE,
    'part.php': '<?php\n',
    'look.php': `<?php echo json_encode([realpath(__DIR__ . '/data/gone'), file_exists(__DIR__ . '/data/gone')]);`,
  })
  const [serving, client] = await start(folder, 'warm = ["/left.php"]')
  await client.get('look.php')
  await serving.logged(LOADED)
  rmSync(join(folder, 'data/gone'))
  expect((await client.get('look.php')).body).toBe('[false,false]')
})

test.runIf(has)(
  'a file that a request run ahead has read is read anew when it has changed',
  async () => {
    const folder = site({
      'index.php': `<?php require __DIR__ . '/part.php'; require __DIR__ . '/part.inc'; echo PART . INC;`,
      'part.php': `<?php const PART = 'one';`,
      // Not one of the runtime's endings: nobody looks whether it changes, and so it must not be kept.
      'part.inc': `<?php const INC = '1';`,
    })
    const [serving, client] = await start(folder, 'warm = ["/"]')
    expect((await client.get('index.php')).body).toBe('one1')
    await serving.logged(LOADED)
    expect((await client.get('index.php')).body).toBe('one1')
    writeFileSync(join(folder, 'part.inc'), `<?php const INC = '2';`)
    await expect.poll(async () => (await client.get('index.php')).body).toBe('one2')
    writeFileSync(join(folder, 'part.php'), `<?php const PART = 'two'; // longer`)
    await expect.poll(async () => (await client.get('index.php')).body).toBe('two2')
  },
)

test.runIf(has)('what fails is said once, with a code; all else is run and served', async () => {
  const folder = site({
    'index.php': `<?php file_put_contents(__DIR__ . '/data/uris', $_SERVER['REQUEST_URI'] . ' ' . $_SERVER['SCRIPT_NAME'] . "\\n", FILE_APPEND); echo 'served';`,
    'bad.php': `<?php throw new Exception('no luck');`,
    'long.php': `<?php while (true);`,
    'hello.txt': '',
  })
  const paths = ['/bad.php', '/long.php', '/../x.php', '/', '/pretty/page?x=1']
  const [serving, client] = await start(
    folder,
    `warm = ${JSON.stringify(paths)}\nlimits = { cpu = "300ms" }\npm_status_path = "/status"`,
  )
  expect((await client.get('index.php')).body).toBe('served')
  await serving.logged(LOADED)
  const uris = readFileSync(join(folder, 'data/uris'), 'utf8').trim().split('\n')
  expect([...new Set(uris)]).toEqual([
    '/index.php? /index.php',
    '/ /index.php',
    '/pretty/page?x=1 /index.php',
  ])
  expect((await client.get('index.php')).body).toBe('served')
  const log = serving.log()
  expect(log).toMatch(
    /"code":"GUEST_WARM_REQUEST_FAILED","path":"\/bad.php".*exited with code 255.*no luck/,
  )
  expect(log).toMatch(
    /"code":"GUEST_WARM_REQUEST_FAILED","path":"\/long.php".*Maximum execution time/,
  )
  expect(log).toMatch(/"code":"CGI_BAD_PATH","path":"\/..\/x.php"/)
  expect(log.match(/requests begin without/g)).toHaveLength(3)
  // Of three requests, which take a few milliseconds each, and what was done besides: most of it is the endless loop.
  const status = JSON.parse((await client.get('status', 'json')).body)
  expect(status).toMatchObject({ 'accepted conn': 2 })
  expect(status['wasm-fpm']['cpu ms']).toBeGreaterThan(200)
})
