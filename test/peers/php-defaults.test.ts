/** What users of php-fpm take for granted: sessions, permissions, the end of what takes too long. The same as from php-fpm. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, ask } from '../support/peers/http-client.ts'
import {
  havePhpSides,
  type PhpSides,
  type Side,
  startPhpSides,
} from '../support/peers/php-sides.ts'

const SIDES: readonly Side[] = ['php-fpm', 'wasm-fpm']

const LOCATIONS = `
    location ~ [.]php$ {
      fastcgi_pass BACKEND;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    }`

/** A log-in, as programs do it. */
const LOGIN = `<?php session_start();
if (isset($_GET['user'])) { session_regenerate_id(true); $_SESSION['user'] = $_GET['user']; }
if (isset($_GET['out'])) session_destroy();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
$file = session_save_path() . '/sess_' . session_id();
echo json_encode([$_SESSION, session_save_path(), decoct(fileperms($file)), fileowner($file) === posix_geteuid()]);`

/** Two sessions, one of which nobody has used for long; then every request is to look for such. */
const OLD_SESSIONS = `<?php $names = array_map(fn($n) => session_save_path() . "/sess_$n", ['old', 'new']);
foreach ($names as $name) file_put_contents($name, ''); touch($names[0], time() - 1500);
$isOn = ini_get('session.gc_probability') > 0; ini_set('session.gc_divisor', 1); session_start();
clearstatcache(); echo json_encode([$isOn, array_map('file_exists', $names)]); session_destroy(); unlink($names[1]);`

const ENDLESS = 'while (true) $x = md5("a");'
const AT_END =
  'register_shutdown_function(function () { echo "[shutdown ", connection_status(), error_get_last()["type"] ?? 0, "]"; });'
const SHOWN = `ini_set('display_errors', 1); ${AT_END}`

