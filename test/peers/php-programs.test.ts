/** What PHP programs do comes out of wasm-fpm as it does of php-fpm: status, fields, bodies, and what they leave behind. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, ask } from '../support/peers/http-client.ts'
import { LIBRARY_PROGRAMS } from '../support/peers/library-programs.ts'
import {
  havePhpSides,
  type PhpSides,
  type Side,
  startPhpSides,
} from '../support/peers/php-sides.ts'

const SIDES: readonly Side[] = ['php-fpm', 'wasm-fpm']

interface Step {
  /** Default: the program's own. */
  readonly path?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

interface Program {
  readonly name: string
  readonly script: string
  /** One request after the other, with the cookies of the answers before; default: one. */
  readonly steps?: readonly Step[]
  /** More files, by their paths below the program's folder. */
  readonly files?: Readonly<Record<string, string>>
}

const FORM = [
  ['a', 'content of a'],
  ['b', 'x'.repeat(70_000)],
].map(
  ([name, text]) =>
    `--cut\r\nContent-Disposition: form-data; name="f[]"; filename="${name}.txt"\r\nContent-Type: text/x-${name}\r\n\r\n${text}\r\n`,
)
const UPLOAD: Step = {
  method: 'POST',
  headers: { 'Content-Type': 'multipart/form-data; boundary=cut' },
  body: `${FORM.join('')}--cut\r\nContent-Disposition: form-data; name="t"\r\n\r\nfield\r\n--cut--\r\n`,
}

