/** Web servers in front of several machines: as operators set them up, and nothing beyond. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Child, freePort } from '../peers/child.ts'
import { nginxFrame } from '../peers/nginx-frame.ts'
import { findProgram, SERVER_USER } from '../peers/start-peer.ts'
import type { Machine } from './machine.ts'

export type WebServerKind = 'nginx' | 'nginx, keep-alive' | 'haproxy'

export const WEB_SERVERS: readonly WebServerKind[] = ['nginx', 'nginx, keep-alive', 'haproxy']

/** How long a machine that refused connections is left alone by nginx, in milliseconds. */
export const LEFT_ALONE_MS = 1000

export interface WebServer {
  readonly port: number
  logs(): string
  stop(): Promise<void>
}

/** The program that `kind` needs. */
export function programOf(kind: WebServerKind): 'haproxy' | 'nginx' {
  return kind === 'haproxy' ? 'haproxy' : 'nginx'
}

export async function startWebServer(
  kind: WebServerKind,
  machines: readonly Machine[],
): Promise<WebServer> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-web-'))
  chmodSync(folder, 0o777)
  const port = await freePort()
  const program = programOf(kind)
  const [file, text, args] =
    kind === 'haproxy'
      ? ['haproxy.cfg', haproxyText(machines, port), ['-db', '-f', 'haproxy.cfg']]
      : [
          'nginx.conf',
          nginxText(machines, { port, folder, keepsConnections: kind !== 'nginx' }),
          ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'],
        ]
  writeFileSync(join(folder, file), text)
  const child = new Child(findProgram(program) ?? program, args, { directory: folder })
  await child.accepting({ host: '127.0.0.1', tcpPort: port })
  return {
    port,
    logs: () => child.output(),
    stop: async () => {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface NginxOptions {
  readonly port: number
  readonly folder: string
  readonly keepsConnections: boolean
}

function nginxText(
  machines: readonly Machine[],
  { port, folder, keepsConnections }: NginxOptions,
): string {
  const servers = machines.map(
    ({ host, port: at }) =>
      `server ${host}:${at} max_fails=3 fail_timeout=${LEFT_ALONE_MS / 1000}s;`,
  )
  const http = `keepalive_requests 1000000;
  upstream wasm {
    ${servers.join('\n    ')}
    ${keepsConnections ? 'keepalive 16;' : ''}
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      fastcgi_pass wasm;
      fastcgi_keep_conn ${keepsConnections ? 'on' : 'off'};
      fastcgi_param SCRIPT_NAME $fastcgi_script_name;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
    }
  }`
  return nginxFrame({ folder, user: SERVER_USER, http })
}

function haproxyText(machines: readonly Machine[], port: number): string {
  const servers = machines.map(
    ({ host, port: at }, index) =>
      `server machine${index} ${host}:${at} proto fcgi check inter 200ms fall 2 rise 1`,
  )
  return `global
  maxconn 512
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout check 20s
  retries 3
  option redispatch 1
frontend web
  bind 127.0.0.1:${port}
  default_backend wasm
backend wasm
  use-fcgi-app wasm
  option httpchk
  http-check connect proto fcgi
  http-check send meth GET uri /hello.wasm ver HTTP/1.1 hdr host site.example
  ${servers.join('\n  ')}
fcgi-app wasm
  docroot /srv
`
}
