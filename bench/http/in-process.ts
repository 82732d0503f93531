/**
 * What a hello world costs from the bytes of its records to the bytes of its answer, without sockets, web server and kernel:
 * `node bench/http/in-process.ts [--turns N] [--against CHECKOUT]`. For changes to the code of a request, which are too small
 * for a load generator on the same machine to show. CHECKOUT: another version, measured in turns with this one.
 */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { RoundFigures } from './in-process-rounds.ts'
import { median } from './statistics.ts'
import { formatTable } from './table.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')
const ROUNDS = join(import.meta.dirname, 'in-process-rounds.ts')
/** As workers are started. */
const FLAGS = ['--max-semi-space-size=4', '--disable-warning=ExperimentalWarning']

const { values } = parseArgs({
  options: { turns: { type: 'string', default: '5' }, against: { type: 'string' } },
})
const checkouts = [CHECKOUT, ...(values.against === undefined ? [] : [values.against])]
const turns = checkouts.map((): RoundFigures[] => [])
for (let turn = 0; turn < Number(values.turns); turn += 1) {
  for (const [index, checkout] of checkouts.entries()) turns[index]?.push(measure(checkout))
}
const lines = checkouts.map((checkout, index) => [
  median(turns[index]?.map(({ us }) => us) ?? []).toFixed(1),
  median(turns[index]?.map(({ garbageBytes }) => garbageBytes) ?? []).toFixed(0),
  checkout,
])
process.stdout.write(`${formatTable([['us', 'bytes of garbage', 'of'], ...lines])}\n`)

/** A process of its own for each: what V8 has compiled for one version must not be the other's. */
function measure(checkout: string): RoundFigures {
  const text = execFileSync(process.execPath, [...FLAGS, ROUNDS, checkout], { encoding: 'utf8' })
  return JSON.parse(text) as RoundFigures
}
