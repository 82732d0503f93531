/**
 * Where the time of a PHP page goes: one warm instance in this process, without FastCGI and sockets. Prints, for a request, its
 * processor time, what of it putting the instance back takes, the bytes that are put back, and host calls by name.
 *
 *     node bench/php/where.ts hello|application|dokuwiki [REQUESTS] [RUNTIME]
 *
 * Calls that may wait (path_open, fd_read, fd_write, flock) are not there: they cannot be wrapped. Looking at the clock around the
 * others takes some of what is shown of them.
 */
import { randomFillSync } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { bootModule, warmModule } from '../../src/guest/boot.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { DeviceDirectory } from '../../src/wasi/device-directory.ts'
import type { DirectoryNode } from '../../src/wasi/filesystem.ts'
import { openHostDirectory } from '../../src/wasi/host-directory.ts'
import { ImageCache } from '../../src/wasi/image-cache.ts'
import { ImageDirectory } from '../../src/wasi/image-directory.ts'
import { createScratchDirectory } from '../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../src/wasi/memory-quota.ts'
import { type Mounted, MountPlan } from '../../src/wasi/mount-tree.ts'
import { RememberedTree } from '../../src/wasi/remembered-directory.ts'
import { DEFAULT_WASI_LIMITS, type Preopen } from '../../src/wasi/session.ts'
import { built } from '../../test/support/built.ts'
import { CollectingSink, grants, job, MIB } from '../../test/support/guest.ts'
import { median } from '../http/statistics.ts'
import { formatTable } from '../http/table.ts'

const RUNTIME = built('build/runtimes/php.wasm')
const SITE = join(import.meta.dirname, 'site')
const WIKI = '/usr/share/dokuwiki'
const WAITING = ['path_open', 'fd_read', 'fd_write', 'fd_pwrite', 'fd_sync', 'fd_datasync']
const NOT_WRAPPED = new Set([...WAITING, 'flock', 'poll_oneoff', 'sched_yield'])
const ROUNDS = 9
const MOST = { cpuMs: 20_000, wallMs: 60_000 }

interface Page {
  readonly root: string
  readonly script: string
  readonly query: string
  /** Besides the root: folders that only are read, and those that are written to, copies. */
  readonly read: readonly string[]
  readonly write: readonly string[]
}

const PAGES: Readonly<Record<string, Page>> = {
  hello: { root: SITE, script: '/hello.php', query: '', read: [], write: [] },
  application: { root: SITE, script: '/app.php', query: '', read: [], write: [] },
  dokuwiki: {
    ...{ root: WIKI, script: '/doku.php', query: 'id=start' },
    read: ['/usr/share/php', '/etc/dokuwiki', '/var/lib/dokuwiki'],
    // As Debian's package has it: the rest of that folder is root's.
    write: ['/var/lib/dokuwiki/data', '/var/lib/dokuwiki/acl'],
  },
}

interface Told {
  count: number
  ms: number
}

const [name = 'hello', requests = '200', runtime = RUNTIME] = process.argv.slice(2)
const page = PAGES[name]
if (page === undefined) throw new Error(`Cannot measure ${name}: wanted ${Object.keys(PAGES)}`)
const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-where-'))
/** Of all requests, while somebody wants to know. */
let calls: Map<string, Told> | undefined
try {
  wrapCalls()
  await measure(page, Number(requests))
} finally {
  rmSync(folder, { recursive: true })
}

async function measure(page: Page, requests: number): Promise<void> {
  const tree = treeOf(page)
  const seen = new Set<string>()
  const env = envOf(page)
  const ask = async (instance: GuestInstance): Promise<number> => {
    const [stdout, stderr] = [new CollectingSink(), new CollectingSink()]
    const onFile = (path: string): void => void (path.endsWith('.php') && seen.add(`/${path}`))
    const given = { stdout, stderr, env, preopens: tree(), random: fill, onFile }
    const { outcome } = await runToEnd(instance, job({ grants: grants(given), ...MOST }))
    if (outcome.kind !== 'exited' || stdout.text === '') {
      throw new Error(`Cannot measure: ${JSON.stringify(outcome)} ${stdout.text.slice(0, 200)}`)
    }
    const before = performance.now()
    if (!instance.reset()) throw new Error('Cannot measure: the instance is not put back')
    return performance.now() - before
  }
  const engine = await boot()
  await ask(new GuestInstance(engine, systemClock))
  const files = [...seen].sort().join('\n')
  const warm = await warmModule(engine, {
    ...{ clock: systemClock, ...MOST },
    grants: {
      ...{ env: [...env, `WASM_FPM_WARM=${files}`], preopens: tree(), random: fill },
      limits: DEFAULT_WASI_LIMITS,
    },
  })
  const instance = new GuestInstance(warm, systemClock)
  const [cpuUs, resetUs]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage()
    let resetMs = 0
    for (let done = 0; done < requests; done += 1) resetMs += await ask(instance)
    const { user, system } = process.cpuUsage(before)
    cpuUs.push((user + system) / requests)
    resetUs.push((resetMs * 1000) / requests)
  }
  // Those that measure have to become fast first.
  for (let round = 0; round < 2; round += 1) {
    calls = new Map()
    for (let done = 0; done < requests; done += 1) await ask(instance)
  }
  tell(requests, { cpuUs: cpuUs.slice(-ROUNDS / 2), resetUs, ownBytes: instance.memoryBytes })
}