/** `WRITABLE`: a folder of each side's own. `PEER`: the port of a server that says what it was asked. */
const PROGRAMS: readonly Program[] = [
  ...LIBRARY_PROGRAMS,
  { name: 'text', script: '<p>a page</p>' },
  {
    name: 'fields',
    script: `<?php header('X-A: 1'); header('X-A: 2', false); header('X-B: 1'); header('X-B: 2'); header('X-C: 1'); header_remove('X-C'); setcookie('a', 'b c', ['path' => '/', 'httponly' => true, 'samesite' => 'Lax']); setrawcookie('r', 'x'); header('Content-Type: text/plain; charset=ISO-8859-1'); echo implode("\\n", headers_list());`,
  },
  { name: 'a status line', script: `<?php header('HTTP/1.1 404 Not Here'); echo 'gone';` },
  { name: 'a status of its own', script: `<?php header('Status: 410 Gone Away'); echo 'gone';` },
  { name: 'a code', script: `<?php http_response_code(503); echo http_response_code();` },
  { name: 'a code nobody knows', script: `<?php http_response_code(299); echo 'x';` },
  { name: 'a redirect', script: `<?php header('Location: /elsewhere'); exit;` },
  { name: 'a redirect with a code', script: `<?php header('Location: /elsewhere', true, 308);` },
  { name: 'not modified', script: `<?php http_response_code(304); header('ETag: "a"');` },
  { name: 'no content', script: `<?php http_response_code(204);` },
  { name: 'exit with a number', script: `<?php echo 'a'; exit(3);` },
  { name: 'exit with a text', script: `<?php exit('bye');` },
  { name: 'an error that is not shown', script: `<?php echo 'before'; nothing();` },
  {
    name: 'an error that is shown',
    script: `<?php ini_set('display_errors', 1); ini_set('html_errors', 0); echo 'before'; echo $undefined; nothing();`,
  },
  {
    name: 'an exception nobody catches',
    script: `<?php ini_set('display_errors', 1); function f($a) { throw new LogicException("a\\nb", 3, new Exception('first')); } f(['secret']);`,
  },
  { name: 'a syntax error', script: `<?php echo 'a' 'b';` },
  {
    name: 'a handler of errors',
    script: `<?php set_error_handler(function ($n, $m, $f, $l) { echo "[$n $m $l]"; return true; }); echo $x; trigger_error('own', E_USER_DEPRECATED); echo 1 <=> [];`,
  },
  {
    name: 'too much memory',
    script: `<?php ini_set('display_errors', 1); ini_set('memory_limit', '8M'); register_shutdown_function(function () { echo "\\nthe end"; }); $a = []; while (true) $a[] = str_repeat('x', 1000);`,
  },
  {
    name: 'too much memory, where an array had been before it grew',
    script: `<?php ini_set('display_errors', 1); ini_set('memory_limit', '33M'); $a = []; while (true) $a[] = new stdClass;`,
  },
  {
    name: 'offsets in texts that are no sizes',
    script: `<?php ini_set('display_errors', 1); ini_set('html_errors', 0); $s = 'ab'; foreach ([PHP_INT_MAX, PHP_INT_MIN, 1 << 32, -1 << 32, (1 << 32) + 1] as $i) { echo json_encode([$i, $s[$i], isset($s[$i]), $s[$i] ?? null]), "\n"; foreach (['strpos', 'strrpos', 'substr_count'] as $f) try { var_dump($f($s, 'a', $i)); } catch (ValueError $e) { echo $e->getMessage(), "\n"; } } echo json_encode([substr($s, 1 << 32), substr($s, 0, 1 << 32), substr($s, -1 << 32, 1), mb_substr($s, 1 << 32), mb_substr($s, 0, 1 << 32), iconv_substr($s, 0, 1 << 32), iconv_strpos($s, 'x'), iconv_strpos($s, 'b'), substr_replace($s, 'x', 1 << 32)]);`,
  },
  {
    name: 'recursion to a limit of its own',
    script: `<?php function f($n) { return $n === 0 ? 0 : 1 + f($n - 1); } echo f(20000);`,
  },
  {
    name: 'the order of the end',
    script: `<?php class A { function __destruct() { echo '[destroyed]'; } } $a = new A; static fn() => 1; register_shutdown_function(function () { echo '[shutdown]'; register_shutdown_function(function () { echo '[again]'; }); }); ob_start(fn($text) => strtoupper($text)); echo 'buffered ';`,
  },
  {
    name: 'destructors after exit',
    script: `<?php class A { function __destruct() { echo 'destroyed'; } } $a = new A; exit(1);`,
  },
  {
    name: 'much output',
    script: `<?php for ($i = 0; $i < 20000; $i++) echo str_repeat(chr(65 + $i % 26), 60), "\\n";`,
  },
  {
    name: 'output in pieces',
    script: `<?php for ($i = 0; $i < 3; $i++) { echo "part $i\\n"; ob_flush(); flush(); } header('X-Late: 1');`,
  },
  { name: 'nothing', script: '<?php' },
  {
    name: 'nested buffers',
    script: `<?php ob_start(); echo 'a'; ob_start(); echo 'b'; echo ob_get_level(), strlen(ob_get_contents()); ob_end_clean(); echo 'c';`,
  },
  {
    name: 'fibers',
    script: `<?php
      function ask($n) { echo "asks $n\n"; $answer = Fiber::suspend($n); usleep(1000); return $answer . strlen(file_get_contents(__FILE__)); }
      $all = array_map(fn($n) => new Fiber(function () use ($n) { try { foreach (array_map('ask', range($n, $n + 2)) as $got) echo "$n got $got\n"; } finally { echo "$n ends\n"; } }), [10, 20, 30]);
      foreach ($all as $fiber) $fiber->start();
      for ($i = 0; array_filter($all, fn($f) => !$f->isTerminated()); $i++) foreach ($all as $k => $fiber) if (!$fiber->isTerminated()) echo 'now ', $fiber->resume("$i/$k/"), "\n";
      $outer = new Fiber(function () { $inner = new Fiber(function () { try { Fiber::suspend(1); } catch (LogicException $e) { echo $e->getMessage(); } throw new DomainException('out'); }); $inner->start(); Fiber::suspend(2); $inner->throw(new LogicException('in')); });
      $outer->start();
      try { $outer->resume(); } catch (DomainException $e) { echo get_class($e), $e->getLine(); }
      register_shutdown_function(function () { (new Fiber(function () { echo 'at the end'; Fiber::suspend(); echo 'not here'; }))->start(); });
      $left = new Fiber(function () { try { Fiber::suspend(); } finally { echo 'left'; } }); $left->start();`,
    steps: [{}, {}],
  },
  {
    name: 'a fiber that ends the program',
    script: `<?php $a = new Fiber(function () { $b = new Fiber(function () { Fiber::suspend(); }); $b->start(); $GLOBALS['n'] = ($GLOBALS['n'] ?? 0) + 1; exit("ends $GLOBALS[n]"); }); $a->start(); echo 'not here';`,
    steps: [{}, {}],
  },
  {
    name: 'an error in a fiber, and another one suspended',
    script: `<?php ini_set('display_errors', 1); $a = new Fiber(function () { Fiber::suspend(); echo 'not here'; }); $a->start(); $b = new Fiber(function () { str_repeat('x', 1 << 30); }); $b->start();`,
    steps: [{}, {}],
  },
  {
    name: 'mb_ereg',
    script: `<?php mb_regex_encoding('UTF-8'); mb_ereg('(\\w+)@(?<host>[a-zä]+)', 'jürgen@ärzte.de', $m); echo json_encode($m), mb_ereg_replace_callback('ß|[ÄÖ]', fn($m) => mb_strtolower($m[0]), 'ÄöÖß'), json_encode(mb_split('\\s+', "a\u{3000}b c")), json_encode(mb_regex_set_options());`,
  },
  {
    name: 'a session',
    script: `<?php ini_set('session.save_path', WRITABLE); session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n'], ' ', strlen(session_id()), ' ', session_status();`,
    steps: [{}, {}, {}],
  },
  {
    name: 'a session whose id is new',
    script: `<?php ini_set('session.save_path', WRITABLE); session_start(); $old = session_id(); $_SESSION['seen'][] = 1; session_regenerate_id(true); echo count($_SESSION['seen']), $old === session_id() ? 'same' : 'new', count(glob(WRITABLE . '/sess_' . $old));`,
    steps: [{}, {}],
  },
  {
    name: 'uploads',
    script: `<?php foreach ($_FILES['f']['name'] as $i => $name) { $path = $_FILES['f']['tmp_name'][$i]; echo $name, ' ', $_FILES['f']['type'][$i], ' ', $_FILES['f']['full_path'][$i], ' ', $_FILES['f']['error'][$i], ' ', $_FILES['f']['size'][$i], ' ', md5_file($path), ' ', var_export(is_uploaded_file($path), true), ' ', var_export(move_uploaded_file($path, WRITABLE . "/$name"), true), ' ', filesize(WRITABLE . "/$name"), ' ', var_export(file_exists($path), true), "\\n"; } echo json_encode($_POST), strlen(file_get_contents('php://input'));`,
    steps: [UPLOAD],
  },
  {
    name: 'an upload that is too large',
    script: `<?php echo json_encode([$_FILES['f']['error'] ?? null, $_POST]);`,
    files: { '.user.ini': 'upload_max_filesize=1K\n' },
    steps: [UPLOAD],
  },
  {
    name: 'a form',
    script: `<?php echo json_encode([$_POST, $_REQUEST, $_GET]);`,
    steps: [
      {
        method: 'POST',
        path: '?q=1&a[b][]=2',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: 'q=2&x+y=%C3%A9&d.e=1&l[]=1&l[]=2',
      },
    ],
  },
  {
    name: 'a raw body, read twice',
    script: `<?php echo file_get_contents('php://input'), strlen(file_get_contents('php://input')), stream_get_contents(fopen('php://input', 'r'), 3, 2);`,
    steps: [
      { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"a":[1,2,3]}' },
    ],
  },
  {
    name: 'a body nobody reads',
    script: `<?php echo 'done';`,
    steps: [
      { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'y'.repeat(300_000) },
    ],
  },
  { name: 'HEAD', script: `<?php header('X-A: 1'); echo 'body';`, steps: [{ method: 'HEAD' }] },
  {
    name: "the request's fields",
    script: `<?php $all = getallheaders(); ksort($all); unset($all['Host'], $all['Connection'], $all['Content-Length'], $all['Content-Type']); echo json_encode([$all, apache_request_headers() == getallheaders()]);`,
    steps: [{ headers: { 'X-Long-Name': 'a', Accept: 'b', 'Accept-Language': 'de' } }],
  },
  {
    name: 'basic authentication',
    script: `<?php echo json_encode([$_SERVER['PHP_AUTH_USER'] ?? null, $_SERVER['PHP_AUTH_PW'] ?? null]);`,
    steps: [
      { headers: { Authorization: `Basic ${Buffer.from('me:se:cret').toString('base64')}` } },
    ],
  },
  {
    name: 'the answer before the end of the program',
    script: `<?php $file = WRITABLE . '/finished'; if (isset($_GET['look'])) { for ($i = 0; !file_exists($file) && $i < 200; $i++) { usleep(10000); clearstatcache(); } readfile($file); exit; } header('X-Done: 1'); echo 'answer'; $was = fastcgi_finish_request(); echo 'lost'; file_put_contents("$file.part", json_encode([$was, fastcgi_finish_request(), headers_sent(), connection_status()])); rename("$file.part", $file);`,
    steps: [{}, { path: '?look=1' }],
  },
  {
    name: 'settings of folders',
    script: `<?php echo json_encode([ini_get('user_agent'), ini_get('arg_separator.output'), 1]);`,
    files: {
      '.user.ini': 'user_agent = "outer"\narg_separator.output = "&amp;"\n',
      'deep/.user.ini': 'user_agent = inner\nmemory_limit=33M\n',
      'deep/index.php': `<?php echo json_encode([ini_get('user_agent'), ini_get('arg_separator.output'), ini_get('memory_limit')]);`,
    },
    steps: [{}, { path: 'deep/index.php' }],
  },
  {
    name: 'includes',
    script: `<?php require 'part.php'; require_once __DIR__ . '/part.php'; echo json_encode(array_map('basename', get_included_files())), (@include 'missing.php') ? '' : 'missing';`,
    files: {
      'part.php': `<?php echo basename(__FILE__), __LINE__, __DIR__ === dirname(__FILE__), ' ';`,
    },
  },
  {
    name: 'files',
    script: `<?php $d = WRITABLE . '/files'; @mkdir($d); file_put_contents("$d/a", 'one'); file_put_contents("$d/a", 'two', FILE_APPEND | LOCK_EX); rename("$d/a", "$d/b"); copy("$d/b", "$d/c"); $f = fopen("$d/c", 'r+'); fseek($f, 2); fwrite($f, 'XY'); ftruncate($f, 5); fclose($f); touch("$d/t", 86400 * 365); symlink('c', "$d/l"); echo json_encode([file_get_contents("$d/c"), filemtime("$d/t"), is_link("$d/l"), readlink("$d/l"), file_get_contents("$d/l"), array_map('basename', glob("$d/*")), array_map('basename', glob("$d/{c,nothing,{b,t}}", GLOB_BRACE)), scandir($d), unlink("$d/b"), file_exists("$d/b"), is_writable($d), is_dir($d), filesize("$d/c"), fnmatch('*.t', 'a.t'), touch("$d/n"), abs(time() - filemtime("$d/n")) < 5, @rmdir($d), pathinfo('/a/b.c.d'), realpath("$d/../files/./c") === realpath("$d/c"), disk_free_space('/') > 0 || true]); array_map('unlink', glob("$d/*")); rmdir($d);`,
  },
  {
    name: 'SPL, generators, closures',
    script: `<?php function g() { $x = yield 1; yield from [$x, 3]; return 4; } $g = g(); $out = [$g->current(), $g->send(2)]; foreach ($g as $v) $out[] = $v; $out[] = $g->getReturn(); $h = new SplMinHeap; foreach ([3, 1, 2] as $v) $h->insert($v); $out[] = iterator_to_array($h, false); $o = new ArrayObject(['b' => 1, 'a' => 2]); $o->ksort(); $out[] = $o->getArrayCopy(); enum Suit: string { case A = 'a'; const B = self::A; } $out[] = Suit::from('a')->name; $out[] = (fn(int ...$n) => array_sum($n))(1, 2, 3); $w = WeakReference::create($o); unset($o); $out[] = $w->get(); readonly class P { function __construct(public int $x = 1) {} } try { (new P)->x = 2; } catch (Error $e) { $out[] = $e->getMessage(); } echo json_encode($out);`,
  },
  {
    name: 'numbers',
    script: `<?php echo json_encode([PHP_INT_MAX, PHP_INT_SIZE, PHP_INT_MAX + 1, PHP_INT_MIN, 1 << 62, -1 >> 1, 0x7fffffff + 1, 9007199254740993, intdiv(PHP_INT_MIN + 1, -1), 7 % -3, fmod(7, -3), 2 ** 62, 2 ** 63, 2 ** -1, 10 ** 18, round(2.5), round(-1234567.891, -3), floor(-0.5), 0.1 + 0.2, 1e100, (int) 1e19, (int) '9223372036854775808', '10' + '5.5', '0x1A' == 26, 'abc' <=> 'abd', crc32('wasm'), hexdec('ffffffff'), bindec(str_repeat('1', 63)), octdec('777'), base_convert('zz', 36, 2), number_format(1234567.891, 2, ',', '.'), array_sum([1 << 40, 0.5]), array_product([1 << 31, 2]), max('apple', 5), min([1, 2], [1, 3]), mt_srand(42), mt_rand(), mt_rand(1, 1 << 40), rand(1, 6), str_pad(decbin(-1), 70, '.', STR_PAD_LEFT), PHP_FLOAT_EPSILON, is_nan(sqrt(-1)), var_export(1.0, true), 1.5e3, (string) 0.1, serialize(0.1), 255 === 0xFF, 1_000, strtotime('2100-02-28 23:59:59 UTC +1 day'), filter_var('9223372036854775807', FILTER_VALIDATE_INT), filter_var('9223372036854775808', FILTER_VALIDATE_INT), unpack('q', pack('q', -2)), pack('N', 1 << 33) === pack('N', 0), range('a', 'e', 2), range(1 << 33, (1 << 33) + 1), PHP_INT_MAX % 10, -PHP_INT_MAX - 1, PHP_INT_MAX * 2, abs(PHP_INT_MIN), log(8, 2), intval('42abc'), intval('0b11', 0), ip2long('255.255.255.255'), long2ip(4294967295), array_key_first([1 << 35 => 1]), (array) 1.5, [true => 'a', '5' => 'b', 1.7 => 'c']], JSON_PARTIAL_OUTPUT_ON_ERROR);`,
  },
  {
    name: 'texts',
    script: `<?php echo json_encode([sprintf('%05.1f|%-6s|%06d|%x|%b|%e|%\\'*10s|%2$s', 3.14159, 'ab', -42, 1 << 40, 1 << 33, 12345.678, 'r'), ucwords('hello wOrld-foo', ' -'), wordwrap('The quick brown fox', 10, "\\n", true), similar_text('World', 'Word', $p), $p, levenshtein('kitten', 'sitting'), soundex('Robert'), metaphone('Thompson'), htmlspecialchars('<a href="x">\\'é\\'</a>'), html_entity_decode('&eacute;&#8364;&hearts;&#x1F600;'), strtr('Hi all', ['Hi' => 'Hello', 'Hello' => 'x']), nl2br("a\\nb"), strrev('abc'), chunk_split('abcdef', 2, '-'), str_word_count('a bc d'), count_chars('abca', 3), substr_count('aaa', 'aa'), ucfirst('é'), strnatcmp('img12', 'img10'), money(), quoted_printable_encode("é=\\t"), base64_encode(random()), bin2hex(convert_uuencode('test')), md5('a'), sha1('a'), hash('crc32b', 'a'), hash('sha3-256', 'a'), hash('xxh3', 'a'), hash('murmur3a', 'a'), hash_hmac('sha512', 'a', 'k'), crypt('pw', '$2y$04$abcdefghijklmnopqrstuu'), crypt('pw', '$6$rounds=1000$salt$'), password_verify('pw', '$2y$04$abcdefghijklmnopqrstuuPEaFz0hCYMJcnUFYS.Bgrj5j7RqLmZe'), preg_replace_callback('/(?<w>\\\\w+) (\\\\d+)/u', fn($m) => $m['w'] . ($m[2] * 2), 'añb 21 c 2'), preg_split('/(,)\\\\s*/', 'a, b,c', -1, PREG_SPLIT_DELIM_CAPTURE | PREG_SPLIT_OFFSET_CAPTURE), preg_match('/^(a+)+$/', str_repeat('a', 30) . 'b'), preg_last_error_msg(), ctype_alpha('abC'), iconv('UTF-8', 'ISO-8859-1//TRANSLIT', 'é€') === "\\xe9EUR", iconv_strlen('éa'), vsprintf('%2$s-%1$04d', [7, 'x']), sscanf('age: 25 name: Bob', 'age: %d name: %s'), parse_url('https://u:p@h:8080/p?q=1#f'), http_build_query(['a' => [1, 2], 'b' => ['c' => 'd e']]), array_map('ord', str_split(pack('nvNVJPfd', 1, 2, 3, 4, 5, 6, 1.5, 2.5))), nl_langinfo_missing()]); function money() { return number_format(0.5); } function random() { return "\\x00\\xff"; } function nl_langinfo_missing() { return PHP_EOL; }`,
  },
  {
    name: 'arrays',
    script:
      `<?php $a = ['x' => 3, 'y' => 1, 'z' => 2]; asort($a); $b = [5, 3, 9, 1]; usort($b, fn($l, $r) => $r <=> $l); $c = ['10', 9, '1e1', 'a', null, true]; sort($c); $d = [[3, 'a'], [1, 'b']]; array_multisort($d); echo json_encode([$a, $b, $c, $d, array_unique([1, '1', 2, 2.0]), array_merge_recursive(['a' => [1]], ['a' => [2], 'b' => 3]), array_replace([1, 2], [1 => 'b', 3 => 'd']), array_splice($b, 1, 2, ['n']), $b, array_chunk([1, 2, 3], 2, true), array_fill_keys(['a', 5], 0), array_flip(['a', 'b']), array_diff_key(['a' => 1, 'b' => 2], ['a' => 9]), array_intersect([1, 2, 3], [2, 3, 4]), array_walk_recursive($d, function (&$v, $k) { $v = "$k$v"; }), $d, compact('a'), natsort($names), $names ?? null, array_column([['id' => 1, 'n' => 'a'], ['id' => 2, 'n' => 'b']], 'n', 'id'), range('z', 'w'), array_search('1', [0, 1]), in_array('abc', [0]), [...[1, 2], ...['a' => 3]], var_export([1, ['a' => null]], true), print_r([1, [2]], true), serialize([1, 'a' => [true, 1.5, null]]), unserialize('a:1:{i:0;O:8:"stdClass":1:{s:1:"p";i:1;}}')]);`.replace(
        'natsort($names), $names ?? null',
        '(function () { $n = ["img12", "img2"]; natsort($n); return $n; })()',
      ),
  },
  {
    name: 'dates',
    script: `<?php date_default_timezone_set('Europe/Berlin'); $t = 4102444800; echo json_encode([date('D, d M Y H:i:s P T e I', $t), date('c', 0), gmdate('N jS z t L B o W', 1e9), mktime(1, 2, 3, 4, 5, 2006), strtotime('last monday of february 2024 noon'), (new DateTime('2024-03-31 01:30'))->modify('+1 hour')->format('c T'), (new DateTimeImmutable('2024-01-31'))->add(new DateInterval('P1M2DT3H'))->format('Y-m-d H:i'), date_diff(date_create('2000-02-28'), date_create('2024-03-01'))->format('%y %m %d %a %R'), checkdate(2, 29, 2023), date_parse('2006-12-12 10:00:00.5 +1 week +1 hour')['relative'] ?? null, DateTime::createFromFormat('!d/m/Y', '15/08/2022', new DateTimeZone('America/New_York'))->getTimestamp(), iterator_count(new DatePeriod(new DateTime('2024-01-01'), new DateInterval('P1D'), 5)), (new DateTimeZone('Asia/Kolkata'))->getOffset(new DateTime('2024-01-01')), cal_days_in_month(CAL_GREGORIAN, 2, 2024), jdtogregorian(2460000), easter_date(2024), idate('y', $t), date_sunrise_missing()]); function date_sunrise_missing() { return date('Y', PHP_INT_MAX >> 20); }`,
  },
  {
    name: 'connections',
    script: `<?php $out = []; $out[] = file_get_contents('http://localhost:PEER/a?b'); $out[] = file_get_contents('http://127.0.0.1:PEER/form', false, stream_context_create(['http' => ['method' => 'POST', 'header' => 'Content-Type: text/plain', 'content' => str_repeat('x', 100000)]])); $f = fsockopen('localhost', PEER); fwrite($f, "GET /raw HTTP/1.0\\r\\nHost: h\\r\\n\\r\\n"); $out[] = substr(stream_get_contents($f), -8); $out[] = feof($f); $f = fsockopen('localhost', PEER); stream_set_blocking($f, false); $out[] = fread($f, 10); fwrite($f, "GET /later HTTP/1.0\\r\\n\\r\\n"); $r = [$f]; $w = $e = null; $out[] = stream_select($r, $w, $e, 5); stream_set_blocking($f, true); $out[] = substr(stream_get_contents($f), -10); $out[] = @fsockopen('localhost', 1, $no, $text); $out[] = $text; $f = stream_socket_client('tcp://127.0.0.1:PEER'); stream_set_timeout($f, 0, 100000); $out[] = fread($f, 1); $out[] = stream_get_meta_data($f)['timed_out']; $out[] = stream_socket_get_name($f, true); echo json_encode($out);`,
  },
  {
    name: 'SQLite',
    script: `<?php $db = new PDO('sqlite:' . WRITABLE . '/db'); $db->exec('create table if not exists t(a integer, b text)'); $db->beginTransaction(); $s = $db->prepare('insert into t values(?, ?)'); $s->execute([1 << 40, 'é']); $db->commit(); $db->beginTransaction(); $db->exec('delete from t'); $db->rollBack(); echo json_encode($db->query('select count(*), max(a), min(b) from t')->fetch(PDO::FETCH_NUM));`,
    steps: [{}, {}],
  },
  // Last: php-fpm's children keep what they have been told.
  {
    name: 'settings of the web server',
    script: `<?php echo json_encode([ini_get('memory_limit'), ini_get('user_agent'), ini_get('arg_separator.output'), @ini_set('user_agent', 'x'), ini_get('user_agent'), ini_set('arg_separator.output', '|'), ini_get('arg_separator.output'), function_exists('php_uname')]);`,
    steps: [{ path: '?settings=1' }],
  },
]

