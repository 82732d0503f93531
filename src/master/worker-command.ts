/**
 * How a worker process is started: which program, which user, and what Node's permission model leaves it: its tenants'
 * folders, its sockets, no child processes, no threads, no addons, nothing to write but what its tenants may.
 */
import { lstatSync, realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { standardStreamOf } from '../base/log-streams.ts'
import { permissionFlags, programFolders } from '../base/permission-flags.ts'
import { systemAuthorities } from '../base/system-authorities.ts'
import { VERSION_ARGUMENT } from '../base/version.ts'
import type { Config, OutboundConfig } from '../config/config.ts'
import { LEDGER_FD } from '../ipc/messages.ts'
import type { Account } from './account.ts'
import type { ChildCommand } from './spawn-child.ts'

/** Files and folders a worker may use. */
export interface Grants {
  readonly read: readonly string[]
  readonly write: readonly string[]
}

/** The file itself, in whatever form this program runs: `main.ts` in a checkout, `main.js` in the package. */
const ENTRY = fileURLToPath(
  new URL(`../worker/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** What Node itself and the limit on connections look at. Not all of /proc/self: `root` in there is everything. */
const KERNEL_FILES = ['/proc/self/limits', '/proc/self/fd', '/proc/self/fdinfo']

/** By which a worker says in its lease on releases who it is. */
const OWNER_FILES = ['/proc/self/stat', '/proc/self/ns/pid', '/proc/sys/kernel/random/boot_id']

/** Longer lists are made shorter by granting folders above: arguments of a process are limited. */
const MAX_GRANTS = 256

/** Descriptor of the first inherited socket in a worker: after the standard three, the channel and the ledger. */
export const FIRST_SOCKET_FD: number = LEDGER_FD + 1

export interface WorkerDescriptors {
  /** Shared memory; undefined: each worker has its own. */
  readonly ledger: number | undefined
  /** Sockets. */
  readonly fds: readonly number[]
  /** Where the worker's log lines go. */
  readonly errorOutput: 'inherit' | 'pipe'
}

export function workerCommand(
  { read, write }: Grants,
  account: Account | undefined,
  { ledger, fds, errorOutput }: WorkerDescriptors,
): ChildCommand {
  return {
    program: process.execPath,
    args: [
      '--disable-warning=ExperimentalWarning',
      // They say that --allow-ffi and --allow-worker are there.
      '--disable-warning=PERM0003',
      '--disable-warning=PERM0006',
      ...engineFlags(),
      '--permission',
      '--allow-net',
      // Snapshots map memory (`guest/`): the one thing Node's own modules cannot do.
      '--allow-ffi',
      '--allow-worker', // hardening large modules
      ...permissionFlags('read', [...programFolders(), ...KERNEL_FILES, ...read]),
      ...permissionFlags('write', write),
      ENTRY,
      VERSION_ARGUMENT,
    ],
    options: {
      // Standard output may be a tenant's log.
      stdio: ['ignore', 'inherit', errorOutput, 'ipc', ledger ?? 'ignore', ...fds],
      serialization: 'json',
      cwd: '/',
      env: workerEnvironment(process.env),
      // Also drops all other groups (setgroups).
      ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    },
  }
}

/** Nothing is inherited but what says which web servers may connect, the time zone, and colours on a terminal. */
export function workerEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    // glibc's arenas for other threads (V8's) keep what they once had: 20 MB of a worker.
    MALLOC_ARENA_MAX: '1',
    // What V8 frees of many instances at once is joined piece by piece, and not by whoever wants memory next: 3 ms and more.
    GLIBC_TUNABLES: 'glibc.malloc.mxfast=0',
  }
  for (const name of ['FCGI_WEB_SERVER_ADDRS', 'TZ', 'TERM', 'NO_COLOR', 'FORCE_COLOR']) {
    if (own[name] !== undefined) env[name] = own[name]
  }
  return env
}

/** What the tenants of `config` need. Lists are sorted, so that equal needs make equal lists. */
export function grantsOf({ runtimes, tenants, store }: Config): Grants {
  const read = new Set<string>()
  const write = new Set<string>()
  if (store !== undefined) {
    for (const path of [store, ...OWNER_FILES]) read.add(path)
    write.add(join(store, 'leases'))
  }
  for (const { module } of runtimes) for (const path of withTarget(module)) read.add(path)
  for (const tenant of tenants) {
    const { root, mounts, outbound, accessLog, slowlog, signers, sessionFolder } = tenant
    for (const signer of signers) if (isAbsolute(signer)) read.add(signer)
    if (sessionFolder !== undefined) write.add(sessionFolder) // the store is read
    for (const entry of outbound) for (const path of filesOf(entry)) read.add(path)
    if (root !== undefined) for (const folder of withTarget(root)) read.add(folder)
    for (const { host, writable } of mounts) {
      for (const folder of withTarget(host)) {
        read.add(folder)
        if (writable) write.add(folder)
      }
    }
    for (const file of [accessLog.kind === 'file' ? accessLog.path : undefined, slowlog]) {
      if (file !== undefined && standardStreamOf(file) === undefined) write.add(file)
    }
  }
  return { read: shorten([...read], MAX_GRANTS), write: shorten([...write], MAX_GRANTS) }
}

/** The kernel looks a socket up, not Node. */
function filesOf(entry: OutboundConfig): string[] {
  if (entry.kind !== 'host' || entry.protocol !== 'tls') return []
  const authorities = entry.ca ?? systemAuthorities()
  return authorities === undefined ? [] : withTarget(authorities)
}

/**
 * A root that is a link (`current -> releases/7`) is switched to another release without a reload: the folder in which the
 * releases lie is granted.
 */
function withTarget(folder: string): string[] {
  try {
    const target = realpathSync(folder)
    if (target === folder) return [folder]
    return lstatSync(folder).isSymbolicLink() ? [folder, dirname(target)] : [folder, target]
  } catch {
    return [folder] // not there yet
  }
}

/** At most `max` paths that cover all of `paths`: the deepest ones give way to their folders. */
export function shorten(paths: readonly string[], max: number): string[] {
  let kept = [...new Set(paths)].sort()
  while (kept.length > max) {
    const deepest = Math.max(...kept.map(depth))
    kept = [...new Set(kept.map((path) => (depth(path) === deepest ? dirname(path) : path)))].sort()
  }
  return kept
}

function depth(path: string): number {
  return path === '/' ? 0 : path.split('/').length
}

/** More than all memories that fit into the addresses of a process. */
const MOST_HEAP_MIB = 64 * 1024 * 1024

/** How V8 collects garbage in a worker, and with how many threads. */
function engineFlags(): string[] {
  // V8's threads beside the one that answers collect and compile. Each takes a processor for milliseconds from whoever answers, the
  // web server or the worker itself; four, Node's own number, are for machines that have them.
  const helpers = Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2)))
  return [
    `--v8-pool-size=${helpers}`,
    // Else V8 collects everything for every few hundred Wasm memories or megabytes of buffers.
    '--external-memory-accounted-in-global-limit',
    // Of all heaps and memories together twice as much is the most, of which V8 counts 256 MiB for an instance of PHP that has written to two: from
    // there on it collects everything again and again, without end.
    `--max-old-space-size=${MOST_HEAP_MIB}`,
    // A larger nursery costs a busy worker 45 MB, longer pauses, and saves nothing.
    '--max-semi-space-size=4',
    // Its tasks want processors that others use: the worker then waits until they have had theirs.
    '--no-parallel-scavenge',
  ]
}
