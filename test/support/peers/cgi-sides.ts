/** One nginx, CGI scripts of a language, and two that run them: fcgiwrap with the machine's own interpreter, and wasm-fpm with its runtime. */
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { haveRuntime, runtimePath } from '../have-runtime.ts'
import { Child, freePort } from './child.ts'
import { nginxFrame } from './nginx-frame.ts'
import { serveFolder } from './serve-folder.ts'
import { findProgram, SERVER_USER } from './start-peer.ts'

const FCGIWRAP = 'fcgiwrap'

export type CgiSide = 'fcgiwrap' | 'wasm-fpm'

export interface CgiLanguage {
  /** Of the runtime. */
  readonly name: string
  /** What scripts of it begin with, after `#!/usr/bin/env`. */
  readonly program: string
  readonly extension: string
  /** More lines of the tenant's. */
  readonly tenant?: string
}

export interface CgiSides {
  /** Served on 127.0.0.1, each by one of them. */
  readonly ports: Readonly<Record<CgiSide, number>>
  /** What each has logged so far. */
  logs(side: CgiSide): string
  stop(): Promise<void>
}

/** Whether all that it takes is there. When it is not: in CI this throws, elsewhere it says so and answers false. */
export function haveCgiSides({ name, program }: CgiLanguage): boolean {
  const missing = ['nginx', FCGIWRAP, program].filter((one) => findProgram(one) === undefined)
  return haveRuntime(name, runtimePath(name), missing)
}

/** `scripts`: the folder with them. */
export async function startCgiSides(scripts: string, language: CgiLanguage): Promise<CgiSides> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-cgi-'))
  chmodSync(folder, 0o755)
  const root = join(folder, 'www')
  cpSync(scripts, root, { recursive: true })
  const sockets = { fcgiwrap: join(folder, 'cgi.sock'), 'wasm-fpm': join(folder, 'wasm.sock') }
  const ports = { fcgiwrap: await freePort(), 'wasm-fpm': await freePort() }
  const server = (side: CgiSide): string => `
  server {
    listen 127.0.0.1:${ports[side]};
    server_name site.example;
    root ${root};
    location ~ ^(/[^/]+)(/.*)?$ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_NAME $1;
      fastcgi_param SCRIPT_FILENAME ${root}$1;
      fastcgi_param PATH_INFO $2;
      fastcgi_pass unix:${sockets[side]};
    }
  }`
  const http = `${server('fcgiwrap')}\n${server('wasm-fpm')}`
  writeFileSync(join(folder, 'nginx.conf'), nginxFrame({ folder, user: SERVER_USER, http }))
  writeFileSync(join(folder, 'wasm-fpm.toml'), wasmFpmConfig(root, sockets['wasm-fpm'], language))
  const own = { directory: folder }
  const start = (name: string, ...args: string[]): Child =>
    new Child(findProgram(name) ?? name, args, own)
  const children: Readonly<Record<CgiSide | 'nginx', Child>> = {
    fcgiwrap: start(FCGIWRAP, '-s', `unix:${sockets.fcgiwrap}`),
    'wasm-fpm': serveFolder(folder),
    nginx: start('nginx', '-p', folder, '-c', 'nginx.conf', '-e', 'error.log'),
  }
  const stop = async (): Promise<void> => {
    for (const child of Object.values(children)) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    for (const side of ['fcgiwrap', 'wasm-fpm'] as const)
      await children[side].accepting({ unix: sockets[side] })
    chmodSync(sockets.fcgiwrap, 0o666)
    for (const tcpPort of Object.values(ports))
      await children.nginx.accepting({ host: '127.0.0.1', tcpPort })
  } catch (error) {
    await stop()
    throw error
  }
  return { ports, logs: (side) => children[side].output(), stop }
}

function wasmFpmConfig(root: string, socket: string, language: CgiLanguage): string {
  const { name, extension, tenant = '' } = language
  return `
[[pool]]
name = "www"
listen = ["${socket}"]
${SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"`}
workers = 1
[[runtime]]
name = "${name}"
module = "${runtimePath(name)}"
extensions = ["${extension}"]
sessions = "off"
[[tenant]]
name = "site"
hosts = ["*"]
root = "${root}"
runtimes = ["${name}"]
${tenant}
`
}
