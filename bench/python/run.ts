/**
 * A WSGI application, and pages of a Flask application, under wasm-fpm and under uWSGI, in turns behind one nginx.
 *
 *     node bench/run.ts python [--quick] [--seconds N] [--rounds N] [--connections N] [--only PAGE[,PAGE...]]
 *
 * The runtime is build/runtimes/python.wasm (`wasm-fpm runtime build python`); uWSGI and Flask are Debian's.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type InTurns, inTurnsRows, type MeasuredSide, measureInTurns } from '../http/in-turns.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { findProgram, type Server, startServer } from '../http/process.ts'
import { formatTable } from '../http/table.ts'

const RUNTIME = resolve(import.meta.dirname, '../../build/runtimes/python.wasm')
const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const SITE = join(import.meta.dirname, 'site')
const PACKAGES = '/usr/lib/python3/dist-packages'

interface Page {
  readonly name: string
  readonly app: string
  /** Processor time of a request over uWSGI's, at most. */
  readonly wanted: number
}

const PAGES: readonly Page[] = [
  { name: 'hello', app: 'hello:application', wanted: 1 },
  { name: 'flask-text', app: 'pages:app', wanted: 1.5 },
  { name: 'flask-json', app: 'pages:app', wanted: 1.5 },
  { name: 'flask-page', app: 'pages:app', wanted: 1.5 },
]

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    connections: { type: 'string', default: '4' },
    only: { type: 'string' },
  },
})
const seconds = Number(values.seconds ?? (values.quick ? 2 : 5))
const rounds = Number(values.rounds ?? 3)
const pages = PAGES.filter(({ name }) => values.only?.split(',').includes(name) ?? true)
const apps = [...new Set(pages.map(({ app }) => app))]

const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-python-'))
const servers: Server[] = []
try {
  process.exitCode = await main()
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(): Promise<number> {
  const uwsgi = findProgram('uwsgi-core')
  const missing = [
    ...(uwsgi === undefined ? ['uwsgi-core (Debian, with uwsgi-plugin-python3)'] : []),
    ...(existsSync(join(PACKAGES, 'flask')) ? [] : ['Flask (Debian: python3-flask)']),
    ...(existsSync(RUNTIME) ? [] : [`${RUNTIME} (wasm-fpm runtime build python -o ${RUNTIME})`]),
  ]
  if (uwsgi === undefined || missing.length > 0) {
    process.stderr.write(`Python is not measured: no ${missing.join(', no ')}\n`)
    return 0
  }
  const load = loadavg()[0]?.toFixed(1)
  const ours = await startOurs()
  const theirs = new Map<string, Server>()
  for (const app of apps) theirs.set(app, await startTheirs(uwsgi, app))
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 16, backends: new Map() },
    locations: pages.flatMap((page) => [
      location('wasm-fpm', page, join(folder, 'wasm.sock')),
      location('uwsgi', page, socketOf(page.app)),
    ]),
  })
  servers.push(nginx.server)
  const rows: string[][] = [
    ['page', 'server', 'req/s', 'p50 ms', 'p99 ms', 'cpu us', 'over uWSGI', 'wanted', ''],
  ]
  let isGood = true
  for (const page of pages) {
    const sideOf = (name: string, pid = 0): MeasuredSide => ({
      ...{ name, pid, url: `${nginx.origin}/${name}/${page.name}` },
    })
    const turns: InTurns = {
      sides: [sideOf('wasm-fpm', ours.pid), sideOf('uwsgi', theirs.get(page.app)?.pid)],
      ...{ connections: Number(values.connections), warmUpSeconds: values.quick ? 5 : 20 },
      ...{ rounds, seconds, volatile: /\0/g },
    }
    const measured = await measureInTurns(turns)
    const { rows: more, isGood: isMet } = inTurnsRows(turns, measured, { ...page, page: page.name })
    rows.push(...more)
    isGood &&= isMet
  }
  process.stdout.write(
    `${formatTable(rows)}\n${values.connections} connections, ${rounds} rounds of ${seconds} s in turns, medians; load ${load} before\n`,
  )
  return isGood ? 0 : 1
}

async function startOurs(): Promise<Server> {
  const socket = join(folder, 'wasm.sock')
  const config = `[[pool]]
name = "www"
listen = ["${socket}"]
[[runtime]]
name = "python"
module = "${RUNTIME}"
extensions = [".py"]
sessions = "off"
${apps.map((app) => tenantTable(app)).join('\n')}
`
  writeFileSync(join(folder, 'wasm-fpm.toml'), config)
  const server = startServer({
    name: 'wasm-fpm',
    command: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      ...[MAIN, 'serve', '--config', join(folder, 'wasm-fpm.toml')],
    ],
    logFile: join(folder, 'wasm-fpm.log'),
    env: { NODE_ENV: 'production' },
  })
  servers.push(server)
  await server.ready(socket, 60_000)
  return server
}

/** Each page is run ahead. */
function tenantTable(app: string): string {
  const warm = pages.filter((page) => page.app === app).map(({ name }) => `"/${name}"`)
  return `[[tenant]]
name = "${tenantOf(app)}"
root = "${SITE}"
runtimes = ["python"]
app = "${app}"
max_children = 64
access_log = "off"
warm = [${warm.join(', ')}]
mounts = [{ guest = "${PACKAGES}", host = "${PACKAGES}" }]`
}

function tenantOf(app: string): string {
  return app.split(':')[0] ?? app
}

function socketOf(app: string): string {
  return join(folder, `${tenantOf(app)}.sock`)
}

async function startTheirs(program: string, app: string): Promise<Server> {
  const server = startServer({
    name: `uwsgi ${app}`,
    command: program,
    args: [
      ...['--plugin', 'python3', '--master', '--processes', '4', '--need-app', '--die-on-term'],
      ...['--fastcgi-socket', socketOf(app), '--chmod-socket=666', '--listen', '100'],
      ...['--chdir', SITE, '--wsgi', app, '--disable-logging'],
    ],
    logFile: join(folder, 'uwsgi.log'),
  })
  servers.push(server)
  await server.ready(socketOf(app))
  return server
}

function location(side: string, { name, app }: Page, socket: string): string {
  const lines = paramLines({
    ...{ SCRIPT_NAME: '""', PATH_INFO: `/${name}` },
    ...(side === 'wasm-fpm' ? { WASM_FPM_TENANT: tenantOf(app) } : {}),
  })
  return `location = /${side}/${name} { fastcgi_pass unix:${socket}; ${lines} }`
}
