/**
 * What hardening costs: each program of the suite, original against hardened, in one process, in turns, after both are
 * compiled by the optimising compiler. Then the speed of the rewriter itself.
 *
 * The hardened module is run the way a worker runs it, with a check that reads the clock and adapts the quota. A turn is a
 * few milliseconds long, so that some of many are not interrupted by whatever else the machine does: the ratio is of the
 * fastest turns, and the ratio of the medians stands next to it.
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { checkHelperModule } from '../../src/wasm/check-helper.ts'
import {
  CHECK_TABLE_EXPORT,
  HELPER_EXPORT,
  PLAIN_SLOT,
  QUOTA_EXPORT,
} from '../../src/wasm/contract.ts'
import { harden } from '../../src/wasm/harden-module.ts'
import { nextQuota } from '../../src/wasm/quota.ts'
import { bigModule } from './big-module.ts'
import { buildSuite } from './build.ts'

/** Measured and printed, but not one of the eight programs the targets are for. */
const EXTRA = 'dispatch'
const TARGET_MEAN = 1.15
const TARGET_WORST = 1.5
const TARGET_MB_PER_SECOND = 20
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 200)
const WARM_UP_ROUNDS = 80
/** Work for one round of each program: 1 to 3 ms. */
const WORK: Readonly<Record<string, number>> = {
  collatz: 20_000,
  dispatch: 1_000,
  fib: 30,
  interpreter: 1,
  json: 30,
  matrix: 1,
  regex: 4,
  sha256: 5,
  sieve: 1,
}

type Run = (work: number) => number

let checks = 0
let quota: WebAssembly.Global | undefined
let lastCheckMs = 0
const check = (): number => {
  checks++
  const now = performance.now()
  if (quota !== undefined) {
    const wanted = nextQuota(quota.value, now - lastCheckMs)
    if (wanted !== quota.value) quota.value = wanted
  }
  lastCheckMs = now
  return 0
}

function instantiate(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), {}).exports
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

/** Milliseconds of one run. */
function time(run: Run, work: number): number {
  const start = performance.now()
  lastCheckMs = start
  run(work)
  return performance.now() - start
}

function measure(path: string): { name: string; ratio: number; line: string } {
  const name = basename(path, '.wasm')
  const work = WORK[name] ?? 1
  const original = readFileSync(path)
  const hardened = harden(original, { memoryMaxBytes: 64 << 20, tableMaxElements: 10_000 })
  const plain = instantiate(original)['run'] as Run
  const exports = instantiate(hardened.bytes)
  const metered = exports['run'] as Run
  const helper = new WebAssembly.Module(checkHelperModule())
  const slot = new WebAssembly.Instance(helper, { wasm_fpm: { check } }).exports[HELPER_EXPORT]
  const table = exports[CHECK_TABLE_EXPORT] as WebAssembly.Table
  table.set(PLAIN_SLOT, slot)
  quota = exports[QUOTA_EXPORT] as WebAssembly.Global
  if (plain(work) !== metered(work)) throw new Error(`${name}: results differ`)
  for (let turn = 0; turn < WARM_UP_ROUNDS; turn++) {
    time(plain, work)
    time(metered, work)
  }
  const [before, after]: [number[], number[]] = [[], []]
  checks = 0
  for (let round = 0; round < ROUNDS; round++) {
    // In turns, and each first as often as the other.
    if (round % 2 === 0) before.push(time(plain, work))
    after.push(time(metered, work))
    if (round % 2 === 1) before.push(time(plain, work))
  }
  const ratio = Math.min(...after) / Math.min(...before)
  const interval = (after.reduce((a, b) => a + b) / Math.max(checks, 1)) * 1000
  const columns = [
    name.padEnd(12),
    `${Math.min(...before).toFixed(2)} ms`.padStart(10),
    `${Math.min(...after).toFixed(2)} ms`.padStart(10),
    `${ratio.toFixed(3)}x`.padStart(8),
    `${(median(after) / median(before)).toFixed(3)}x`.padStart(8),
    `${interval.toFixed(0)} us`.padStart(9),
    `${(hardened.bytes.length / original.length).toFixed(2)}x`.padStart(7),
  ]
  return { name, ratio, line: columns.join('  ') }
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`)

print('program        original   hardened    ratio   median  per check   size')
const results = buildSuite().map(measure)
for (const { line } of results) print(line)
const ratios = results.filter(({ name }) => name !== EXTRA).map(({ ratio }) => ratio)
const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
const worst = Math.max(...ratios)
print(
  `without ${EXTRA}: geometric mean ${mean.toFixed(3)}x (target ${TARGET_MEAN}), worst ${worst.toFixed(3)}x (target ${TARGET_WORST})`,
)

const big = bigModule(15 << 20)
// Processor time of this thread: it is long enough to be interrupted.
const times = [0, 1, 2, 3, 4].map(() => {
  const start = process.threadCpuUsage()
  harden(big, { memoryMaxBytes: 64 << 20, tableMaxElements: 10_000 })
  const { user, system } = process.threadCpuUsage(start)
  return (user + system) / 1000
})
const speed = big.length / 1e6 / (Math.min(...times) / 1000)
print(
  `rewriting ${(big.length / 1e6).toFixed(1)} MB: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms, ` +
    `${speed.toFixed(0)} MB/s (target ${TARGET_MB_PER_SECOND})`,
)
