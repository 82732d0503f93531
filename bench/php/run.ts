/**
 * PHP pages under wasm-fpm and under php-fpm 8.2 with opcache, in turns behind one nginx: requests, latency, and processor time a
 * request of all threads.
 *
 *     node bench/run.ts php [--quick] [--seconds N] [--rounds N] [--connections N] [--only PAGE[,PAGE...]]
 *
 * The runtime is build/runtimes/php.wasm (`wasm-fpm runtime build php`); DokuWiki is measured where Debian's package is installed.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type ComparedPage, compareInTurns, readTurnOptions } from '../http/in-turns.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import { startPhpFpm } from '../http/php-fpm-server.ts'
import { findProgram, type Server } from '../http/process.ts'

const RUNTIME = resolve(import.meta.dirname, '../../build/runtimes/php.wasm')
const SITE = join(import.meta.dirname, 'site')
const DOKUWIKI = '/usr/share/dokuwiki'
const DOKUWIKI_DATA = '/var/lib/dokuwiki'
/** What of it is written to: as Debian's package has it, the rest is root's. */
const DOKUWIKI_WRITTEN = ['data', 'acl']
const SIDES = ['wasm-fpm', 'php-fpm'] as const
/** As in Debian's php.ini: nobody looks through the sessions of 100,000 requests for old ones. */
const SETTINGS = 'env = { PHP_VALUE = "session.gc_probability=0" }'

interface Page {
  readonly name: string
  readonly tenant: string
  readonly root: string
  readonly script: string
  readonly query: string
  /** The tenant's `warm`. */
  readonly warm?: string
  /** Processor time of a request over php-fpm's, at most. */
  readonly wanted: number
}

const PAGES: readonly Page[] = [
  { name: 'hello', tenant: 'site', root: SITE, script: '/hello.php', query: '', wanted: 1 },
  { name: 'application', tenant: 'site', root: SITE, script: '/app.php', query: '', wanted: 0.9 },
  {
    ...{ name: 'DokuWiki', tenant: 'wiki', root: DOKUWIKI, script: '/doku.php' },
    ...{ query: 'id=start', wanted: 1.5 },
  },
  {
    // Its requests begin where one has ended that was run ahead.
    ...{ name: 'DokuWiki-warm', tenant: 'warm-wiki', root: DOKUWIKI, script: '/doku.php' },
    ...{ query: 'id=start', wanted: 1.5, warm: '/doku.php?id=start' },
  },
]

const options = readTurnOptions()
const pages = PAGES.filter(({ name, root }) => existsSync(root) && options.isWanted(name))

const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-php-'))
const servers: Server[] = []
try {
  process.exitCode = await main()
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(): Promise<number> {
  const phpFpm = findProgram('php-fpm8.2')
  const missing = [
    ...(phpFpm === undefined ? ['php-fpm8.2 (Debian: php8.2-fpm, php8.2-opcache)'] : []),
    ...(existsSync(RUNTIME) ? [] : [`${RUNTIME} (wasm-fpm runtime build php -o ${RUNTIME})`]),
  ]
  if (phpFpm === undefined || missing.length > 0) {
    process.stderr.write(`PHP is not measured: no ${missing.join(', no ')}\n`)
    return 0
  }
  for (const name of existsSync(DOKUWIKI) ? DOKUWIKI_WRITTEN : []) {
    cpSync(join(DOKUWIKI_DATA, name), join(folder, 'wiki', name), { recursive: true })
  }
  mkdirSync(join(folder, 'sessions'))
  const sockets = { 'wasm-fpm': join(folder, 'wasm.sock'), 'php-fpm': join(folder, 'php.sock') }
  const ours = startOurs(sockets['wasm-fpm'])
  const theirs = startTheirs(phpFpm, sockets['php-fpm'])
  await ours.ready(sockets['wasm-fpm'], 60_000)
  await theirs.ready(sockets['php-fpm'])
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 16, backends: new Map() },
    locations: SIDES.flatMap((side) => pages.map((page) => location(side, page, sockets[side]))),
  })
  servers.push(nginx.server)
  const pids = { 'wasm-fpm': ours.pid, 'php-fpm': theirs.pid }
  const sideOf = (name: (typeof SIDES)[number], { name: page, query }: Page) => ({
    ...{ name, pid: pids[name], url: `${nginx.origin}/${name}/${page}?${query}` },
  })
  const compared = pages.map(
    (page): ComparedPage => ({
      ...page,
      sides: [sideOf('wasm-fpm', page), sideOf('php-fpm', page)],
    }),
  )
  // Times, and what is made of them.
  return compareInTurns(compared, { ...options, volatile: /[0-9]{10}|[0-9a-f]{32}/g })
}

function startOurs(socket: string): Server {
  const tenants = [...new Map(pages.map((page) => [page.tenant, page])).values()]
  const mounts = `env = { PHP_VALUE = "include_path=.:/usr/share/php" }
mounts = [
  { guest = "/usr/share/php", host = "/usr/share/php" },
  { guest = "/etc/dokuwiki", host = "/etc/dokuwiki" },
  { guest = "${DOKUWIKI_DATA}", host = "${DOKUWIKI_DATA}" },
${DOKUWIKI_WRITTEN.map((name) => `  { guest = "${DOKUWIKI_DATA}/${name}", host = "${folder}/wiki/${name}", writable = true },`).join('\n')}
]`
  const config = `[[pool]]
name = "www"
listen = ["${socket}"]
[[runtime]]
name = "php"
module = "${RUNTIME}"
extensions = [".php"]
index = "index.php"
${tenants
  .map(
    ({ tenant, root, warm }) => `[[tenant]]
name = "${tenant}"
root = "${root}"
runtimes = ["php"]
max_children = 64
access_log = "off"
${warm === undefined ? '' : `warm = ["${warm}"]`}
${root === DOKUWIKI ? mounts : SETTINGS}`,
  )
  .join('\n')}
`
  const server = startOwnServer(folder, config)
  servers.push(server)
  return server
}

function startTheirs(program: string, socket: string): Server {
  const lines = [
    'listen.backlog = 1024',
    'pm = static',
    'pm.max_children = 16',
    `php_admin_value[session.save_path] = ${folder}/sessions`,
  ]
  const server = startPhpFpm({ folder, program, pools: [{ name: 'www', socket, lines }] })
  servers.push(server)
  return server
}

function location(side: string, { name, tenant, root, script }: Page, socket: string): string {
  const lines = paramLines({
    ...{ SCRIPT_NAME: script, SCRIPT_FILENAME: root + script, DOCUMENT_ROOT: root },
    ...(side === 'wasm-fpm' ? { WASM_FPM_TENANT: tenant } : {}),
  })
  return `location = /${side}/${name} { fastcgi_pass unix:${socket}; fastcgi_keep_conn on; ${lines} }`
}
