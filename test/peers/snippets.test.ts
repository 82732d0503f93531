/** What `doctor --tenant` prints, in nginx and Apache: programs, files, and what is published, each by whom it should be. */
import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { Child, freePort } from '../support/peers/child.ts'
import { isInstalled, SERVER_USER } from '../support/peers/start-peer.ts'
import { PROGRAM } from '../support/program.ts'

const GUESTS = resolve('build/guests/as')
const MODULES = '/usr/lib/apache2/modules'
const run = promisify(execFile)

const SERVERS = [
  {
    name: 'nginx',
    program: 'nginx',
    heading: '# nginx\n',
    args: (folder: string) => ['-p', folder, '-c', 'web.conf', '-e', 'error.log'],
    around: (folder: string, snippet: string, port: number) => `
daemon off;
pid web.pid;
${SERVER_USER === undefined ? '' : `user ${SERVER_USER};`}
events {}
http {
access_log off;
client_body_temp_path ${folder}/body;
fastcgi_temp_path ${folder}/fastcgi;
proxy_temp_path ${folder}/proxy;
uwsgi_temp_path ${folder}/uwsgi;
scgi_temp_path ${folder}/scgi;
${snippet.replace('listen 80;', `listen 127.0.0.1:${port};`)}
}`,
  },
  {
    name: 'apache',
    program: 'apache2',
    heading: '# Apache\n',
    args: (folder: string) => ['-D', 'FOREGROUND', '-d', folder, '-f', `${folder}/web.conf`],
    around: (folder: string, snippet: string, port: number) => `
ServerName localhost
DefaultRuntimeDir ${folder}
PidFile ${folder}/web.pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${SERVER_USER === undefined ? '' : `User ${SERVER_USER}\nGroup ${SERVER_USER}`}
${['mpm_event', 'authz_core', 'dir', 'env', 'proxy', 'proxy_fcgi']
  .map((module) => `LoadModule ${module}_module ${MODULES}/mod_${module}.so`)
  .join('\n')}
${snippet.replace('*:80', `127.0.0.1:${port}`)}`,
  },
] as const

/** Of nginx's own package. */
const FASTCGI_PARAMS = ['QUERY_STRING', 'REQUEST_METHOD', 'CONTENT_LENGTH', 'REQUEST_URI']
  .map((name) => `fastcgi_param ${name} $${name.toLowerCase()};\n`)
  .concat('fastcgi_param SCRIPT_NAME $fastcgi_script_name;\n')
  .join('')

const SITES = [
  {
    name: 'a document root',
    root: true,
    answers: {
      '/hello.wasm': 'Hello from AssemblyScript',
      '/hello.wasm/with/a/path': 'Hello from AssemblyScript',
      '/style.css': 'body {}',
      '/docs/': 'a page',
      '/shop': '/shop -',
      '/shop/a/path': '/shop /a/path',
      '/shop/': '/shop /',
      '/nowhere': '404',
      '/nowhere.wasm': '404',
      '/': '404',
    },
  },
  {
    name: 'nothing but what is published',
    root: false,
    answers: { '/shop': '/shop -', '/shop/a/path': '/shop /a/path', '/nowhere': '404', '/': '404' },
  },
]

for (const server of SERVERS) {
  for (const { name, root, answers } of SITES) {
    test.skipIf(!isInstalled(server.name))(`${server.name}, ${name}`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-snippet-'))
      chmodSync(folder, 0o755)
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
      makeSite(folder, root)
      const config = join(folder, 'wasm-fpm.toml')
      const unix = { unix: join(folder, 'www.sock') }
      await start(process.execPath, [...PROGRAM, 'serve', '--config', config], folder).accepting(
        unix,
      )
      await run(process.execPath, [
        ...[...PROGRAM, 'publish', join(GUESTS, 'echo.wasm'), '--config', config],
        ...['--tenant', 'acme', '--route', '/shop'],
      ])
      const { stdout } = await run(process.execPath, [
        ...[...PROGRAM, 'doctor', '--tenant', 'acme', '--config', config],
      ]).catch((error: { readonly stdout: string }) => error)
      const snippet = stdout.split(server.heading)[1]?.split(/^# (?:nginx|Apache)$/m)[0] ?? ''
      const port = await freePort()
      writeFileSync(join(folder, 'web.conf'), server.around(folder, snippet, port))
      writeFileSync(join(folder, 'fastcgi_params'), FASTCGI_PARAMS)
      const web = start(server.program, server.args(folder), folder)
      await web.accepting({ host: '127.0.0.1', tcpPort: port })
      const found: Record<string, string> = {}
      for (const path of Object.keys(answers)) {
        found[path] = await ask(`http://127.0.0.1:${port}${path}`)
      }
      expect(found).toEqual(answers)
      // As much as the tenant takes, and not what the web server takes where nobody says otherwise.
      const upload = { method: 'POST', body: Buffer.alloc(2 * 1024 * 1024) }
      expect((await fetch(`http://127.0.0.1:${port}/shop`, upload)).status).toBe(200)
    })
  }
}

function makeSite(folder: string, hasRoot: boolean): void {
  const www = join(folder, 'www')
  mkdirSync(join(www, 'docs'), { recursive: true })
  copyFileSync(join(GUESTS, 'hello.wasm'), join(www, 'hello.wasm'))
  writeFileSync(join(www, 'style.css'), 'body {}')
  writeFileSync(join(www, 'docs', 'index.html'), 'a page')
  const owner = SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"`
  writeFileSync(
    join(folder, 'wasm-fpm.toml'),
    `store = "store"
[[pool]]
name = "www"
listen = ["./www.sock"]
workers = 1
${owner}
[[tenant]]
name = "acme"
hosts = ["nobody.example"]
${hasRoot ? 'root = "www"' : ''}
`,
  )
}

function start(program: string, args: readonly string[], directory: string): Child {
  const child = new Child(program, args, { directory })
  onTestFinished(() => child.stop())
  return child
}

/** The body without its newline; of the echo guest, where it thinks it is; of a failure, the status. */
async function ask(url: string): Promise<string> {
  const response = await fetch(url)
  const text = (await response.text()).trim()
  if (!response.ok) return String(response.status)
  if (!text.startsWith('{')) return text
  const { env } = JSON.parse(text) as { readonly env: Readonly<Record<string, string>> }
  return `${env['SCRIPT_NAME']} ${env['PATH_INFO'] || '-'}`
}
