/**
 * The commands of docs/operations.md, in their order, in a folder that stands for the machine: packed, installed, served, published,
 * backed up and restored, upgraded and taken back. Only systemd and the user database are played.
 */
import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Child } from '../../support/peers/child.ts'
import { Client } from '../master/serve.ts'

const { CI } = process.env
const PAGE = readFileSync('docs/operations.md', 'utf8')
const NO_REGISTRY = /ENOTFOUND|ENOTCACHED|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT/
const isRoot = process.getuid?.() === 0

/** Another one each time that the story is told. */
let root = ''
let work = ''
let socket = ''

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wasm-fpm-install-'))
  work = join(root, 'work')
  socket = join(root, 'run/wasm-fpm/www.sock')
})

/** `/etc` and so on are in the folder. */
function here(text: string): string {
  return text
    .replace(/(^|[\s="'(:])~?\/(?=(?:opt|etc|var|srv|root|run)\b)/gm, `$1${root}/`)
    .replaceAll('~/', `${root}/`)
    .replace(/^npm pack$/m, `npm pack --pack-destination ${work}`)
}

/** The block of commands below a heading, or the `index`th of several. */
function commands(heading: string, index = 0): string {
  const section = PAGE.split('\n## ').find((part) => part.startsWith(`${heading}\n`)) ?? ''
  const [, block] = [...section.matchAll(/```sh\n(.*?)```/gs)][index] ?? []
  if (block === undefined) throw new Error(`no commands below ${heading}`)
  const script = here(block)
  // They remove and overwrite: nothing may lead out of the folder.
  const outside = [
    ...script.matchAll(/(?<=^|[\s="'(])\/(?:bin|etc|home|lib|opt|root|run|srv|usr|var)\b\S*/gm),
  ].filter(([path]) => !path.startsWith(`${root}/`))
  if (outside.length > 0) throw new Error(`a path of the machine: ${outside.join(' ')}`)
  return script
}

/** Runs them; resolves with what they have printed, rejects when one fails. */
function run(script: string, cwd = work): Promise<string> {
  const bin = join(root, 'opt/wasm-fpm/bin')
  const env = {
    ...process.env,
    PATH: `${join(root, 'stubs')}:${bin}:${process.env['PATH']}`,
    npm_config_prefer_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
  }
  return new Promise((done, reject) => {
    execFile('bash', ['-ec', script], { cwd, env }, (error, stdout, stderr) => {
      if (error === null) done(stdout + stderr)
      else reject(new Error(`${script}\nfailed: ${stdout}${stderr}${journal()}`))
    })
  })
}

const journal = (): string => {
  const file = join(root, 'journal')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

/** systemctl as far as the page needs it: starts what the unit says, with the unit's PATH. */
const systemctl = (): string => `#!/bin/bash
unit=${root}/etc/systemd/system/wasm-fpm.service
pid=${root}/run/wasm-fpm/wasm-fpm.pid
ready() { grep -c '"msg":"ready"' ${root}/journal 2>/dev/null || true; }
start() {
  before=$(ready)
  export PATH=$(sed -n 's/^Environment=PATH=//p' $unit)
  cd /
  $(sed -n 's/^ExecStart=//p' $unit) >>${root}/journal 2>&1 </dev/null &
  while [ "$(ready)" = "$before" ]; do kill -0 $! || exit 1; sleep 0.05; done
}
stop() {
  [ -f $pid ] || return 0
  main=$(cat $pid)
  kill $main
  while kill -0 $main 2>/dev/null; do sleep 0.05; done
}
case $1 in
  daemon-reload) ;;
  start | enable) start ;;
  stop) stop ;;
  restart) stop; start ;;
  *) exit 64 ;;
esac
`

function stub(name: string, text: string): void {
  mkdirSync(join(root, 'stubs'), { recursive: true })
  writeFileSync(join(root, 'stubs', name), text, { mode: 0o755 })
}

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') say('the story has failed')
  if (existsSync(join(root, 'run/wasm-fpm/wasm-fpm.pid'))) await run('systemctl stop')
  rmSync(root, { recursive: true, force: true })
})

function say(what: string): void {
  process.stderr.write(`${what}; the service has said:\n${journal()}\n`)
}

async function answer(path: string, more: Readonly<Record<string, string>> = {}) {
  const client = new Client(socket)
  const params = { SCRIPT_NAME: path, REQUEST_URI: path, HTTP_HOST: 'acme.example', ...more }
  const late = setTimeout(() => {
    say(`no answer to ${path} in 5 s`)
    client.close()
  }, 5000)
  const { status, body } = await client.get(path.slice(1), '', params)
  clearTimeout(late)
  client.close()
  return { status, body }
}

/** What the service cannot have here: its users, and the usual store, which is the machine's. */
function relocateExamples(): void {
  const folder = join(root, 'opt/wasm-fpm/lib/node_modules/wasm-fpm/examples/systemd')
  const unit = join(folder, 'wasm-fpm.service')
  writeFileSync(unit, here(readFileSync(unit, 'utf8')))
  const main = join(folder, 'wasm-fpm.toml')
  const text = here(readFileSync(main, 'utf8'))
    .replace(/^listen_(?:owner|group) = .*$/gm, '')
    .replace(/^user = .*$/m, isRoot ? 'user = "nobody"\nworkers = 1' : 'workers = 1')
  writeFileSync(main, `store = "${root}/var/lib/wasm-fpm/store"\n${text}`)
}

test('install, publish, HTTPS, secrets, metrics, backup, restore, upgrade, and back', {
  timeout: 300_000,
}, async (context) => {
  chmodSync(root, 0o755)
  for (const folder of ['work', 'run/wasm-fpm', 'etc/systemd/system', 'var/lib/wasm-fpm', 'root']) {
    mkdirSync(join(root, folder), { recursive: true })
  }
  stub('systemctl', systemctl())
  stub('adduser', '#!/bin/sh\n')

  // Install.
  await run(commands('Install'), resolve('.'))
  await run(commands('Install', 1)).catch((error: unknown) => {
    if (!CI && NO_REGISTRY.test(String(error))) context.skip('no registry to install from')
    throw error
  })
  expect((await run('command -v node')).trim()).toBe(join(root, 'opt/wasm-fpm/bin/node'))
  expect((await run('wasm-fpm --version')).trim()).toBe('0.1.0')
  relocateExamples()
  expect(await run(commands('Install', 2))).toContain('good: 1 pool')

  // A tenant.
  copyFileSync('build/guests/c/echo.wasm', join(root, 'hello.wasm'))
  expect(await run(commands('A tenant and what it serves'))).toContain('/hello')
  await expect.poll(() => answer('/hello')).toMatchObject({ status: 200 })

  await overHttps()

  // Secrets.
  await run(commands('Secrets'))
  expect(JSON.parse((await answer('/hello')).body).env).toMatchObject({ API_KEY: 'k-3141' })
  expect(
    await run(`wasm-fpm tenants --json --config ${root}/etc/wasm-fpm/wasm-fpm.toml`),
  ).not.toContain('k-3141')

  // Metrics.
  expect(await run(commands('Metrics and logs'))).toContain('acme')
  const metrics = await answer('/wasm-fpm-status', { QUERY_STRING: 'openmetrics' })
  expect(metrics.body).toContain('wasm_fpm_')

  // Backup; then everything is lost, and restored.
  await run(commands('Back up and restore'))
  rmSync(join(root, 'etc/wasm-fpm'), { recursive: true })
  await run(commands('Back up and restore', 1))
  await expect.poll(() => answer('/hello')).toMatchObject({ status: 200 })
  expect(JSON.parse((await answer('/hello')).body).env).toMatchObject({ API_KEY: 'k-3141' })

  // Away from load balancers, and back.
  const drained = await run(commands('Drain'))
  expect(drained).toContain('draining')
  expect(await answer('/hello')).toMatchObject({ status: 200 })

  // Upgrade, and back.
  await packNext()
  expect(await run(commands('Upgrade'))).toMatch(
    /process \d+ of version 0\.2\.0 serves\n0\.2\.0\n$/,
  )
  expect(await answer('/hello')).toMatchObject({ status: 200 })
  expect(await run(commands('Upgrade', 1))).toMatch(/^process \d+ of version 0\.1\.0 serves\n$/)
  expect((await run('wasm-fpm --version')).trim()).toBe('0.1.0')
  expect(await answer('/hello')).toMatchObject({ status: 200 })
  await run('systemctl stop')
})

/** The same code under the next number. */
async function packNext(): Promise<void> {
  await run('tar -xzf wasm-fpm-0.1.0.tgz')
  const file = join(work, 'package/package.json')
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace('"version": "0.1.0"', '"version": "0.2.0"'),
  )
  await run(`npm pack --ignore-scripts --pack-destination ${work}`, join(work, 'package'))
}

/** The snippet of the page, with a certificate that is made for it. */
async function overHttps(): Promise<void> {
  const nginx = ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find(existsSync)
  if (nginx === undefined) {
    if (CI) throw new Error('Cannot test HTTPS: nginx is not installed')
    return
  }
  const folder = join(root, 'etc/ssl')
  mkdirSync(folder)
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=acme.example',
      ],
      ...['-keyout', join(folder, 'acme.key'), '-out', join(folder, 'acme.pem')],
    ],
    { stdio: 'ignore' },
  )
  const [, snippet = ''] = /```nginx\n(.*?)```/s.exec(PAGE) ?? []
  const config = join(root, 'nginx.conf')
  const place = join(root, 'nginx.sock')
  writeFileSync(
    config,
    `daemon off;\npid ${root}/nginx.pid;\nerror_log stderr;\n${isRoot ? 'user root;' : ''}\nevents {}\nhttp {\naccess_log off;\n${[
      'client_body',
      'fastcgi',
      'proxy',
      'scgi',
      'uwsgi',
    ]
      .map((name) => `${name}_temp_path ${root}/nginx-${name};`)
      .join('\n')}\n${here(snippet)
      .replace('listen 443 ssl', `listen unix:${place} ssl`)
      .replace('include fastcgi_params', 'include /etc/nginx/fastcgi_params')}}\n`,
  )
  const child = new Child(nginx, ['-c', config, '-p', root], { directory: root })
  try {
    await child.accepting({ unix: place })
    const { promise, resolve: done, reject } = Promise.withResolvers<string>()
    const asked = request(
      {
        ...{ socketPath: place, path: '/hello', servername: 'acme.example' },
        ...{ headers: { host: 'acme.example' }, rejectUnauthorized: false, agent: false },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => done(text))
      },
    )
    asked.on('error', reject).end()
    expect(JSON.parse(await promise).env).toMatchObject({ HTTPS: 'on' })
  } finally {
    await child.stop()
  }
}

test('every block of commands on the page has been run', () => {
  const blocks = [...PAGE.matchAll(/```sh\n/g)].length
  const source = readFileSync(import.meta.filename, 'utf8')
  const used = [...source.matchAll(/run\(commands\('/g)].length
  expect(used).toBe(blocks)
})
