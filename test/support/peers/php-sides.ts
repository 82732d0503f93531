/** One nginx, one folder of PHP files, and two that run them: php-fpm and wasm-fpm with its PHP runtime. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { havePhpRuntime, PHP_RUNTIME } from '../php-runtime.ts'
import { PROGRAM } from '../program.ts'
import { Child, freePort } from './child.ts'
import { nginxFrame } from './nginx-frame.ts'
import { serveFolder } from './serve-folder.ts'
import { findProgram, SERVER_USER } from './start-peer.ts'

const PHP_FPM = 'php-fpm8.2'
const TWO_CHILDREN = 'pm.max_children = 2'

export type Side = 'php-fpm' | 'wasm-fpm'

export interface PhpSides {
  /** Served on 127.0.0.1, each by one of them. */
  readonly ports: Readonly<Record<Side, number>>
  /** What wasm-fpm has logged so far. */
  logs(): string
  /** Stops wasm-fpm and starts it again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Whether all that it takes is there, root for the places of applications included. When it is not: in CI this throws, elsewhere it says so and answers false. */
export function havePhpSides(...applications: string[]): boolean {
  const missing = ['nginx', PHP_FPM].filter((program) => findProgram(program) === undefined)
  missing.push(...applications.filter((path) => !existsSync(path)))
  if (applications.length > 0 && SERVER_USER === undefined) missing.push('root')
  return havePhpRuntime(missing)
}

type Places = Readonly<Record<string, Readonly<Record<Side, string>>>>

export interface SidesOptions {
  /** What nginx does with requests; `BACKEND` in it is one of the two. */
  readonly locations: string
  /** Whether wasm-fpm has what `convert` makes of php-fpm's configuration. Default: one written by hand. */
  readonly isConverted?: boolean
  /** More lines of the tenant's, where the configuration is written by hand. */
  readonly tenant?: string
  /** Whether wasm-fpm's workers run as php-fpm's do, and it has a store. Default: as who starts the tests, without one. */
  readonly isLikePhpFpm?: boolean
  /** Folders that are each side's own, seen by both at the same path. They must be there; takes root. */
  readonly places?: Places
}

/** `root`: the folder of the PHP files. */
export async function startPhpSides(root: string, options: SidesOptions): Promise<PhpSides> {
  const { locations, isConverted = false, isLikePhpFpm = false, places = {} } = options
  const tenant = (options.tenant ?? '') + mountTables(places)
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-php-'))
  chmodSync(folder, 0o755)
  const sockets = { 'php-fpm': join(folder, 'php.sock'), 'wasm-fpm': join(folder, 'wasm.sock') }
  const ports = { 'php-fpm': await freePort(), 'wasm-fpm': await freePort() }
  const files = {
    'php-fpm.conf': phpFpmConfig(folder, sockets['php-fpm'], TWO_CHILDREN),
    'wasm-fpm.toml': wasmFpmConfig(root, sockets['wasm-fpm'], { tenant, isLikePhpFpm }),
    'nginx.conf': nginxConfig({ folder, root, locations, sockets, ports }),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  if (isConverted) convertConfig(folder, root, sockets['wasm-fpm'])
  const own = { directory: folder }
  const serve = (): Child => serveFolder(folder)
  const phpFpm = new Child(...phpFpmCommand(places), own)
  let wasmFpm = serve()
  const nginx = new Child(
    findProgram('nginx') ?? 'nginx',
    ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'],
    own,
  )
  const stop = async (): Promise<void> => {
    for (const child of [phpFpm, wasmFpm, nginx]) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  const restart = async (): Promise<void> => {
    await wasmFpm.stop()
    wasmFpm = serve()
    await wasmFpm.accepting({ unix: sockets['wasm-fpm'] })
  }
  try {
    await phpFpm.accepting({ unix: sockets['php-fpm'] })
    await wasmFpm.accepting({ unix: sockets['wasm-fpm'] })
    for (const tcpPort of Object.values(ports)) {
      await nginx.accepting({ host: '127.0.0.1', tcpPort })
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { ports, logs: () => wasmFpm.output(), restart, stop }
}

/** Of one pool. `more`: lines of it. */
export function phpFpmConfig(folder: string, socket: string, more: string): string {
  const user = SERVER_USER === undefined ? '' : `user = ${SERVER_USER}\ngroup = ${SERVER_USER}\n`
  return `[global]
error_log = ${folder}/php-error.log
daemonize = no
[www]
${user}listen = ${socket}
listen.mode = 0666
pm = static
${more}
`
}

/** php-fpm sees its own folders by a mount namespace, which goes with it. */
function phpFpmCommand(places: Places): [string, string[]] {
  const phpFpm = [findProgram(PHP_FPM) ?? PHP_FPM, '-F', '-y', 'php-fpm.conf']
  const binds = Object.entries(places).map(
    ([path, { 'php-fpm': own }]) => `mount --bind "${own}" "${path}" && `,
  )
  const [program = PHP_FPM, ...args] = phpFpm
  if (binds.length === 0) return [program, args]
  return ['unshare', ['--mount', 'sh', '-c', `${binds.join('')}exec ${phpFpm.join(' ')}`]]
}

function mountTables(places: Places): string {
  const tables = Object.entries(places).map(
    ([path, { 'wasm-fpm': own }]) =>
      `[[tenant.mounts]]\nhost = "${own}"\nguest = "${path}"\nwritable = true\n`,
  )
  return tables.join('')
}

/** As somebody does who goes from one to the other. */
function convertConfig(folder: string, root: string, socket: string): void {
  const pools = join(folder, 'pools.conf')
  const access = SERVER_USER === undefined ? '' : `listen.owner = ${SERVER_USER}\n`
  writeFileSync(
    pools,
    phpFpmConfig(folder, socket, TWO_CHILDREN).replace(/^listen.mode.*\n/m, access),
  )
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [...PROGRAM, ...args], { encoding: 'utf8' })
  const toml = run('convert', 'php-fpm', pools, '--root', root)
  run('runtime', 'add', 'php', PHP_RUNTIME, '--store', join(folder, 'store'))
  const here = toml.replace(/^error_log = .*$/m, 'store = "store"')
  writeFileSync(join(folder, 'wasm-fpm.toml'), here)
}

function wasmFpmConfig(
  root: string,
  socket: string,
  { tenant, isLikePhpFpm }: { readonly tenant: string; readonly isLikePhpFpm: boolean },
): string {
  const user = isLikePhpFpm && SERVER_USER !== undefined ? `user = "${SERVER_USER}"` : ''
  return `
${isLikePhpFpm ? 'store = "store"' : ''}
[[pool]]
name = "www"
listen = ["${socket}"]
${SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"`}
${user}
workers = 1
[[runtime]]
name = "php"
module = "${PHP_RUNTIME}"
extensions = [".php"]
index = "index.php"
[[tenant]]
name = "site"
hosts = ["*"]
root = "${root}"
runtimes = ["php"]
${tenant}`
}

interface NginxParts {
  readonly folder: string
  readonly root: string
  readonly locations: string
  readonly sockets: Readonly<Record<Side, string>>
  readonly ports: Readonly<Record<Side, number>>
}

function nginxConfig({ folder, root, locations, sockets, ports }: NginxParts): string {
  const server = (side: Side): string => `
  server {
    listen 127.0.0.1:${ports[side]};
    server_name site.example;
    root ${root};
    ${locations.replaceAll('BACKEND', `unix:${sockets[side]}`)}
  }`
  const http = `${server('php-fpm')}\n  ${server('wasm-fpm')}`
  return nginxFrame({ folder, user: SERVER_USER, http })
}
