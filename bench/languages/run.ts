/**
 * Applications in Ruby, Lua and Perl under wasm-fpm and under what usually runs them, in turns behind one nginx; then what one more
 * tenant takes. (Python: bench/python.)
 *
 *     node bench/run.ts languages [--quick] [--seconds N] [--rounds N] [--connections N] [--only PAGE[,PAGE...]]
 *
 * The runtimes are build/runtimes/NAME.wasm (`wasm-fpm runtime build NAME`); Puma, Sinatra, Starman and Lua are Debian's. What is not
 * there is named, and not measured.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ComparedPage, compareInTurns, readTurnOptions } from '../http/in-turns.ts'
import { paramLines, startNginx } from '../http/nginx.ts'
import { startOwnServer } from '../http/own-server.ts'
import type { Server } from '../http/process.ts'
import { PAGES, type Page, runtimeTables, tenantLines } from './pages.ts'
import { isPeerThere, type RunningPeer, startPeer } from './peers.ts'
import { measureTenants } from './tenants.ts'

const options = readTurnOptions()
const wanted = PAGES.filter(({ name }) => options.isWanted(name))
const pages = wanted.filter(isThere)

const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-bench-languages-'))
const servers: Server[] = []
try {
  process.exitCode = pages.length === 0 ? 0 : await main()
} finally {
  for (const server of servers.toReversed()) await server.stop()
  rmSync(folder, { recursive: true })
}

async function main(): Promise<number> {
  const socket = join(folder, 'wasm.sock')
  const tenants = pages.map((page) => tenantLines(page, { name: page.name, root: page.root }))
  const ours = startOwnServer(
    folder,
    `[[pool]]\nname = "www"\nlisten = ["${socket}"]\n${runtimeTables(pages)}\n${tenants.join('\n')}\n`,
  )
  servers.push(ours)
  await ours.ready(socket, 60_000)
  const peers = new Map<Page, RunningPeer>()
  for (const page of pages) {
    const peer = await startPeer(page, folder)
    servers.push(peer.server)
    peers.set(page, peer)
  }
  const nginx = await startNginx({
    ...{ folder, workers: 1, keepalive: 16, backends: new Map() },
    locations: pages.flatMap((page) => [
      ownLocation(page, socket),
      `location = /peer/${page.name} { ${peers.get(page)?.lines} }`,
    ]),
  })
  servers.push(nginx.server)
  const compared = pages.map(
    (page): ComparedPage => ({
      name: page.name,
      sides: [
        { name: 'wasm-fpm', pid: ours.pid, url: `${nginx.origin}/wasm-fpm/${page.name}` },
        {
          ...{ name: page.peer, pid: peers.get(page)?.server.pid ?? 0 },
          url: `${nginx.origin}/peer/${page.name}`,
        },
      ],
    }),
  )
  const code = await compareInTurns(compared, { ...options, volatile: /\0/g })
  for (const server of servers.splice(0).toReversed()) await server.stop()
  return Math.max(code, await measureTenants(pages, folder))
}

function ownLocation({ name }: Page, socket: string): string {
  const lines = paramLines({ SCRIPT_NAME: '""', PATH_INFO: `/${name}`, WASM_FPM_TENANT: name })
  return `location = /wasm-fpm/${name} { fastcgi_pass unix:${socket}; ${lines} }`
}

/** Says what is missing. */
function isThere(page: Page): boolean {
  const missing = [
    ...(existsSync(page.runtime) ? [] : [page.runtime]),
    ...(isPeerThere(page) ? [] : [`${page.peer} (Debian: ${page.packages})`]),
  ]
  if (missing.length > 0)
    process.stderr.write(`${page.name} is not measured: no ${missing.join(', no ')}\n`)
  return missing.length === 0
}
