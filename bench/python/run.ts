/**
 * A WSGI application, and pages of a Flask application, under wasm-fpm and under uWSGI, in turns behind one nginx.
 *
 *     node bench/run.ts python [--quick] [--seconds N] [--rounds N] [--connections N] [--only PAGE[,PAGE...]]
 *
 * The runtime is build/runtimes/python.wasm (`wasm-fpm runtime build python`); uWSGI and Flask are Debian's.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type ComparedPage, compareInTurns, readTurnOptions } from '../http/in-turns.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import { findProgram, type Server, startServer } from '../http/process.ts'

const RUNTIME = resolve(import.meta.dirname, '../../build/runtimes/python.wasm')
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

const options = readTurnOptions()
const pages = PAGES.filter(({ name }) => options.isWanted(name))
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
  const sideOf = (name: string, pid: number, page: string) => ({
    ...{ name, pid, url: `${nginx.origin}/${name}/${page}` },
  })
  const compared = pages.map(
    ({ name, app, wanted }): ComparedPage => ({
      ...{ name, wanted },
      sides: [sideOf('wasm-fpm', ours.pid, name), sideOf('uwsgi', theirs.get(app)?.pid ?? 0, name)],
    }),
  )
  return compareInTurns(compared, { ...options, volatile: /\0/g })
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
${apps.map((app) => tenantTable(app)).join('\n')}
`
  const server = startOwnServer(folder, config)
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
