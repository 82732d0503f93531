/** One nginx, one application, and two that run it: uWSGI, or uvicorn for one of ASGI, and wasm-fpm with its Python runtime. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { havePythonRuntime, PYTHON_RUNTIME } from '../python-runtime.ts'
import { Child, freePort } from './child.ts'
import { nginxFrame } from './nginx-frame.ts'
import { serveFolder } from './serve-folder.ts'
import { findProgram, SERVER_USER } from './start-peer.ts'

const UWSGI = 'uwsgi-core'
const UWSGI_PLUGIN = '/usr/lib/uwsgi/plugins/python3_plugin.so'

/** Where Debian's packages of Python are. */
const DEBIAN_PACKAGES = '/usr/lib/python3/dist-packages'

const UVICORN = 'uvicorn'

/** Which server a side is. */
export type PythonSide = 'native' | 'wasm-fpm'

/** `uvicorn`: the application is one of ASGI. */
type Native = 'uwsgi' | 'uvicorn'

export interface PythonSides {
  /** Served on 127.0.0.1, each by one of them. */
  readonly ports: Readonly<Record<PythonSide, number>>
  /** A folder of each that its application may write to, named in `DATA`. */
  readonly data: Readonly<Record<PythonSide, string>>
  /** What each has logged so far. */
  logs(side: PythonSide): string
  stop(): Promise<void>
}

/** Whether all that it takes is there; `packages`: of Debian's. When it is not: in CI this throws, elsewhere it says so and answers false. */
export function havePythonSides(native: Native, ...packages: string[]): boolean {
  const [program, ...own] = native === 'uwsgi' ? [UWSGI, UWSGI_PLUGIN] : [UVICORN]
  const missing = ['nginx', program].filter((name) => findProgram(name) === undefined)
  const files = [...own, ...packages.map((name) => join(DEBIAN_PACKAGES, name))]
  missing.push(...files.filter((path) => !existsSync(path)))
  return havePythonRuntime(missing)
}

export interface PythonSidesOptions {
  /** `module:callable`. */
  readonly app: string
  /** Default: uWSGI. */
  readonly native?: Native
  /** More lines of the tenant's. */
  readonly tenant?: string
  /** Workers of each; default: 1. */
  readonly workers?: number
}

/** `root`: the folder of the application. */
export async function startPythonSides(
  root: string,
  { app, native = 'uwsgi', tenant = '', workers = 1 }: PythonSidesOptions,
): Promise<PythonSides> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-python-'))
  chmodSync(folder, 0o755)
  const sockets = { native: join(folder, 'native.sock'), 'wasm-fpm': join(folder, 'wasm.sock') }
  const data = { native: join(folder, 'native-data'), 'wasm-fpm': join(folder, 'wasm-data') }
  for (const path of Object.values(data)) {
    mkdirSync(path)
    chmodSync(path, 0o777)
  }
  const ports = { native: await freePort(), 'wasm-fpm': await freePort() }
  writeFileSync(join(folder, 'nginx.conf'), nginxConfig(folder, root, { native, sockets, ports }))
  writeFileSync(
    join(folder, 'wasm-fpm.toml'),
    wasmFpmConfig({
      root,
      socket: sockets['wasm-fpm'],
      data: data['wasm-fpm'],
      app,
      tenant,
      workers,
    }),
  )
  const own = { directory: folder }
  const children: Readonly<Record<PythonSide | 'nginx', Child>> = {
    native: new Child(
      ...commandOf(native, { app, root, socket: sockets.native, data: data.native, workers }),
      own,
    ),
    'wasm-fpm': serveFolder(folder),
    nginx: new Child(
      findProgram('nginx') ?? 'nginx',
      ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log'],
      own,
    ),
  }
  const stop = async (): Promise<void> => {
    for (const child of Object.values(children)) await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await children.native.accepting({ unix: sockets.native })
    await children['wasm-fpm'].accepting({ unix: sockets['wasm-fpm'] })
    for (const tcpPort of Object.values(ports))
      await children.nginx.accepting({ host: '127.0.0.1', tcpPort })
  } catch (error) {
    await stop()
    throw error
  }
  return { ports, data, logs: (side) => children[side].output(), stop }
}

/** What runs the application natively. */
function commandOf(
  native: Native,
  { app, root, socket, data, workers }: Omit<Served, 'tenant'>,
): [program: string, args: string[]] {
  if (native === 'uwsgi') {
    return [
      findProgram(UWSGI) ?? UWSGI,
      [
        ...['--plugin', 'python3', '--master', '--processes', String(workers), '--need-app'],
        ...['--fastcgi-socket', socket, '--chmod-socket=666', '--chdir', root],
        ...['--wsgi', app, '--env', `DATA=${data}`, '--die-on-term', '--disable-logging'],
      ],
    ]
  }
  const args = ['--uds', socket, '--app-dir', root, '--lifespan', 'on', '--no-access-log', app]
  return ['/usr/bin/env', [`DATA=${data}`, 'PYTHONDONTWRITEBYTECODE=1', UVICORN, ...args]]
}

interface Served extends Required<Omit<PythonSidesOptions, 'native'>> {
  readonly root: string
  readonly socket: string
  readonly data: string
}

function wasmFpmConfig({ root, socket, data, app, tenant, workers }: Served): string {
  return `
[[pool]]
name = "www"
listen = ["${socket}"]
${SERVER_USER === undefined ? '' : `listen_owner = "${SERVER_USER}"`}
workers = ${workers}
[[runtime]]
name = "python"
module = "${PYTHON_RUNTIME}"
extensions = [".py"]
[[tenant]]
name = "site"
hosts = ["*"]
root = "${root}"
runtimes = ["python"]
app = "${app}"
env = { DATA = "/data" }
${tenant}
[[tenant.mounts]]
host = "${DEBIAN_PACKAGES}"
guest = "${DEBIAN_PACKAGES}"
[[tenant.mounts]]
host = "${data}"
guest = "/data"
writable = true
`
}

interface NginxParts {
  readonly native: Native
  readonly sockets: Readonly<Record<PythonSide, string>>
  readonly ports: Readonly<Record<PythonSide, number>>
}

/** nginx's own parameters, and the path where WSGI looks for it: uWSGI takes SCRIPT_NAME for where the application is. */
function nginxConfig(folder: string, root: string, parts: NginxParts): string {
  const { native, sockets, ports } = parts
  const fastcgi = (side: PythonSide): string => `
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_NAME "";
      fastcgi_param PATH_INFO $document_uri;
      fastcgi_buffering off;
      fastcgi_pass unix:${sockets[side]};`
  const proxy = `
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_pass http://unix:${sockets.native}:;`
  const server = (side: PythonSide): string => `
  server {
    listen 127.0.0.1:${ports[side]};
    server_name site.example;
    client_max_body_size 64m;
    root ${root};
    location / {${side === 'native' && native === 'uvicorn' ? proxy : fastcgi(side)}
    }
  }`
  return nginxFrame({
    folder,
    user: SERVER_USER,
    http: `${server('native')}\n${server('wasm-fpm')}`,
  })
}
