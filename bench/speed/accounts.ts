/**
 * Whether the accounts of `/metrics` are those of the system, over a minute of load: processor time of workers and of tenants, and bytes.
 *
 *     node bench/speed/accounts.ts [--seconds 60]
 *
 * Two tenants are asked without a pause: one whose requests take long, one whose requests are over soon. What the system says is getrusage's of
 * each worker, by way of /proc/PID/stat, and of its main thread, in which guests run. Fails where the workers' account is 1 % off.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../../test/support/peers/child.ts'
import { ownCpuUs } from '../http/cpu-time.ts'
import { FastCgiLine } from './fastcgi-line.ts'
import { spinModule } from './guest-module.ts'
import { onStage } from './stage.ts'
import { startWasmServer } from './wasm-server.ts'

const GOAL_OFF = 0.01
const CLIENTS = 2
const WARM_UP_MS = 2000
/** Turns of a loop in each request. */
const TENANTS = { long: 100_000_000, short: 50_000 }

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } })
const seconds = Number(values.seconds)
const say = (text: string): void => void process.stdout.write(`${text}\n`)

interface Accounts {
  /** As the system has them, of all workers: of their processes, and of their main threads. In milliseconds. */
  readonly processMs: number
  readonly threadMs: number
  /** As `/metrics` has them. */
  readonly workersMs: number
  readonly guestsMs: number
  readonly tenantsMs: Readonly<Record<string, number>>
  readonly requests: Readonly<Record<string, number>>
}

await onStage('accounts', async ({ folder, servers }) => {
  const port = await freePort()
  const names = Object.keys(TENANTS)
  const rootOf = (name: string): string => join(folder, name)
  for (const [name, turns] of Object.entries(TENANTS)) {
    mkdirSync(rootOf(name))
    writeFileSync(join(rootOf(name), 'spin.wasm'), spinModule(turns))
  }
  const wasm = await startWasmServer({
    ...{ folder, workers: 2, mainKeys: ['[metrics]', `listen = "127.0.0.1:${port}"`] },
    tenants: names.map((name) => ({ name, root: rootOf(name), keys: ['access_log = "off"'] })),
  })
  servers.push(wasm.server)
  const workers = wasm.pids().filter((pid) => pid !== wasm.server.pid)
  let isOver = false
  const clients = names.flatMap((tenant) =>
    Array.from({ length: CLIENTS }, async () => {
      const line = await FastCgiLine.open(wasm.socket)
      const [root, script] = [rootOf(tenant), join(rootOf(tenant), 'spin.wasm')]
      while (!isOver) await line.send({ tenant, root, script }).ended
      line.close()
    }),
  )
  await delay(WARM_UP_MS)
  const before = await accounts(port, workers, names)
  await delay(seconds * 1000)
  const after = await accounts(port, workers, names)
  isOver = true
  await Promise.all(clients)
  report(before, after)
})

async function accounts(
  port: number,
  workers: readonly number[],
  names: readonly string[],
): Promise<Accounts> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const sum = (series: string): number =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`wasm_fpm_${series}`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
  const byTenant = (series: string, unit: number): Record<string, number> =>
    Object.fromEntries(names.map((name) => [name, unit * sum(`${series}{tenant="${name}"}`)]))
  return {
    processMs: workers.reduce((total, pid) => total + ownCpuUs(pid) / 1000, 0),
    threadMs: workers.reduce((total, pid) => total + mainThreadMs(pid), 0),
    workersMs: 1000 * sum('worker_cpu_seconds_total'),
    guestsMs: 1000 * guestsOf(text),
    tenantsMs: byTenant('cpu_seconds_total', 1000),
    requests: byTenant('requests_total', 1),
  }
}

function guestsOf(text: string): number {
  const all = text.matchAll(/^wasm_fpm_worker_cpu_seconds_total\{.*kind="guests"\} (\S+)$/gm)
  return [...all].reduce((total, [, value]) => total + Number(value), 0)
}

function mainThreadMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
}

function report(before: Accounts, after: Accounts): void {
  const since = (name: 'processMs' | 'threadMs' | 'workersMs' | 'guestsMs'): number =>
    after[name] - before[name]
  const [processMs, workersMs] = [since('processMs'), since('workersMs')]
  const off = workersMs / processMs - 1
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
  say(`workers: ${workersMs.toFixed(0)} ms of ${processMs.toFixed(0)} (getrusage): ${percent(off)}`)
  let tenantsMs = 0
  for (const name of Object.keys(TENANTS)) {
    const usedMs = (after.tenantsMs[name] ?? 0) - (before.tenantsMs[name] ?? 0)
    const requests = (after.requests[name] ?? 0) - (before.requests[name] ?? 0)
    tenantsMs += usedMs
    say(
      `${name}: ${usedMs.toFixed(0)} ms for ${requests} requests, ${(usedMs / requests).toFixed(3)} each`,
    )
  }
  say(`tenants together, of what is told as guests: ${percent(tenantsMs / since('guestsMs'))}`)
  say(`tenants together, of the workers' main threads: ${percent(tenantsMs / since('threadMs'))}`)
  if (Math.abs(off) > GOAL_OFF) process.exitCode = 1
}
