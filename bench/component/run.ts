/**
 * Components of wasi:http, in JavaScript and in Rust, under wasm-fpm and under `jco serve`, in turns behind one nginx. Both give each
 * request a clean memory: wasm-fpm by `lifetime = "reset"`, jco by an instance for each.
 *
 *     node bench/run.ts component [--quick] [--seconds N] [--rounds N] [--connections N] [--only js,js-kept,rust,rust-kept]
 *
 * Between nginx and wasm-fpm there is a connection for each request, or (`-kept`) one for many; between nginx and `jco serve` always one for many.
 * That ends by itself when a client leaves a request of the Rust program, so nginx keeps from it when the load's client leaves at a turn's end.
 * `cpu us` is the processor time of a request, of all threads of each side's processes; wanted of ours: 1,000 of JavaScript, 150 of Rust.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type ConnectionMode, scriptOfTenant } from '../http/backend.ts'
import { type ComparedPage, compareInTurns, readTurnOptions } from '../http/in-turns.ts'
import { locationOf, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import { type Server, startServer } from '../http/process.ts'

const GUESTS = resolve(import.meta.dirname, '../../build/guests')
const JCO = resolve(import.meta.dirname, '../../node_modules/@bytecodealliance/jco/dist/jco.js')

interface Program {
  readonly name: string
  readonly file: string
  readonly query: string
}

interface Page {
  readonly name: string
  readonly mode: ConnectionMode
  readonly program: Program
}

/** JavaScript answers with a stream of 4 KiB, Rust with the body of the request, of which there is none. */
const PROGRAMS: readonly Program[] = [
  { name: 'js', file: 'js/fetch.wasm', query: 'do=stream&parts=1' },
  { name: 'rust', file: 'rust-http/handler.wasm', query: 'do=echo' },
]

const PAGES = PROGRAMS.flatMap((program): Page[] => [
  { name: program.name, mode: 'close', program },
  { name: `${program.name}-kept`, mode: 'keep', program },
])

const options = readTurnOptions()
const pages = PAGES.filter(({ name }) => options.isWanted(name))
const programs = PROGRAMS.filter((one) => pages.some(({ program }) => program === one))
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-component-'))
const servers: Server[] = []
try {
  process.exitCode = await main()
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(): Promise<number> {
  const missing = programs.map(({ file }) => join(GUESTS, file)).filter((path) => !existsSync(path))
  if (missing.length > 0) {
    process.stderr.write(`Components are not measured: no ${missing.join(', no ')}: make guests\n`)
    return 0
  }
  const socket = join(folder, 'wasm.sock')
  for (const { name, file } of programs)
    copyFileSync(join(GUESTS, file), join(folder, `${name}.wasm`))
  const config = `[[pool]]
name = "www"
listen = ["${socket}"]
workers = 1
[[tenant]]
name = "components"
root = "${folder}"
access_log = "off"
`
  const ours = startOwnServer(folder, config)
  servers.push(ours)
  await ours.ready(socket, 60_000)
  const locations: string[] = []
  const pids = new Map<string, number>()
  for (const { name, query } of programs) {
    const port = await freePort()
    const theirs = startServer({
      name: `jco serve ${name}`,
      command: process.execPath,
      args: [
        ...[JCO, 'serve', join(folder, `${name}.wasm`), '--host', '127.0.0.1'],
        ...['--port', String(port), '--isolate-requests', 'instance'],
      ],
      logFile: join(folder, 'jco.log'),
    })
    servers.push(theirs)
    pids.set(name, theirs.pid)
    await theirs.ready(`127.0.0.1:${port}`, 120_000)
    locations.push(
      `location = /jco/${name} { proxy_pass http://127.0.0.1:${port}/${name}.wasm?${query}; proxy_http_version 1.1; proxy_ignore_client_abort on; proxy_set_header Connection ""; }`,
    )
  }
  const backends = new Map(
    programs.map(({ name }) => [
      name,
      scriptOfTenant('components', socket, `${folder}/${name}.wasm`),
    ]),
  )
  const nginx = await startNginx({ folder, workers: 1, keepalive: 16, backends, locations })
  const { origin, server } = nginx
  servers.push(server)
  const compared = pages.map(({ name: page, mode, program: { name, query } }): ComparedPage => {
    const url = `${origin}${locationOf(name, mode, 'hello')}?${query}`
    return {
      ...{ name: page, wanted: 1 },
      sides: [
        { name: 'wasm-fpm', pid: ours.pid, url },
        { name: 'jco serve', pid: pids.get(name) ?? 0, url: `${origin}/jco/${name}` },
      ],
    }
  })
  return compareInTurns(compared, { ...options, volatile: /\0/g })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise<unknown>((done) => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}