/** `WRITABLE`: a folder of each side's own. */
const PROGRAMS: readonly { readonly name: string; readonly script: string }[] = [
  {
    name: 'permissions of what is made',
    script: `<?php $d = WRITABLE . '/made'; mkdir($d); $out = []; function m($p) { global $out; clearstatcache(); $out[] = [basename($p), decoct(fileperms($p))]; }
m($d); mkdir("$d/a", 0700); m("$d/a"); mkdir("$d/b/c", 0750, true); m("$d/b"); m("$d/b/c"); file_put_contents("$d/f", 'x'); m("$d/f"); $t = tempnam($d, 't'); $out[] = decoct(fileperms($t)); unlink($t); touch("$d/n"); m("$d/n"); symlink('f', "$d/l"); m("$d/l"); $out[] = decoct(lstat("$d/l")['mode']);
$old = umask(077); $out[] = decoct($old); $out[] = decoct(umask()); file_put_contents("$d/g", 'x'); m("$d/g"); mkdir("$d/h", 0777); m("$d/h"); umask(0); mkdir("$d/i", 0777); m("$d/i"); fclose(fopen("$d/j", 'x+')); m("$d/j"); umask(022); copy("$d/f", "$d/k"); m("$d/k"); rename("$d/g", "$d/z"); m("$d/z"); new SQLite3("$d/db"); m("$d/db");
foreach ([0640, 0444, 0777, 0600] as $mode) { $out[] = chmod("$d/f", $mode); m("$d/f"); } $out[] = chmod("$d/a", 01777); $s = stat("$d/a"); $out[] = decoct($s['mode'] & 0777); $out[] = @chmod("$d/nothing", 0600); echo json_encode($out); exec('true'); array_map(fn($p) => is_dir($p) && !is_link($p) ? (@rmdir("$p/c") || true) && rmdir($p) : unlink($p), glob("$d/*")); rmdir($d);`,
  },
  {
    name: 'umask is the same for every request',
    script: `<?php echo decoct(umask(0777)), decoct(umask());`,
  },
  {
    name: 'what may be read and written',
    script: `<?php $d = WRITABLE; file_put_contents("$d/own", 'x'); chmod("$d/own", 0400); clearstatcache(); $look = fn($p) => [is_readable($p), is_writable($p), is_executable($p), file_exists($p)]; echo json_encode([$look(__FILE__), $look(__DIR__), $look($d), $look("$d/own"), $look('/tmp'), $look('/dev/null'), $look('/nothing'), @file_put_contents("$d/own", 'y'), @file_put_contents(__FILE__, 'y'), @mkdir(__DIR__ . '/new'), @unlink(__FILE__), @touch(__FILE__)]); unlink("$d/own");`,
  },
  {
    name: 'who it is',
    script: `<?php $d = WRITABLE; touch("$d/mine"); clearstatcache(); $who = fn($id) => array_intersect_key(posix_getpwuid($id), ['name' => 1, 'uid' => 1, 'dir' => 1]); echo json_encode([get_current_user(), getmyuid(), posix_getuid(), posix_geteuid(), posix_getegid(), fileowner("$d/mine"), filegroup("$d/mine"), fileowner(__FILE__), $who(posix_geteuid()), $who(0), posix_getpwnam('root')['uid'], posix_getpwuid(54321), $_SERVER['USER'], $_SERVER['HOME'], getenv('HOME')]); unlink("$d/mine");`,
  },
  {
    name: 'the folder for passing files',
    script: `<?php echo decoct(fileperms(sys_get_temp_dir())), is_writable('/tmp'), is_dir('/tmp');`,
  },
  {
    name: 'set_time_limit',
    script: `<?php ${SHOWN} set_time_limit(1); echo 'before '; ${ENDLESS}`,
  },
  {
    name: 'max_execution_time, in a function of the program',
    script: `<?php ${SHOWN} ini_set('max_execution_time', '1'); class A { function __destruct() { echo '[gone]'; } } $a = new A; ob_start(fn($t) => strtoupper($t)); echo 'before '; function f() { while (1); } array_map('f', [1]);`,
  },
  {
    name: 'as an error that is logged',
    script: `<?php ${AT_END} set_time_limit(1); set_error_handler(fn() => print('never')); try { ${ENDLESS} } catch (Throwable $e) { echo 'never'; } finally { echo 'never'; }`,
  },
  {
    name: 'a limit that is set anew, and taken back',
    script: `<?php ${SHOWN} function work($s) { $end = hrtime(true) + $s * 1e9; while (hrtime(true) < $end); } for ($i = 0; $i < 3; $i++) { set_time_limit(1); work(0.5); } set_time_limit(0); work(1.2); echo ini_get('max_execution_time'), 'done';`,
  },
  {
    name: 'sleep does not count',
    script: `<?php ${SHOWN} set_time_limit(1); usleep(1300000); echo 'slept';`,
  },
  {
    name: 'shutdown functions have their own time',
    script: `<?php ini_set('display_errors', 1); register_shutdown_function(function () { echo '[first]'; while (1); }); register_shutdown_function(function () { echo '[second]'; }); set_time_limit(1); ${ENDLESS}`,
  },
  {
    name: 'memory, in one piece',
    script: `<?php ${SHOWN} ini_set('memory_limit', '16M'); echo 'before '; $x = str_repeat('x', 20 << 20); echo 'never';`,
  },
  {
    name: 'memory, by recursion',
    script: `<?php ${SHOWN} ini_set('memory_limit', '8M'); function f($n) { $x = str_repeat('x', 100000 + $n); return f($n + 1) . $x; } echo 'before '; f(0);`,
  },
  {
    name: 'memory, and none of it afterwards',
    script: `<?php echo memory_get_usage() < 4 << 20, memory_get_peak_usage() < 4 << 20;`,
  },
]

/** Settings of PHP's that are others than Debian's for php-fpm, and why. */
const OTHER_SETTINGS: Readonly<
  Record<string, { readonly is: string | null; readonly why: string }>
