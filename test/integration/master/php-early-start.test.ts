/** Requests of PHP whose beginning was made ahead begin as all others do. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { havePhpRuntime, PHP_RUNTIME } from '../../support/php-runtime.ts'
import { type Answer, Client, configText, makeFolder, serve } from './serve.ts'

const LOOK = `<?php
$server = array_keys($_SERVER); sort($server);
$files = array_map(fn($file) => [$file['name'], $file['error'], file_get_contents($file['tmp_name'])], $_FILES);
$names = array_map(fn($header) => strtok($header, ':'), headers_list());
$new = [$_SERVER['REQUEST_TIME_FLOAT'], mt_rand(), lcg_value(), random_int(0, PHP_INT_MAX), uniqid()];
echo json_encode(['new' => $new, 'same' => [ini_get_all(), $names, ob_get_status(true), ob_get_level(), session_status(),
  $_GET, $_POST, $_COOKIE, $files, $_REQUEST, $_ENV, file_get_contents('php://input'), $argv ?? null, $server,
  $_SERVER['PHP_AUTH_USER'] ?? null, $_SERVER['argv'] ?? null, connection_status(), error_get_last(), get_included_files(), getcwd(),
  date_default_timezone_get(), mb_internal_encoding(), function_exists('phpinfo'), http_response_code(),
  count(get_defined_vars()), $_SERVER['REQUEST_METHOD'], time() - $_SERVER['REQUEST_TIME'] < 60]]);
`

const TENANTS = {
  plain: '',
  own: `env = { PHP_VALUE = "output_buffering=0\\nmax_input_time=-1\\nregister_argc_argv=1\\ndate.timezone=Asia/Tokyo", PHP_ADMIN_VALUE = "expose_php=1\\ndisable_functions=phpinfo" }`,
  // Each request begins otherwise: nothing is made ahead.
  session: `env = { PHP_VALUE = "session.auto_start=1\\nsession.save_path=/tmp" }`,
}

const FORM = { CONTENT_TYPE: 'application/x-www-form-urlencoded' }
const PARTS = { CONTENT_TYPE: 'multipart/form-data; boundary=x' }
const UPLOAD =
  '--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\ntext\r\n--x--\r\n'

type Asking = (client: Client, host: string) => Promise<Answer>

const get =
  (script: string, query = '', more: Readonly<Record<string, string>> = {}): Asking =>
  (client, host) =>
    client.get(script, query, { HTTP_HOST: host, ...more })

const CASES: Readonly<Record<string, Asking>> = {
  'a query': get('look.php', 'a=1&b[]=2'),
  'words of a query': get('look.php', 'one+two'),
  cookies: get('look.php', '', { HTTP_COOKIE: 'a=1; b=2' }),
  'a user': get('look.php', '', { HTTP_AUTHORIZATION: 'Basic YTpi' }),
  'settings of the web server': get('look.php', '', {
    PHP_VALUE: 'output_buffering=0\nprecision=3',
  }),
  'fixed ones': get('look.php', '', {
    PHP_ADMIN_VALUE: 'expose_php=1\ndisable_functions=phpinfo',
  }),
  'a session': get('look.php', '', { PHP_VALUE: 'session.auto_start=1\nsession.save_path=/tmp' }),
  variables: get('look.php', 'one+two', {
    PHP_VALUE: 'register_argc_argv=1\nvariables_order=EGPCS',
  }),
  compression: get('look.php', '', { PHP_VALUE: 'zlib.output_compression=1' }),
  'a .user.ini': get('inside/look.php'),
  'a form': (client, host) => client.post('look.php', 'a=1&b=2', { HTTP_HOST: host, ...FORM }),
  'a file': (client, host) => client.post('look.php', UPLOAD, { HTTP_HOST: host, ...PARTS }),
}

test.skipIf(!havePhpRuntime())(
  'requests begin alike, whether their beginning was made ahead or not',
  async () => {
    const folder = makeFolder()
    mkdirSync(join(folder, 'inside'))
    writeFileSync(join(folder, 'look.php'), LOOK)
    writeFileSync(join(folder, 'inside/look.php'), LOOK)
    writeFileSync(join(folder, 'inside/.user.ini'), 'output_buffering = 0\nprecision = 5\n')
    const tenants = Object.entries(TENANTS).map(
      ([name, more]) =>
        `[[tenant]]\nname = "${name}"\npool = "www"\nhosts = ["${name}.example"]\nroot = "${folder}"\nruntimes = ["php"]\n${more}\n`,
    )
    const runtime = `[[runtime]]\nname = "php"\nmodule = "${PHP_RUNTIME}"\nextensions = [".php"]\n[log]\nlevel = "debug"\n`
    const serving = await serve({
      folder,
      config: `${configText(folder, { top: runtime, pool: 'workers = 1' })}${tenants.join('')}`,
    })
    const client = new Client(serving.socket)
    onTestFinished(() => client.close())
    const drawn: unknown[][] = []
    const all = async (host: string): Promise<Map<string, unknown>> => {
      const answers = new Map<string, unknown>()
      for (const [name, ask] of Object.entries(CASES)) {
        const { status, body } = await ask(client, host)
        if (!body.startsWith('{')) {
          answers.set(name, { status, body })
          continue
        }
        const { new: fresh, same } = JSON.parse(body)
        drawn.push(fresh)
        answers.set(name, { status, same })
      }
      return answers
    }
    for (const name of Object.keys(TENANTS)) {
      const host = `${name}.example`
      const cold = await all(host)
      await serving.logged(new RegExp(`"tenant":"${name}"[^\n]*scripts are loaded ahead`))
      for (let round = 0; round < 2; round += 1) {
        const warm = await all(host)
        for (const [asked, answer] of warm) {
          expect(answer, `${name}: ${asked}`).toEqual(cold.get(asked))
        }
      }
    }
    expect(drawn.length).toBeGreaterThan(100)
    for (const index of [0, 1, 2, 3, 4]) {
      expect(new Set(drawn.map((one) => one[index])).size, `of ${index}`).toBe(drawn.length)
    }
  },
)