/** Programs that count, and that would lose some if two could be between reading and writing. */
const LOCKED: readonly (readonly [name: string, script: string])[] = [
  [
    'flock',
    `<?php $f = fopen(WRITABLE . '/count', 'c+'); if (isset($_GET['look'])) { readfile(WRITABLE . '/count'); exit; } flock($f, LOCK_EX); $n = (int) stream_get_contents($f); usleep(3000); rewind($f); fwrite($f, $n + 1); fflush($f); flock($f, LOCK_UN);`,
  ],
  [
    'sqlite',
    `<?php $db = new PDO('sqlite:' . WRITABLE . '/counts'); $db->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION); $db->exec('create table if not exists c(n)'); if (isset($_GET['look'])) { echo $db->query('select max(n) from c')->fetchColumn(); exit; } $db->exec('begin immediate'); $n = (int) $db->query('select max(n) from c')->fetchColumn(); usleep(3000); $db->exec('insert into c values(' . ($n + 1) . ')'); $db->exec('commit');`,
  ],
  [
    'session',
    `<?php ini_set('session.save_path', WRITABLE); session_id('shared'); session_start(); if (isset($_GET['look'])) exit((string) $_SESSION['n']); $n = $_SESSION['n'] ?? 0; usleep(3000); $_SESSION['n'] = $n + 1;`,
  ],
]
const COUNTERS = 24

