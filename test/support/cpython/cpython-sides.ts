/** Two that run CPython's own tests, module by module: the machine's Python, and wasm-fpm. */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultCache } from '../../../src/cli/runtime/cache-folder.ts'
import { KeptClient } from '../fastcgi/kept-client.ts'
import { serveFolder } from '../peers/serve-folder.ts'
import { SERVER_USER } from '../peers/start-peer.ts'
import { PYTHON_RUNTIME } from '../python-runtime.ts'

/** Of the version that the runtime has. */
const PYTHON = '/usr/bin/python3.11'
const SUITE = join(import.meta.dirname, 'suite.py')
/** Of a module, on either side. */
const TIMEOUT_MS = 300_000
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** By the names of its tests: `pass`, `skip: REASON` or `fail: WHAT`. */
type Verdicts = Readonly<Record<string, string>>

export interface ModuleResult {
  readonly module: string
  /** Whether the machine's Python passes it, without threads, processes and connections; if not it does not count. */
  readonly isCounted: boolean
  /** Tests that the machine's Python passes. */
  readonly tests: number
  /** Those that wasm-fpm does not pass, and what it says. What is skipped there has not failed, unless all of the module is. */
  readonly failed: Verdicts
}

export interface CpythonSides {
  readonly modules: readonly string[]
  /** Of a module, on both sides. */
  resultOf(module: string): Promise<ModuleResult>
  logs(): string
  stop(): Promise<void>
}

/** `Lib` of the sources that the runtime was built from; undefined: it is not there. */
function sourcesOfLibrary(): string | undefined {
  const cache = join(defaultCache(), 'python')
  const builds = existsSync(cache) ? readdirSync(cache) : []
  return builds
    .map((build) => join(cache, build, 'source/python3.11/Lib'))
    .find((folder) => existsSync(join(folder, 'test/support')))
}

/** What of all that it takes is not there. */
export function missingForCpython(): readonly string[] {
  return [
    ...(existsSync(PYTHON) ? [] : [PYTHON]),
    ...(sourcesOfLibrary() === undefined
      ? ["CPython's sources, which `make runtimes` unpacks"]
      : []),
  ]
}

export async function startCpythonSides(): Promise<CpythonSides> {
  const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-cpython-'))
  chmodSync(folder, 0o755)
  const root = join(folder, 'root')
  mkdirSync(root)
  const library = join(folder, 'library')
  cpSync(sourcesOfLibrary() ?? '', library, { recursive: true })
  renameSync(join(library, 'test'), join(root, 'test'))
  mkdirSync(join(folder, 'etc'))
  copyFileSync('/etc/group', join(folder, 'etc/group'))
  copyFileSync(SUITE, join(root, 'suite.py'))
  const socket = join(folder, 'wasm.sock')
  writeFileSync(join(folder, 'wasm-fpm.toml'), configText(folder, socket))
  const child = serveFolder(folder)
  const stop = async (): Promise<void> => {
    await child.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await child.accepting({ unix: socket })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    modules: readdirSync(join(root, 'test'))
      .filter((name) => /^test_\w+(?:\.py)?$/.test(name))
      .map((name) => name.replace(/\.py$/, ''))
      .toSorted(),
    resultOf: async (module) => {
      const native = await runNative(root, module)
      if (!isPassed(native)) return { module, isCounted: false, tests: 0, failed: {} }
      return { module, isCounted: true, ...compare(native, await ask(socket, module)) }
    },
    logs: () => child.output(),
    stop,
  }
}

/** One at least has passed, and none has failed. */
function isPassed(verdicts: Verdicts): boolean {
  const all = Object.values(verdicts)
  return all.includes('pass') && !all.some((verdict) => verdict.startsWith('fail'))
}

function compare(native: Verdicts, own: Verdicts): Pick<ModuleResult, 'tests' | 'failed'> {
  const passed = Object.keys(native).filter((name) => native[name] === 'pass')
  const isSkipped = !Object.values(own).includes('pass')
  const failed = Object.entries(own).filter(
    ([, verdict]) => isSkipped || verdict.startsWith('fail'),
  )
  return { tests: passed.length, failed: Object.fromEntries(failed) }
}

function runNative(root: string, module: string): Promise<Verdicts> {
  const options = { cwd: root, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES }
  return new Promise((resolve) => {
    execFile(PYTHON, ['suite.py', module], options, (error, stdout) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? ''
      if (error === null && last.startsWith('{')) resolve(JSON.parse(last))
      else resolve({ [module]: `fail: ${String(error?.message)}` })
    })
  })
}

async function ask(socket: string, module: string): Promise<Verdicts> {
  const client = new KeptClient(socket, false)
  const params = {
    ...{ GATEWAY_INTERFACE: 'CGI/1.1', SERVER_PROTOCOL: 'HTTP/1.1', REQUEST_METHOD: 'GET' },
    ...{ SCRIPT_NAME: '', PATH_INFO: `/${module}`, REQUEST_URI: `/${module}`, QUERY_STRING: '' },
  }
  const { ending, body } = await client.ask(
    { params: Object.entries(params), body: new Uint8Array() },
    TIMEOUT_MS,
  )
  client.close()
  if (ending === 'complete' && body.startsWith('{')) return JSON.parse(body)
  return { [module]: `fail: ${ending}: ${body.slice(0, 200)}` }
}

function configText(folder: string, socket: string): string {
  const user = SERVER_USER === undefined ? '' : `user = "${SERVER_USER}"`
  return `
store = "store"
[[pool]]
name = "www"
listen = ["${socket}"]
${user}
workers = 1
[[runtime]]
name = "python"
module = "${PYTHON_RUNTIME}"
extensions = [".py"]
boot_timeout = "60s"
[[tenant]]
name = "tests"
hosts = ["*"]
root = "${join(folder, 'root')}"
chdir = "/tmp"
runtimes = ["python"]
app = "suite:application"
revalidate = "1h"
access_log = "off"
queue = { timeout = "60s" }
[[tenant.mounts]]
guest = "/usr/lib/python3.11"
host = "${join(folder, 'library')}"
[[tenant.mounts]]
guest = "/etc"
host = "${join(folder, 'etc')}"
[tenant.limits]
cpu = "120s"
wall = "${TIMEOUT_MS / 1000}s"
tmp = "256MiB"
tmp_files = 10000
tmp_depth = 64
open_files = 256
`
}
