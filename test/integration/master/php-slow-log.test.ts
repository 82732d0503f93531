/** The slow log says where a PHP program is: functions, files and lines. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { Client, configText, makeFolder, serve } from './serve.ts'

const LIBRARY = `<?php
class Shop {
  function wait($seconds) {
    usleep((int) ($seconds * 1e6));
  }
  static function count() {
    for ($i = 0; true; $i++) if (microtime(true) > $_SERVER['REQUEST_TIME_FLOAT'] + 0.6) return $i;
  }
}
`

const PAGES: ReadonlyArray<{ readonly name: string; code: string; frames: readonly string[] }> = [
  {
    name: 'waits',
    code: "(new Shop)->wait(0.4);\necho 'done';",
    frames: ['usleep()', 'Shop->wait() LIBRARY:4', 'PAGE:3'],
  },
  {
    name: 'computes',
    code: "function all() {\n  Shop::count();\n}\nall();\necho 'done';",
    frames: ['Shop::count() LIBRARY:7', 'all() PAGE:4', 'PAGE:6'],
  },
  {
    name: 'is in a closure of a library',
    code: "array_map(function ($n) {\n  usleep(400000);\n}, [1]);\necho 'done';",
    frames: ['usleep()', '{closure}() PAGE:4', 'array_map()', 'PAGE:3'],
  },
  {
    name: 'includes another file',
    code: "include __DIR__ . '/inner.inc';\necho 'done';",
    frames: ['usleep()', 'INNER:2', 'PAGE:3'],
  },
]

test.skipIf(!havePhpRuntime())('functions, files and lines of a slow request', async () => {
  const folder = makeFolder()
  const file = (name: string): string => join(folder, name)
  writeFileSync(file('library.inc'), LIBRARY)
  writeFileSync(file('inner.inc'), '<?php\nusleep(400000);')
  for (const [index, { code }] of PAGES.entries())
    writeFileSync(file(`p${index}.php`), `<?php\nrequire 'library.inc';\n${code}`)
  const serving = await serve({
    folder,
    config: configText(folder, {
      top: `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n`,
      pool: 'workers = 1',
      tenant: `runtimes = ["php"]\nslowlog = "${file('slow.log')}"\nrequest_slowlog_timeout = "200ms"`,
    }),
  })
  const client = new Client(serving.socket)
  onTestFinished(() => client.close())
  const entries = (): { script: string; backtrace: string[] }[] =>
    readFileSync(file('slow.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  const ask = async (page: string) => {
    const before = entries().length
    expect(await client.get(page), serving.log()).toEqual({ status: 200, body: 'done' })
    await expect.poll(() => entries().length).toBe(before + 1)
    const { script, backtrace = [] } = entries()[before] ?? {}
    const places = { LIBRARY: 'library.inc', INNER: 'inner.inc', PAGE: page }
    const shown = Object.entries(places).reduce(
      (lines, [place, path]) => lines.map((line) => line.replace(file(path), place)),
      backtrace,
    )
    // Where in the loop it is, it may be in a function.
    return { script, frames: shown.filter((line) => !line.startsWith('microtime()')) }
  }
  for (const [index, { name, frames }] of PAGES.entries()) {
    const page = `p${index}.php`
    // On a busy machine its time may be up before it has come to where it stays: then it is asked again.
    await expect.poll(() => ask(page), { message: name }).toEqual({ script: file(page), frames })
  }
})
