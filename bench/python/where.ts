/**
 * Where the time of a page of Python goes: one warm instance for each runtime in this process, without FastCGI and sockets, in turns. Prints, for a
 * request, processor time of this thread in microseconds (the tenth least of the rounds), and how much memory it writes to.
 *
 *     node bench/python/where.ts hello|flask-text|flask-json|flask-page|fib|json|regex|nbody [REQUESTS] [RUNTIME...]
 *
 * The last four compute, and the machine's Python does the same beside them, without any request.
 */
import { execFileSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import { loadLibc } from '../../src/base/libc.ts'
import { bootModule, variablesOfImport, warmModule } from '../../src/guest/boot.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { DeviceDirectory } from '../../src/wasi/device-directory.ts'
import { openHostDirectory } from '../../src/wasi/host-directory.ts'
import { createScratchDirectory } from '../../src/wasi/memory-directory.ts'
import { DEFAULT_MEMORY_LIMITS } from '../../src/wasi/memory-quota.ts'
import { MountPlan } from '../../src/wasi/mount-tree.ts'
import { DEFAULT_WASI_LIMITS, type Preopen } from '../../src/wasi/session.ts'
import { built } from '../../test/support/built.ts'
import { CollectingSink, grants, job, MIB } from '../../test/support/guest.ts'
import { formatTable } from '../http/table.ts'

const SITE = join(import.meta.dirname, 'site')
const PYTHON = '/usr/bin/python3.11'
const PACKAGES = '/usr/lib/python3/dist-packages'
const ROUNDS = 20
/** Until most of what they run is optimized. */
const WARM_REQUESTS = 2000
const MOST = { cpuMs: 60_000, wallMs: 120_000 }

interface Round {
  readonly cpuUs: number
  readonly resetUs: number
}

const [name = 'hello', count = '50', ...given] = process.argv.slice(2)
const runtimes = given.length === 0 ? [built('build/runtimes/python.wasm')] : given
const isComputed = ['fib', 'json', 'regex', 'nbody'].includes(name)
const callable = isComputed ? 'compute:application' : 'pages:app'
const app = { name: name === 'hello' ? 'hello:application' : callable, root: SITE }
const folders = [SITE, PACKAGES].map((path) => openHostDirectory(path, { writable: false }))
const env = [
  ...['REQUEST_METHOD=GET', 'SERVER_PROTOCOL=HTTP/1.1', 'GATEWAY_INTERFACE=CGI/1.1'],
  ...[`PATH_INFO=/${name}`, 'SCRIPT_NAME=', 'QUERY_STRING=', `REQUEST_URI=/${name}`],
  ...['HTTP_HOST=x', 'SERVER_NAME=x', 'SERVER_PORT=80', 'REMOTE_ADDR=127.0.0.1'],
]

const instances: GuestInstance[] = []
for (const runtime of runtimes) instances.push(await load(runtime))
for (const instance of instances) await askOn(instance, WARM_REQUESTS)
const rounds = instances.map((): Round[] => [])
const natives: number[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [index, instance] of instances.entries()) {
    rounds[index]?.push(await askOn(instance, Number(count)))
  }
  if (isComputed) natives.push(computeNatively())
}
const rows = instances.map((instance, index) => [
  runtimes[index] ?? '',
  least(rounds[index]?.map(({ cpuUs }) => cpuUs) ?? []),
  least(rounds[index]?.map(({ resetUs }) => resetUs) ?? []),
  (instance.memoryBytes / MIB).toFixed(2),
])
if (isComputed) rows.push([PYTHON, least(natives), '', ''])
const table = formatTable([['', 'all of it', 'putting it back', 'MiB of its own'], ...rows])
process.stdout.write(`${name}, load ${loadavg()[0]?.toFixed(1)}\n${table}\n`)

async function load(runtime: string): Promise<GuestInstance> {
  const module = await new CompileCache().compile(new Uint8Array(readFileSync(resolve(runtime))), {
    ...{ name: 'python', contract: 'reactor', memoryMaxBytes: 256 * MIB, functionBytes: 7 * MIB },
  })
  const run = (env: string[]) => ({
    ...MOST,
    grants: { env, preopens: tree(), random: fill, limits: DEFAULT_WASI_LIMITS },
  })
  const engine = await bootModule(module, { clock: systemClock, ...run(['TMPDIR=/tmp']) })
  const variables = Object.entries({ ...variablesOfImport(app), PWD: SITE })
  const warm = await warmModule(engine, {
    ...{ clock: systemClock, application: app, requests: [{ name: `GET /${name}`, ...run(env) }] },
    ...run(variables.map(([variable, value]) => `${variable}=${value}`)),
  })
  return new GuestInstance(warm, systemClock)
}

async function askOn(instance: GuestInstance, count: number): Promise<Round> {
  const beforeUs = threadUs()
  let resetUs = 0
  for (let done = 0; done < count; done += 1) {
    const [stdout, stderr] = [new CollectingSink(), new CollectingSink()]
    const given = grants({ stdout, stderr, env, preopens: tree(), random: fill })
    const { outcome } = await runToEnd(instance, job({ grants: given, ...MOST }))
    if (outcome.kind !== 'exited' || stdout.text === '' || stderr.text !== '')
      throw new Error(`Cannot measure: ${JSON.stringify(outcome)} ${stderr.text.slice(0, 200)}`)
    const ranUs = threadUs()
    if (!instance.reset()) throw new Error('Cannot measure: the instance is not put back')
    resetUs += threadUs() - ranUs
  }
  return { cpuUs: (threadUs() - beforeUs) / count, resetUs: resetUs / count }
}

function computeNatively(): number {
  const args = [join(SITE, 'compute.py'), name, count]
  return Number(execFileSync(PYTHON, args, { encoding: 'utf8' }))
}

/** What `process.threadCpuUsage` says is as old as the system's last tick. */
function threadUs(): number {
  return (loadLibc()?.threadCpuMs() ?? Number.NaN) * 1000
}

function tree(): Preopen[] {
  for (const folder of folders) folder.retain()
  const scratch = createScratchDirectory(systemClock, DEFAULT_MEMORY_LIMITS)
  const directory = new MountPlan([SITE, PACKAGES, '/tmp', '/dev']).open([
    ...[...folders, scratch, new DeviceDirectory(fill)],
  ])
  return [{ guestPath: '/', directory, isWhole: true }]
}

function fill(into: Uint8Array): void {
  randomFillSync(into)
}

function least(figures: number[]): string {
  return (figures.sort((a, b) => a - b)[Math.floor(figures.length / 10)] ?? 0).toFixed(0)
}
