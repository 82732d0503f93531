/** The snippets, word for word where it matters, and by the judgement of the web servers themselves where they are installed. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { apacheSnippet, nginxSnippet } from '../../../../src/cli/doctor/snippets.ts'
import { parseConfig } from '../../../../src/config/parse.ts'

const { CI } = process.env

function snippets(
  pool: string,
  tenant: string,
): { readonly nginx: string; readonly apache: string } {
  const text = `[[pool]]\nname = "www"\n${pool}\n[[tenant]]\nname = "acme"\n${tenant}\n`
  const { pools, tenants } = parseConfig(text, '/etc/wasm-fpm/wasm-fpm.toml')
  const [[onlyPool], [onlyTenant]] = [pools, tenants]
  if (onlyPool === undefined || onlyTenant === undefined) throw new Error('no pool or no tenant')
  return { nginx: nginxSnippet(onlyTenant, onlyPool), apache: apacheSnippet(onlyTenant, onlyPool) }
}

const PLACES: ReadonlyArray<
  readonly [pool: string, tenant: string, nginx: readonly string[], apache: readonly string[]]
> = [
  [
    'listen = ["/run/wasm-fpm/www.sock"]',
    'hosts = ["a.example", "*.b.example"]\nroot = "/srv/acme/www"',
    [
      'server unix:/run/wasm-fpm/www.sock;',
      'server_name a.example *.b.example;',
      'root /srv/acme/www;',
      'WASM_FPM_TENANT acme;',
      'client_max_body_size 8m;',
    ],
    [
      'ServerName a.example\n    ServerAlias *.b.example',
      'proxy:unix:/run/wasm-fpm/www.sock|fcgi://wasm-fpm/',
      'SetEnv WASM_FPM_TENANT acme',
    ],
  ],
  [
    'listen = ["127.0.0.1:9000"]',
    'hosts = ["*"]\nroot = "/srv/my site"\nlimit_extensions = [".wasm", ".c++"]',
    [
      'server 127.0.0.1:9000;',
      'server_name _;',
      'root "/srv/my site";',
      'location ~ [^/](?:\\.wasm|\\.c\\+\\+)(/|$) {',
    ],
    [
      'ServerName localhost\n    ServerAlias *',
      'SetHandler "proxy:fcgi://127.0.0.1:9000/"',
      '<Directory "/srv/my site">',
      '<FilesMatch "(?:\\.wasm|\\.c\\+\\+)$">',
    ],
  ],
  [
    'listen = ["[::]:9000"]\ninsecure_listen = true',
    '',
    ['server 127.0.0.1:9000;', 'server_name localhost;'],
    ['ServerName localhost', 'ProxyPass "/" "fcgi://127.0.0.1:9000/" enablereuse=on'],
  ],
]
for (const [pool, tenant, nginx, apache] of PLACES) {
  const name = `${pool} ${tenant}`.replaceAll('\n', ' ')
  test(`snippets for ${name}`, () => {
    const found = snippets(pool, tenant)
    for (const part of nginx) expect(found.nginx).toContain(part)
    for (const part of apache) expect(found.apache).toContain(part)
  })

  test.skipIf(!isInstalled('/usr/sbin/nginx'))(`nginx takes the one for ${name}`, () => {
    inFolder((folder) => {
      const file = join(folder, 'nginx.conf')
      writeFileSync(
        join(folder, 'fastcgi_params'),
        'fastcgi_param SCRIPT_NAME $fastcgi_script_name;\n',
      )
      const { nginx: text } = snippets(pool, tenant)
      const http = text.replace('listen 80', `listen unix:${folder}/http.sock`)
      writeFileSync(file, `pid ${folder}/pid;\nevents {}\nhttp {\naccess_log off;\n${http}}\n`)
      run('/usr/sbin/nginx', [
        '-t',
        '-q',
        '-p',
        folder,
        '-c',
        file,
        '-e',
        join(folder, 'error.log'),
      ])
    })
  })

  test.skipIf(!isInstalled('/usr/sbin/apache2'))(`Apache takes the one for ${name}`, () => {
    inFolder((folder) => {
      mkdirSync(join(folder, 'www'))
      const modules = ['mpm_event', 'authz_core', 'env', 'proxy', 'proxy_fcgi']
        .map((module) => `LoadModule ${module}_module /usr/lib/apache2/modules/mod_${module}.so\n`)
        .join('')
      const { apache: text } = snippets(pool, tenant)
      const site = text.replace(/DocumentRoot .*/, `DocumentRoot ${folder}/www`)
      const file = join(folder, 'apache2.conf')
      writeFileSync(
        file,
        `ServerRoot ${folder}\nServerName x\nPidFile ${folder}/pid\nErrorLog ${folder}/log\nListen 127.0.0.1:1\n${modules}${site}`,
      )
      run('/usr/sbin/apache2', ['-t', '-f', file])
    })
  })
}

/** A missing web server is a skip on a laptop, a failure in CI. */
function isInstalled(program: string): boolean {
  if (existsSync(program)) return true
  if (CI) throw new Error(`Cannot check the snippets: no ${program}`)
  process.stderr.write(`skipped: snippets, there is no ${program}\n`)
  return false
}

function inFolder(work: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-snippets-'))
  try {
    work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Throws with what the program says when it is not content. */
function run(program: string, args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' })
}
