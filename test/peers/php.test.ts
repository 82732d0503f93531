/** A PHP page is told the same by wasm-fpm as by php-fpm, behind the same nginx, from the same files. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Answer, ask } from '../support/peers/http-client.ts'
import {
  havePhpSides,
  type PhpSides,
  type Side,
  type SidesOptions,
  startPhpSides,
} from '../support/peers/php-sides.ts'

/** All that PHP is told of a request, and who it takes itself for. */
const TELL = `<?php
header('Content-Type: application/json');
ksort($_SERVER);
echo json_encode(['server' => $_SERVER, 'get' => $_GET, 'post' => $_POST, 'cookie' => $_COOKIE,
  'input' => file_get_contents('php://input'), 'file' => __FILE__, 'cwd' => getcwd(),
  'included' => get_included_files(), 'root' => realpath($_SERVER['DOCUMENT_ROOT'])]);
`

/** Other things for the two: ports, clocks, and the variables of php-fpm's own process. */
const VOLATILE = [
  'SERVER_PORT',
  'REMOTE_PORT',
  'REQUEST_TIME',
  'REQUEST_TIME_FLOAT',
  'HOME',
  'USER',
]

const PARAMS = `
      fastcgi_pass BACKEND;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;`

/** The client's word for CONTENT_LENGTH and CONTENT_TYPE, which no guest gets. */
const WITHHELD = ['HTTP_CONTENT_LENGTH', 'HTTP_CONTENT_TYPE']

/** As people set nginx up for PHP. */
const SETUPS: Readonly<Record<string, SidesOptions & { readonly isLinked?: boolean }>> = {
  plain: {
    locations: `
    location / { try_files $uri $uri/ /index.php?$query_string; }
    index index.php;
    location ~ [.]php(/|$) {${PARAMS}
    }`,
  },
  'with a root that is a link': {
    isLinked: true,
    locations: `
    location / { try_files $uri $uri/ /index.php?$query_string; }
    index index.php;
    location ~ [.]php(/|$) {${PARAMS}
    }`,
  },
  'with the path split': {
    isConverted: true,
    locations: `
    location / { try_files $uri $uri/ /index.php?$query_string; }
    index index.php;
    location ~ ^(.+[.]php)(.*)$ {
      fastcgi_split_path_info ^(.+[.]php)(.*)$;${PARAMS}
      fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_param PATH_TRANSLATED $document_root$fastcgi_path_info;
    }`,
  },
}

const QUESTIONS: { name: string; path: string; method?: string; body?: string; type?: string }[] = [
  { name: 'a page', path: '/tell.php' },
  { name: 'a query', path: '/tell.php?a=1&b[]=x%20y&b[]=%C3%A9' },
  { name: 'path info', path: '/tell.php/more/of%20it?x=1' },
  { name: 'path info that is a slash', path: '/tell.php/' },
  { name: 'a folder', path: '/?p=1' },
  { name: 'a folder further down', path: '/sub/' },
  { name: 'a front controller', path: '/blog/2026/a-post?x=1' },
  { name: 'a page further down', path: '/sub/tell.php' },
  { name: 'a name with a space', path: '/sub/with%20space.php' },
  { name: 'a script behind a link', path: '/alias.php' },
  { name: 'a script in a folder behind a link', path: '/library/tell.php' },
  { name: 'files behind absolute links', path: '/linked.php' },
  { name: 'HEAD', path: '/tell.php', method: 'HEAD' },
  {
    ...{ name: 'a form', path: '/tell.php', method: 'POST' },
    ...{ body: 'a=1&b=2+3', type: 'application/x-www-form-urlencoded' },
  },
  {
    ...{ name: 'JSON', path: '/tell.php', method: 'PUT' },
    ...{ body: '{"a":1}', type: 'application/json' },
  },
]

const hasAll = havePhpSides()
let root = ''

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-www-'))
  chmodSync(root, 0o755)
  mkdirSync(join(root, 'sub'))
  for (const name of ['index', 'tell', 'sub/index', 'sub/tell', 'sub/with space']) {
    writeFileSync(join(root, `${name}.php`), TELL)
  }
  symlinkSync('tell.php', join(root, 'alias.php'))
  symlinkSync(join(root, 'sub'), join(root, 'library'))
  symlinkSync(root, `${root}-link`)
  writeFileSync(join(root, 'linked.php'), "<?php require __DIR__ . '/library/tell.php';")
})
afterAll(() => {
  rmSync(`${root}-link`)
  rmSync(root, { recursive: true })
})

/** The parts of an answer that are to be the same. */
function comparable({ status, headers, text, ending }: Answer): unknown {
  const { date, connection, 'x-request-id': id, 'x-powered-by': by, ...sent } = headers
  const { 'content-length': length, 'transfer-encoding': encoding, ...fields } = sent
  return { status, ending, fields, told: withoutVolatile(text) }
}

function withoutVolatile(text: string): unknown {
  if (!text.startsWith('{')) return text
  const { server, ...told }: { server: Record<string, unknown> } = JSON.parse(text)
  const kept = Object.entries(server).filter(([name]) => ![...VOLATILE, ...WITHHELD].includes(name))
  return { ...told, server: Object.fromEntries(kept) }
}

for (const [setup, { isLinked = false, ...options }] of Object.entries(SETUPS)) {
  describe.skipIf(!hasAll)(`nginx ${setup}`, () => {
    let sides: PhpSides
    beforeAll(async () => {
      sides = await startPhpSides(isLinked ? `${root}-link` : root, options)
    })
    afterAll(() => sides.stop())

    for (const { name, path, method = 'GET', body, type } of QUESTIONS) {
      test(`${name}: ${method} ${path}`, async () => {
        const headers = {
          ...{ Host: 'site.example', Cookie: 'c=1; d=2', 'X-Some': 'thing' },
          ...(type === undefined ? {} : { 'Content-Type': type }),
        }
        const question = { method, headers, ...(body ? { body: Buffer.from(body) } : {}) }
        const answers = await Promise.all(
          (['php-fpm', 'wasm-fpm'] as const).map((side: Side) =>
            ask(sides.ports[side], path, question),
          ),
        )
        const [expected, actual] = answers.map(comparable)
        expect(actual, sides.logs()).toEqual(expected)
        expect(answers[0]?.status).toBe(200)
      })
    }
  })
}