> = {
  extension_dir: {
    is: '/usr/lib/php/extensions/no-debug-non-zts-20220829',
    why: 'nothing is loaded from there',
  },
  'opcache.memory_consumption': { is: '52', why: 'a part of the memory of an instance' },
  'opcache.interned_strings_buffer': { is: '4', why: 'the same' },
  'opcache.max_accelerated_files': { is: '4000', why: 'as many as are loaded ahead' },
  'opcache.validate_timestamps': { is: '0', why: 'the server looks, for all requests at once' },
  'opcache.file_update_protection': { is: '0', why: 'the same' },
  realpath_cache_ttl: { is: '2147483647', why: 'it is kept with what was loaded ahead' },
  'session.gc_probability': {
    is: '1',
    why: "nobody else takes old sessions away, as Debian's cron does",
  },
  sys_temp_dir: { is: '/tmp', why: 'TMPDIR says so elsewhere' },
}

const hasAll = havePhpSides()
let root = ''
let sides: PhpSides

beforeAll(async () => {
  if (!hasAll) return
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-defaults-'))
  chmodSync(root, 0o755)
  writeFileSync(join(root, 'login.php'), LOGIN)
  writeFileSync(join(root, 'settings.php'), '<?php echo json_encode(ini_get_all(null, false));')
  writeFileSync(join(root, 'old.php'), OLD_SESSIONS)
  for (const side of SIDES) {
    mkdirSync(join(root, side))
    chmodSync(join(root, side), 0o777)
  }
  const writable = `($_SERVER['DOCUMENT_ROOT'] . (php_uname('m') === 'wasm32' ? '/wasm-fpm' : '/php-fpm'))`
  for (const [index, { script }] of PROGRAMS.entries())
    writeFileSync(join(root, `p${index}.php`), script.replaceAll('WRITABLE', writable))
  const folder = join(root, 'wasm-fpm')
  sides = await startPhpSides(root, {
    locations: LOCATIONS,
    isLikePhpFpm: true,
    tenant: `[[tenant.mounts]]\nhost = "${folder}"\nguest = "${folder}"\nwritable = true\n`,
  })
})
afterAll(async () => {
  await sides?.stop()
  if (root !== '') rmSync(root, { recursive: true })
})

function comparable({ status, headers, text, ending }: Answer): unknown {
  const type = headers['content-type']
  const same = text.replace(/tried to allocate \d+ bytes/, 'tried to allocate N bytes')
  return { status, ending, type, text: same.replaceAll(/\/wasm-fpm\b/g, '/php-fpm') }
}

/** Asks as one browser does, with what it was given. */
function browser(side: Side): (query: string) => Promise<string> {
  let cookie = ''
  return async (query) => {
    const headers = { Host: 'site.example', ...(cookie === '' ? {} : { Cookie: cookie }) }
    const answer = await ask(sides.ports[side], `/login.php?${query}`, { headers })
    const set = answer.headers['set-cookie']?.at(-1)
    cookie = set === undefined ? cookie : (set.split(';')[0] ?? '')
    return answer.text
  }
}

const VISIT = ['', '', 'user=ann', '', 'out=1', '']