const PARAMS = `
      fastcgi_pass BACKEND;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;`
const LOCATIONS = `
    location ~ [.]php$ {
      set $values "";
      set $admin_values "";
      if ($arg_settings) {
        set $values "memory_limit=35M\\narg_separator.output=;";
        set $admin_values "user_agent=of the server";
      }
      fastcgi_param PHP_VALUE $values;
      fastcgi_param PHP_ADMIN_VALUE $admin_values;${PARAMS}
    }`

const hasAll = havePhpSides()
let root = ''
let sides: PhpSides
let peer: Server

/** Below the root, by the side. */
const WRITABLE: Readonly<Record<Side, string>> = {
  'php-fpm': 'state-of-php-fpm',
  'wasm-fpm': 'state-of-wasm-fpm',
}

const REACHABLE = ['localhost', '127.0.0.1']

beforeAll(async () => {
  if (!hasAll) return
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-programs-'))
  chmodSync(root, 0o755)
  peer = createServer(({ method, url }, response) => response.end(`${method} ${url}`))
  await new Promise<void>((done) => peer.listen(0, '127.0.0.1', done))
  const port = (peer.address() as AddressInfo).port
  for (const [index, { script, files = {} }] of PROGRAMS.entries()) {
    for (const [name, text] of Object.entries({ ...files, 'index.php': script })) {
      const path = join(root, `p${index}`, name)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, withFolder(text).replaceAll('PEER', String(port)))
    }
  }
  mkdirSync(join(root, 'locked'))
  for (const [name, script] of LOCKED)
    writeFileSync(join(root, 'locked', `${name}.php`), withFolder(script))
  for (const folder of Object.values(WRITABLE)) {
    mkdirSync(join(root, folder))
    chmodSync(join(root, folder), 0o777)
  }
  const writable = join(root, WRITABLE['wasm-fpm'])
  sides = await startPhpSides(root, {
    locations: LOCATIONS,
    tenant: `[[tenant.mounts]]\nhost = "${writable}"\nguest = "${writable}"\nwritable = true\n${REACHABLE.map((host) => `[[tenant.outbound]]\nhost = "${host}"\nports = [1, ${port}]\nprivate = true\n`).join('')}`,
  })
})
afterAll(async () => {
  await sides?.stop()
  peer?.close()
  if (root !== '') rmSync(root, { recursive: true })
})

