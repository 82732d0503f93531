/** Zend's machine by tail calls: however long a program goes on, it is no deeper on the stack, whatever its instructions leave by; and what it throws has its line. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

/** More than a stack has room for, if each left something there. */
const TURNS = 40_000

/** What a turn does, and what it adds to `$n`. */
const KINDS: Readonly<Record<string, string>> = {
  'a function is called and left': '$n += (fn($a) => $a)(1);',
  'one throws, and its caller catches': 'try { throws(); } catch (E $e) { $n++; }',
  'one throws through another': 'try { through(); } catch (E $e) { $n++; }',
  'finally runs while one throws': 'try { finally_(); } catch (E $e) { $n += $finally; }',
  'finally has the last word': '$n += last();',
  'a helper for other types': '$n += "1" % "2"; $n += ("1" + 1) - 2; $n += (1 << "0") - 1;',
  'a comparison of other types': 'if ("1" == 1.0 && "2" > 1) { $n++; }',
  'an error of an instruction': 'try { $n += 1 % $zero; } catch (DivisionByZeroError) { $n++; }',
  'a variable by its name': '$$name = 1; $n += $$name;',
  'a static property': 'S::$p = 1; $n += S::$p;',
  'a wrong type': 'try { typed("x"); } catch (TypeError) { $n++; }',
  'an argument is missing': 'try { typed(); } catch (ArgumentCountError) { $n++; }',
  'a generator': 'foreach (one() as $v) { $n += $v; }',
  'one that is closed early': 'foreach (two() as $v) { $n += $v; break; }',
  'a method that is not there': '$n += $s->nobody();',
  'a function of PHP calls back': '$n += array_map(fn($a) => $a, [1])[0];',
  'a fiber':
    'if ($i < 500) { $f = new Fiber(fn() => Fiber::suspend(1)); $n += $f->start(); } else { $n++; }',
}

const SCRIPT = `<?php
set_time_limit(0);
class E extends Exception {}
class S { static $p = 0; function __call($name, $given) { return 1; } }
function throws() { throw new E; }
function through() { throws(); }
function finally_() { global $finally; $finally = 0; try { throws(); } finally { $finally = 1; } }
function last() { try { throws(); } finally { return 1; } }
function typed(int $a) { return $a; }
function one() { yield 1; }
function two() { try { yield 1; yield 2; } finally { } }
[$zero, $name, $s, $all] = [0, 'v', new S, []];
${Object.entries(KINDS)
  .map(
    ([kind, code]) => `for ($n = $i = 0; $i < ${TURNS}; $i++) { ${code} }\n$all['${kind}'] = $n;`,
  )
  .join('\n')}
function deep($n) { return $n === 0 ? 0 : 1 + deep($n - 1); }
$all['calls in calls'] = deep(${TURNS});
echo json_encode($all);
`

test.skipIf(!havePhpRuntime())('a long program is not a deep one', async () => {
  const folder = makeFolder()
  writeFileSync(join(folder, 'long.php'), SCRIPT)
  writeFileSync(
    join(folder, 'line.php'),
    "<?php\nini_set('display_errors', 1);\nini_set('html_errors', 0);\n$a = 1;\nset_time_limit(1);\nwhile (true)\n  $a++;\n",
  )
  const serving = await serve({
    folder,
    config: configText(folder, {
      top: `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`,
      tenant: 'runtimes = ["php"]\n[tenant.limits]\ncpu = "60s"\nwall = "5m"',
    }),
  })
  const client = new Client(serving.socket)
  try {
    const long = await client.get('long.php')
    expect(long.status, serving.log()).toBe(200)
    const wanted = [...Object.keys(KINDS), 'calls in calls'].map((kind) => [kind, TURNS])
    expect(JSON.parse(long.body)).toEqual(Object.fromEntries(wanted))
    // The machine is interrupted where a loop jumps.
    const line = await client.get('line.php')
    expect(line.body).toMatch(
      /Maximum execution time of 1 second exceeded in \S+line\.php on line [67]/,
    )
  } finally {
    client.close()
  }
})