describe.skipIf(!hasAll)('out of the box', () => {
  test.for(PROGRAMS.map((program, index) => ({ ...program, index })))(
    '$name',
    async ({ index }) => {
      const [expected, actual] = await Promise.all(
        SIDES.map(async (side) => {
          const headers = { Host: 'site.example' }
          return comparable(await ask(sides.ports[side], `/p${index}.php`, { headers }))
        }),
      )
      expect(actual, sides.logs()).toEqual(expected)
    },
  )

  test('the settings are those of php-fpm, but for some', async () => {
    const [expected = {}, actual = {}] = await Promise.all(
      SIDES.map(async (side): Promise<Record<string, unknown>> => {
        const { text } = await ask(sides.ports[side], '/settings.php')
        return JSON.parse(text)
      }),
    )
    const told = Object.keys(actual).filter((name) => name in expected)
    const others = told.filter((name) => actual[name] !== expected[name])
    expect(others.sort()).toEqual(Object.keys(OTHER_SETTINGS).sort())
    for (const name of others)
      expect([name, actual[name]]).toEqual([name, OTHER_SETTINGS[name]?.is])
  })

  test('old sessions are taken away, by the way', async () => {
    const { text } = await ask(sides.ports['wasm-fpm'], '/old.php')
    expect(text).toBe('[true,[false,true]]')
  })

  test('a visitor logs in and out, another one does not see it', async () => {
    const told = await Promise.all(
      SIDES.map(async (side) => {
        const [ann, bob] = [browser(side), browser(side)]
        const pages: string[] = []
        for (const query of VISIT) pages.push(await ann(query), await bob(''))
        return pages
      }),
    )
    expect(told[1], sides.logs()).toEqual(told[0])
    expect(told[1]?.[6]).toBe(
      '[{"visits":4,"user":"ann"},"\\/var\\/lib\\/php\\/sessions","100600",true]',
    )
  })

  test('who is logged in still is after a restart of the server', async () => {
    const ann = browser('wasm-fpm')
    await ann('user=ann')
    await sides.restart()
    expect(await ann(''), sides.logs()).toContain('{"user":"ann","visits":2}')
    expect(await browser('wasm-fpm')('')).toContain('[{"visits":1}')
  })
})

describe.skipIf(!hasAll)('below the limits of the server', () => {
  test('fibers without end: too many, too deep, for ever', async () => {
    const own = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-fibers-'))
    chmodSync(own, 0o755)
    const scripts = {
      many: `$all = []; try { while (true) { $all[] = $f = new Fiber(fn() => Fiber::suspend()); $f->start(); } } catch (Exception $e) { echo count($all) - 1, ' ', $e->getMessage(); }`,
      deep: '(new Fiber(function () { $f = fn($f) => array_map($f, [$f]); $f($f); }))->start();',
      ever: 'set_time_limit(1); $f = new Fiber(function () { while (true) Fiber::suspend(); }); $f->start(); while (true) $f->resume();',
      other: 'echo "as ever";',
    }
    for (const [name, script] of Object.entries(scripts))
      writeFileSync(join(own, `${name}.php`), `<?php ini_set('display_errors', 1); ${script}`)
    const limited = await startPhpSides(own, { locations: LOCATIONS })
    const get = (path: string) => ask(limited.ports['wasm-fpm'], path)
    try {
      for (let round = 0; round < 3; round++) {
        const { text } = await get('/many.php')
        expect(text).toBe('256 Fiber stack allocate failed: there are too many fibers')
        expect(await get('/deep.php')).toMatchObject({ status: 500 })
        const [ever, ...others] = await Promise.all([
          get('/ever.php'),
          ...Array.from({ length: 5 }, () => get('/other.php')),
        ])
        expect(ever?.text).toContain('Maximum execution time of 1 second exceeded')
        for (const other of others) expect(other.text).toBe('as ever')
      }
      expect(limited.logs()).toContain('OUTCOME_STACK_OVERFLOW')
    } finally {
      await limited.stop()
      rmSync(own, { recursive: true })
    }
  })

  test('PHP ends what takes too long itself', async () => {
    const own = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-limits-'))
    chmodSync(own, 0o755)
    writeFileSync(
      join(own, 'long.php'),
      `<?php ${SHOWN} echo ini_get('max_execution_time'); ${ENDLESS}`,
    )
    const limited = await startPhpSides(own, {
      locations: LOCATIONS,
      tenant: '[tenant.limits]\ncpu = "2500ms"\n',
    })
    try {
      const { status, text } = await ask(limited.ports['wasm-fpm'], '/long.php')
      expect(
        [status, text.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ')],
        limited.logs(),
      ).toEqual([
        200,
        `30 Fatal error :  Maximum execution time of 2 seconds exceeded in ${own}/long.php  on line 1  [shutdown 21]`.replaceAll(
          /\s+/g,
          ' ',
        ),
      ])
    } finally {
      await limited.stop()
      rmSync(own, { recursive: true })
    }
  })
})
