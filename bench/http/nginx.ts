/** The one nginx in front of every backend: two locations a backend and program, `keep` and `close`. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { CONNECTION_MODES, type ConnectionMode, PROGRAMS, type RunningBackend } from './backend.ts'
import { findProgram, type Server, startServer } from './process.ts'

export interface NginxOptions {
  readonly folder: string
  readonly workers: number
  /** Idle connections each nginx worker keeps to each backend. */
  readonly keepalive: number
  readonly backends: ReadonlyMap<string, RunningBackend>
  /** Further lines of the `server` block. */
  readonly locations?: readonly string[]
}

export interface Nginx {
  readonly server: Server
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly origin: string
}

/** The path under which nginx serves a program of a backend. */
export function locationOf(backend: string, mode: ConnectionMode, program: string): string {
  return `/${backend}/${mode}/${program}`
}

/** Starts nginx on a free loopback port and waits until it accepts. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const program = findProgram('nginx')
  if (program === undefined) throw new Error('Cannot start nginx: it is not installed')
  const address = `127.0.0.1:${await freePort()}`
  const configFile = join(options.folder, 'nginx.conf')
  writeFileSync(configFile, configText(options, address))
  const server = startServer({
    name: 'nginx',
    command: program,
    args: ['-p', options.folder, '-c', configFile, '-e', join(options.folder, 'nginx-error.log')],
    logFile: join(options.folder, 'nginx.log'),
  })
  await server.ready(address)
  return { server, origin: `http://${address}` }
}

function configText(options: NginxOptions, address: string) {
  const { folder, workers, keepalive, backends, locations: further = [] } = options
  const entries = [...backends]
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
worker_processes ${workers};
pid ${folder}/nginx.pid;
error_log ${folder}/nginx-error.log warn;
events { worker_connections 2048; }
http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${folder}/nginx-${kind};`).join('\n  ')}
  default_type text/plain;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  # Streams go through memory only: no temporary files on either way.
  fastcgi_request_buffering off;
  fastcgi_buffer_size 64k;
  fastcgi_buffers 16 64k;
  fastcgi_max_temp_file_size 0;
  client_body_buffer_size 64k;
  ${entries.flatMap(([name, backend]) => CONNECTION_MODES.map((mode) => upstream(name, mode, backend, keepalive))).join('\n  ')}
  server {
    listen ${address} backlog=1024;
    server_name localhost;
    ${[...entries.flatMap(([name, backend]) => CONNECTION_MODES.flatMap((mode) => locations(name, mode, backend))), ...further].join('\n    ')}
  }
}
`
}

function upstream(
  name: string,
  mode: ConnectionMode,
  backend: RunningBackend,
  keepalive: number,
): string {
  const keep = isKept(mode, backend)
    ? ` keepalive ${keepalive}; keepalive_requests 1000000000;`
    : ''
  return `upstream ${name}-${mode} { server unix:${backend.sockets[mode]};${keep} }`
}

function isKept(mode: ConnectionMode, { canKeepConnections }: RunningBackend): boolean {
  return mode === 'keep' && canKeepConnections
}

function locations(name: string, mode: ConnectionMode, backend: RunningBackend): string[] {
  return PROGRAMS.map((program) => {
    const path = locationOf(name, mode, program)
    const lines = paramLines({
      SCRIPT_NAME: path,
      ...scriptParams(backend.scripts[program]),
      ...backend.params,
    })
    const keepConn = isKept(mode, backend) ? 'on' : 'off'
    return `location = ${path} { fastcgi_pass ${name}-${mode}; fastcgi_keep_conn ${keepConn}; ${lines} }`
  })
}

/** What names a script to a FastCGI server: its path may hold nginx's variables, its folder's must not. */
export function scriptParams(script: string): Readonly<Record<string, string>> {
  return {
    SCRIPT_FILENAME: script,
    DOCUMENT_ROOT: script.slice(0, script.lastIndexOf('/')) || '/',
  }
}

/** The `fastcgi_param` directives every location has, and further ones. */
export function paramLines(further: Readonly<Record<string, string>>): string {
  const params: Readonly<Record<string, string>> = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: 'nginx/$nginx_version',
    QUERY_STRING: '$query_string',
    REQUEST_METHOD: '$request_method',
    CONTENT_TYPE: '$content_type',
    CONTENT_LENGTH: '$content_length',
    REQUEST_URI: '$request_uri',
    DOCUMENT_URI: '$document_uri',
    SERVER_PROTOCOL: '$server_protocol',
    REQUEST_SCHEME: '$scheme',
    REMOTE_ADDR: '$remote_addr',
    REMOTE_PORT: '$remote_port',
    SERVER_ADDR: '$server_addr',
    SERVER_PORT: '$server_port',
    SERVER_NAME: '$server_name',
    REDIRECT_STATUS: '200',
    ...further,
  }
  return Object.entries(params)
    .map(([key, value]) => `fastcgi_param ${key} ${value};`)
    .join(' ')
}

/** A loopback port nobody listens on at the moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