function tell(
  requests: number,
  told: { cpuUs: number[]; resetUs: number[]; ownBytes: number },
): void {
  const host = [...(calls ?? [])].sort(([, a], [, b]) => b.ms - a.ms)
  const rows = [
    ['', 'times', 'us'],
    ['all of it, processor time', '1', median(told.cpuUs).toFixed(0)],
    ['putting the instance back', '1', median(told.resetUs).toFixed(0)],
    ...host.map(([call, { count, ms }]) => [
      call,
      (count / requests).toFixed(0),
      ((ms * 1000) / requests).toFixed(1),
    ]),
  ]
  process.stdout.write(`${name}, load ${loadavg()[0]?.toFixed(1)}\n${formatTable(rows)}\n`)
  process.stdout.write(`memory of its own: ${(told.ownBytes / MIB).toFixed(2)} MiB\n`)
}

async function boot(): Promise<GuestModule> {
  const module = await new CompileCache().compile(new Uint8Array(readFileSync(runtime)), {
    ...{ name: 'php', contract: 'reactor', memoryMaxBytes: 256 * MIB, functionBytes: 7 * MIB },
  })
  const preopens = whole(
    ['/tmp', '/dev'],
    [createScratchDirectory(systemClock, DEFAULT_MEMORY_LIMITS), devices()],
  )
  return bootModule(module, {
    ...{ clock: systemClock, ...MOST },
    grants: { env: ['TMPDIR=/tmp'], preopens, random: fill, limits: DEFAULT_WASI_LIMITS },
  })
}

function treeOf({ root, read, write }: Page): () => Preopen[] {
  const images = new ImageCache()
  const copies = write.map((path) => {
    const copy = join(folder, path)
    cpSync(path, copy, { recursive: true, verbatimSymlinks: true })
    return copy
  })
  const believed = (open: () => DirectoryNode): Mounted =>
    new RememberedTree(
      () => {
        const directory = open()
        directory.retain()
        return directory
      },
      { clock: systemClock, lifeMs: 1000 },
    ).take
  const held: Mounted[] = [
    ...read.map((path) => {
      const directory = openHostDirectory(path, { writable: false })
      return believed(() => directory)
    }),
    ...copies.map((copy) => openHostDirectory(copy, { writable: true })),
  ]
  const script = believed(() => new ImageDirectory(root, images))
  const paths = [root, '/tmp', '/dev', ...read, ...write]
  return () =>
    whole(paths, [
      ...[script, createScratchDirectory(systemClock, DEFAULT_MEMORY_LIMITS), devices(), ...held],
    ])
}

function whole(paths: readonly string[], directories: Parameters<MountPlan['open']>[0]): Preopen[] {
  return [{ guestPath: '/', directory: new MountPlan(paths).open(directories), isWhole: true }]
}

function devices(): DeviceDirectory {
  return new DeviceDirectory(fill)
}

function fill(into: Uint8Array): void {
  randomFillSync(into)
}

function envOf({ root, script, query }: Page): string[] {
  return [
    ...['REQUEST_METHOD=GET', 'SERVER_PROTOCOL=HTTP/1.1', 'GATEWAY_INTERFACE=CGI/1.1'],
    ...[`SCRIPT_FILENAME=${root}${script}`, `SCRIPT_NAME=${script}`, `DOCUMENT_ROOT=${root}`],
    ...[`QUERY_STRING=${query}`, `REQUEST_URI=${script}?${query}`, 'HTTP_HOST=x'],
    ...['SERVER_NAME=x', 'SERVER_PORT=80', 'REMOTE_ADDR=127.0.0.1'],
    'PHP_VALUE=include_path=.:/usr/share/php\nsession.save_path=/tmp',
  ]
}

/** Every instance that is made from here on tells its calls. */
function wrapCalls(): void {
  const { Instance } = WebAssembly
  const wrap = (imports: WebAssembly.ModuleImports): WebAssembly.ModuleImports =>
    Object.fromEntries(
      Object.entries(imports).map(([call, made]) => [
        call,
        typeof made === 'function' && !NOT_WRAPPED.has(call) ? telling(call, made) : made,
      ]),
    )
  WebAssembly.Instance = new Proxy(Instance, {
    construct: (target, [module, imports = {}]: [WebAssembly.Module, WebAssembly.Imports?]) => {
      const all = { ...imports }
      for (const from of ['wasi_snapshot_preview1', 'wasm_fpm']) {
        if (all[from] !== undefined) all[from] = wrap(all[from])
      }
      return new target(module, all)
    },
  })
}

function telling(call: string, made: unknown): (...given: unknown[]) => unknown {
  const original = made as (...given: unknown[]) => unknown
  return (...given) => {
    if (calls === undefined) return original(...given)
    const before = performance.now()
    const answer = original(...given)
    const told = calls.get(call) ?? { count: 0, ms: 0 }
    told.count += 1
    told.ms += performance.now() - before
    calls.set(call, told)
    return answer
  }
}