/** A program sees by the machine on which side it is. */
function withFolder(script: string): string {
  const [php, wasm] = SIDES.map((side) => `$_SERVER['DOCUMENT_ROOT'] . '/${WRITABLE[side]}'`)
  const choose = `(php_uname('m') === 'wasm32' ? ${wasm} : ${php})`
  return script.replaceAll('WRITABLE', choose)
}

/** What is to be the same of an answer; ids and times are not. */
function comparable({ status, headers, text, ending }: Answer): unknown {
  const { date, connection, 'x-request-id': id, ...sent } = headers
  const { 'content-length': length, 'transfer-encoding': encoding, ...fields } = sent
  const cookies = fields['set-cookie']?.map((line) => line.replace(/(PHPSESSID=)\w+/, '$1ID'))
  // How much an array takes is another thing where pointers have 32 bits.
  const same = text.replace(/tried to allocate \d+ bytes/, 'tried to allocate N bytes')
  return { status, ending, fields: { ...fields, 'set-cookie': cookies }, text: same }
}

async function run(side: Side, index: number, steps: readonly Step[]): Promise<unknown[]> {
  const answers: unknown[] = []
  const cookies = new Map<string, string>()
  for (const { path = '', method = 'GET', headers = {}, body } of steps) {
    const target = path.includes('.php') ? path : `index.php${path}`
    const Cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await ask(sides.ports[side], `/p${index}/${target}`, {
      method,
      headers: { Host: 'site.example', ...(Cookie === '' ? {} : { Cookie }), ...headers },
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    })
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    answers.push(comparable(answer))
  }
  return answers
}

describe.skipIf(!hasAll)('programs', () => {
  test.for(PROGRAMS.map((program, index) => ({ ...program, index })))(
    '$name',
    async ({ index, steps = [{}] }) => {
      const [expected, actual] = await Promise.all(SIDES.map((side) => run(side, index, steps)))
      expect(actual, sides.logs()).toEqual(expected)
    },
  )

  test.for(LOCKED)('%s: none of many that count at the same time is lost', async ([name]) => {
    const port = sides.ports['wasm-fpm']
    const path = `/locked/${name}.php`
    const answers = await Promise.all(Array.from({ length: COUNTERS }, () => ask(port, path)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    const { text } = await ask(port, `${path}?look=1`)
    expect(text, sides.logs()).toBe(String(COUNTERS))
  })
})
