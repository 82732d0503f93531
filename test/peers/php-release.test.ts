/** A PHP application published as a release, behind nginx: it goes live, is replaced and comes back, and its data stay. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Child, freePort } from '../support/peers/child.ts'
import { type Answer, ask } from '../support/peers/http-client.ts'
import { nginxFrame } from '../support/peers/nginx-frame.ts'
import { havePhpSides } from '../support/peers/php-sides.ts'
import { serveFolder } from '../support/peers/serve-folder.ts'
import { findProgram, SERVER_USER } from '../support/peers/start-peer.ts'
import { PROGRAM } from '../support/program.ts'

const PHP = resolve('build/runtimes/php.wasm')

/** Says which release it is and what it is told, and notes each request in the data folder. */
const INDEX = (release: string) => `<?php
require __DIR__ . '/lib/part.php';
file_put_contents(__DIR__ . '/data/hits', '${release} ' . $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI'] . "\\n", FILE_APPEND);
header('Content-Type: application/json');
echo json_encode(['release' => '${release}', 'part' => part(), 'file' => __FILE__, 'self' => $_SERVER['PHP_SELF'],
  'script' => $_SERVER['SCRIPT_NAME'], 'root' => $_SERVER['DOCUMENT_ROOT'], 'info' => $_SERVER['PATH_INFO'] ?? null,
  'post' => $_POST, 'get' => $_GET, 'written' => @file_put_contents(__DIR__ . '/new', ''), 'hits' => file(__DIR__ . '/data/hits')]);
`

const MANIFEST = {
  ...{ name: 'app', runtime: 'php', front: 'index.php', warm: ['/?warm'] },
  static: { path: '/', cache_control: 'max-age=60' },
}

describe.runIf(havePhpSides())('a release of PHP behind nginx', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-release-'))
  const socket = join(folder, 'www.sock')
  const children: Child[] = []
  let port = 0

  const run = (...args: string[]): string =>
    execFileSync(
      process.execPath,
      [...PROGRAM, ...args, '--config', join(folder, 'wasm-fpm.toml')],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )

  function publish(release: string): string {
    const app = join(folder, release)
    mkdirSync(join(app, 'lib'), { recursive: true })
    const files = {
      'index.php': INDEX(release),
      'lib/part.php': `<?php function part() { return 'part of ${release}'; }`,
      'lib/style.css': 'body {}',
      'wasm-fpm.json': JSON.stringify(MANIFEST),
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(app, name), text)
    return run('publish', app, '--tenant', 'site')
  }

  const told = ({ text }: Answer) => JSON.parse(text)
  const until = (release: string): Promise<void> =>
    expect
      .poll(async () => told(await ask(port, '/')).release, { timeout: 20_000, interval: 20 })
      .toBe(release) as unknown as Promise<void>

  beforeAll(async () => {
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'data'))
    chmodSync(join(folder, 'data'), 0o777)
    const user = SERVER_USER
    if (user !== undefined) {
      const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
      chownSync(join(folder, 'data'), id('-u'), id('-g'))
    }
    port = await freePort()
    writeFileSync(
      join(folder, 'wasm-fpm.toml'),
      `store = "store"
[[pool]]
name = "www"
listen = ["${socket}"]
${SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"`}
workers = 1
[[runtime]]
name = "php"
module = "${PHP}"
extensions = [".php"]
index = "index.php"
[[tenant]]
name = "site"
hosts = ["*"]
runtimes = ["php"]
[[tenant.mounts]]
host = "${folder}/data"
guest = "/app/data"
writable = true
`,
    )
    writeFileSync(
      join(folder, 'nginx.conf'),
      nginxFrame({
        ...{ folder, user: SERVER_USER },
        http: `server {
    listen 127.0.0.1:${port};
    location / {
      fastcgi_pass unix:${socket};
      include /etc/nginx/fastcgi_params;
    }
  }`,
      }),
    )
    const own = { directory: folder }
    const wasmFpm = serveFolder(folder)
    const nginx = new Child(
      findProgram('nginx') ?? 'nginx',
      ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'],
      own,
    )
    children.push(nginx, wasmFpm)
    await wasmFpm.accepting({ unix: socket })
    await nginx.accepting({ host: '127.0.0.1', tcpPort: port })
  }, 60_000)

  afterAll(async () => {
    for (const child of children) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('scripts, files beside them and the script in front, as published', async () => {
    expect(publish('one')).toMatch(/^verify +2 scripts for runtime php; index\.php answers/m)
    await expect.poll(async () => (await ask(port, '/')).status).toBe(200)
    expect(told(await ask(port, '/pretty/page?a=b'))).toMatchObject({
      ...{ release: 'one', part: 'part of one', file: '/app/index.php', root: '/app' },
      ...{ self: '/index.php', script: '/index.php', get: { a: 'b' }, written: false },
    })
    expect(told(await ask(port, '/index.php/more'))).toMatchObject({
      info: '/more',
      self: '/index.php/more',
    })
    const form = {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: Buffer.from('x=1'),
    }
    expect(told(await ask(port, '/index.php', form))).toMatchObject({ post: { x: '1' } })
    const style = await ask(port, '/lib/style.css')
    expect(style).toMatchObject({ status: 200, text: 'body {}' })
    expect(style.headers).toMatchObject({
      'content-type': 'text/css; charset=utf-8',
      'cache-control': 'max-age=60',
    })
    // Run, and not sent.
    expect((await ask(port, '/lib/part.php')).text).toBe('')
  })

  test('what follows is warm before it answers, and what was before comes back', async () => {
    publish('two')
    await until('two')
    const { hits, part } = told(await ask(port, '/'))
    expect(part).toBe('part of two')
    const ofTwo = hits.filter((hit: string) => hit.startsWith('two '))
    expect(ofTwo[0]).toBe('two GET /?warm\n')
    run('rollback', '--tenant', 'site')
    await until('one')
    expect(told(await ask(port, '/')).part).toBe('part of one')
    const written = readFileSync(join(folder, 'data/hits'), 'utf8')
    expect(written).toContain('one GET /?warm\n')
  })
})
