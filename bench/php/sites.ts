/**
 * Many sites of DokuWiki on one machine, each a tenant with data of its own: what one more takes of a worker that is warm, how long its
 * first request takes and one after all others have had theirs, and whether all of them answer. Beside it a child of php-fpm's
 * (`pm = ondemand`) that has answered the same page.
 *
 *     node bench/php/sites.ts [--sites N] [--known N]
 *
 * The runtime is build/runtimes/php.wasm (`wasm-fpm runtime build php`); DokuWiki is Debian's package. One worker. Memory: PSS of all
 * processes.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { processTree } from '../http/cpu-time.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import { startPhpFpm } from '../http/php-fpm-server.ts'
import { findProgram, type Server } from '../http/process.ts'
import { median } from '../http/statistics.ts'
import { formatTable } from '../http/table.ts'
import { memoryOf } from '../speed/wasm-server.ts'

const RUNTIME = resolve(import.meta.dirname, '../../build/runtimes/php.wasm')
const ROOT = '/usr/share/dokuwiki'
const DATA = '/var/lib/dokuwiki'
/** What it takes to be more than an error page of DokuWiki's. */
const LEAST_BYTES = 4_000
/** To each site, one after the other: what V8 compiles, and what PHP learns, comes later than the first answer. */
const REQUESTS = 5
const WANTED_MIB = 5
const WANTED_FIRST_MS = 10
const WANTED_AGAIN_MS = 50

const { values } = parseArgs({
  options: { sites: { type: 'string', default: '100' }, known: { type: 'string', default: '2' } },
})
const known = Number(values.known)
const sites = Array.from({ length: Number(values.sites) + known }, (_, index) => `s${index}`)
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-sites-'))
const servers: Server[] = []
try {
  process.exitCode = await main()
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(): Promise<number> {
  const phpFpm = findProgram('php-fpm8.2')
  if (phpFpm === undefined || !existsSync(ROOT) || !existsSync(RUNTIME)) {
    process.stderr.write(`Sites are not measured: wanted php8.2-fpm, dokuwiki and ${RUNTIME}\n`)
    return 0
  }
  const sockets = { own: join(folder, 'wasm.sock'), theirs: join(folder, 'php.sock') }
  const own = startOwn(sockets.own)
  const theirs = startTheirs(phpFpm, sockets.theirs)
  await own.ready(sockets.own, 120_000)
  await theirs.ready(sockets.theirs)
  const script = { SCRIPT_NAME: '/doku.php', SCRIPT_FILENAME: `${ROOT}/doku.php` }
  const lines = paramLines({ ...script, DOCUMENT_ROOT: ROOT })
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 1, backends: new Map() },
    locations: [
      `location ~ ^/(?<site>s[0-9]+)$ { fastcgi_pass unix:${sockets.own}; fastcgi_read_timeout 120s; ${lines} fastcgi_param WASM_FPM_TENANT $site; }`,
      `location = /php-fpm { fastcgi_pass unix:${sockets.theirs}; ${lines} }`,
    ],
  })
  servers.push(nginx.server)
  process.stdout.write(`load ${loadavg().map((load) => load.toFixed(1))} before\n`)
  const url = (name: string): string => `${nginx.origin}/${name}?id=start`
  await timeOf(url('php-fpm'))
  const before = memoryOf(processTree(theirs.pid)).pssMib
  const child = memoryOf(processTree(theirs.pid).filter((pid) => pid !== theirs.pid))
  const pss = (): number => memoryOf(processTree(own.pid)).pssMib

  const first: number[] = []
  const ask = async (site: string): Promise<void> => {
    first.push(await timeOf(url(site)))
    for (let count = 1; count < REQUESTS; count += 1) await timeOf(url(site))
  }
  for (const site of sites.slice(0, known)) await ask(site)
  const knownMib = pss()
  for (const site of sites.slice(known)) await ask(site)
  const mib = (pss() - knownMib) / (sites.length - known)
  const again: number[] = []
  for (const site of sites) again.push(await timeOf(url(site)))

  const firstMs = median(first.slice(known))
  const againMs = Math.max(...again)
  const verdict = (isMet: boolean): string => (isMet ? 'met' : 'MISSED')
  const rows = [
    ['', 'wasm-fpm', 'wanted', ''],
    ['one more site', `${mib.toFixed(2)} MiB`, `${WANTED_MIB} MiB`, verdict(mib <= WANTED_MIB)],
    [
      ...['its first request, median', `${firstMs.toFixed(1)} ms`],
      ...[`${WANTED_FIRST_MS} ms`, verdict(firstMs <= WANTED_FIRST_MS)],
    ],
    ['all of them once more, median', `${median(again).toFixed(1)} ms`, '', ''],
    [
      ...['the slowest', `${againMs.toFixed(1)} ms`],
      ...[`${WANTED_AGAIN_MS} ms`, verdict(againMs <= WANTED_AGAIN_MS)],
    ],
    ['all processes', `${pss().toFixed(0)} MiB`, '', ''],
    ['a child of php-fpm, own pages', `${child.privateMib.toFixed(2)} MiB`, '', ''],
    ['php-fpm with one child', `${before.toFixed(0)} MiB`, '', ''],
  ]
  process.stdout.write(
    `${formatTable(rows)}\n${sites.length} sites, ${known} of them before the first figure, ${REQUESTS} requests to each, all answered\n`,
  )
  return mib <= WANTED_MIB && firstMs <= WANTED_FIRST_MS && againMs <= WANTED_AGAIN_MS ? 0 : 1
}

function startOwn(socket: string): Server {
  for (const site of sites) cpSync(join(DATA, 'data'), join(folder, site), { recursive: true })
  const shared = ['/usr/share/php', '/etc/dokuwiki', `${DATA}/lib`, `${DATA}/acl`, `${DATA}/inc`]
  const mounts = shared
    .filter((path) => existsSync(path))
    .map((path) => `  { guest = "${path}", host = "${path}" },\n`)
    .join('')
  const server = startOwnServer(
    folder,
    `[[pool]]
name = "www"
listen = ["${socket}"]
workers = 1
[[runtime]]
name = "php"
module = "${RUNTIME}"
extensions = [".php"]
index = "index.php"
${sites
  .map(
    (site) => `[[tenant]]
name = "${site}"
root = "${ROOT}"
runtimes = ["php"]
env = { PHP_VALUE = "include_path=.:/usr/share/php" }
mounts = [
${mounts}  { guest = "${DATA}/data", host = "${join(folder, site)}", writable = true },
]`,
  )
  .join('\n')}
`,
  )
  servers.push(server)
  return server
}

function startTheirs(program: string, socket: string): Server {
  const lines = ['pm = ondemand', 'pm.max_children = 1']
  const server = startPhpFpm({ folder, program, pools: [{ name: 'www', socket, lines }] })
  servers.push(server)
  return server
}

/** In milliseconds, until all of the answer is there. Rejects when it is no page of the wiki. */
function timeOf(url: string): Promise<number> {
  const from = performance.now()
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      let bytes = 0
      response.on('data', (part: Buffer) => {
        bytes += part.length
      })
      response.once('end', () => {
        const { statusCode = 0 } = response
        if (statusCode === 200 && bytes >= LEAST_BYTES) resolve(performance.now() - from)
        else reject(new Error(`${url}: ${statusCode}, ${bytes} bytes, wanted a page`))
      })
    })
      .once('error', reject)
      .end()
  })
}
