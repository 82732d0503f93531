/**
 * The handler that is there in every language (examples/handlers): its size, its first request, and what a request takes, with each lifetime.
 *
 *     node bench/languages/handlers.ts [--seconds N] [--connections N]
 *
 * `first ms`: from asking the server, that knows nothing of the module, to the answer. `us`: processor time of a `GET /greeting`, of all threads
 * of wasm-fpm's processes, behind nginx.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildExampleHandler, EXAMPLE_HANDLERS } from '../../test/support/example-handlers.ts'
import { rustCompiler } from '../../test/support/rust-compiler.ts'
import { treeCpuUs } from '../http/cpu-time.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import type { Server } from '../http/process.ts'
import { formatTable } from '../http/table.ts'
import { runWrk } from '../http/wrk.ts'

const LIFETIMES = ['reset', 'fresh', 'persistent'] as const
/** A first request that has to wait longer than others may is asked again. */
const FIRST_TRIES = 10

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '1' },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-handlers-'))
const servers: Server[] = []
try {
  await main()
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(): Promise<void> {
  const socket = join(folder, 'wasm.sock')
  const tenants: string[] = []
  const locations: string[] = []
  const rows = [['handler', 'KB', 'first ms', ...LIFETIMES.map((name) => `${name} us`)]]
  const sizes = new Map<string, number>()
  for (const handler of EXAMPLE_HANDLERS) {
    const module = await buildExampleHandler(handler, { RUSTC: rustCompiler() })
    sizes.set(handler.name, statSync(module).size)
    for (const lifetime of LIFETIMES) {
      const name = `${handler.name}-${lifetime}`
      const root = join(folder, name)
      mkdirSync(root)
      copyFileSync(module, join(root, 'handler.wasm'))
      tenants.push(
        `[[tenant]]\nname = "${name}"\nroot = "${root}"\nlifetime = "${lifetime}"\naccess_log = "off"\n`,
      )
      const params = paramLines({
        SCRIPT_NAME: '/handler.wasm',
        SCRIPT_FILENAME: `${root}/handler.wasm`,
        PATH_INFO: '/greeting',
        REQUEST_URI: '/handler.wasm/greeting',
        WASM_FPM_TENANT: name,
      })
      locations.push(`location = /${name} { fastcgi_pass unix:${socket}; ${params} }`)
    }
  }
  const config = `[[pool]]\nname = "www"\nlisten = ["${socket}"]\nworkers = 1\n${tenants.join('')}`
  const server = startOwnServer(folder, config)
  servers.push(server)
  await server.ready(socket, 60_000)
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 16, backends: new Map(), locations },
  })
  servers.push(nginx.server)
  for (const { name } of EXAMPLE_HANDLERS) {
    const figures: string[] = []
    let firstMs = ''
    for (const lifetime of LIFETIMES) {
      const url = `${nginx.origin}/${name}-${lifetime}`
      const began = performance.now()
      for (let turn = 0; turn < FIRST_TRIES && (await fetch(url)).status === 503; turn += 1);
      if (firstMs === '') firstMs = (performance.now() - began).toFixed(0)
      figures.push(await cpuUsOf(url, server.pid))
    }
    rows.push([name, ((sizes.get(name) ?? 0) / 1000).toFixed(0), firstMs, ...figures])
  }
  process.stdout.write(`${formatTable(rows)}\n`)
}

/** The processor time of a request, or the status that is no answer. */
async function cpuUsOf(url: string, pid: number): Promise<string> {
  const { status } = await fetch(url)
  if (status !== 200) return `(${status})`
  const options = { url, connections: Number(values.connections), bodyBytes: 0 }
  const seconds = Number(values.seconds)
  await runWrk({ ...options, seconds })
  const before = treeCpuUs(pid)
  const { requests, badStatus } = await runWrk({ ...options, seconds })
  return badStatus > 0
    ? `${badStatus} of ${requests} failed`
    : ((treeCpuUs(pid) - before) / requests).toFixed(0)
}
