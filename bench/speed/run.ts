/** What the sandbox costs: `node bench/run.ts speed [--quick] [--only NAME,...]`. See bench/README.md. */
import { parseArgs } from 'node:util'
import { machineFacts } from '../http/machine.ts'
import { writeResults } from '../results.ts'
import { busyWorker } from './busy-worker.ts'
import { componentFirstRequest } from './component-first-request.ts'
import { fairness } from './fairness.ts'
import { type Figure, formatFigures, type Measurement, verdictOf } from './figure.ts'
import { firstRequest } from './first-request.ts'
import { lifetimes } from './lifetimes.ts'
import { manyTenants } from './many-tenants.ts'
import { publishing } from './publish.ts'
import { reset } from './reset.ts'
import { waiting } from './waiting.ts'

const MEASUREMENTS: readonly Measurement[] = [
  reset,
  lifetimes,
  firstRequest,
  componentFirstRequest,
  manyTenants,
  waiting,
  fairness,
  busyWorker,
  publishing,
]
const USAGE = `usage: node bench/run.ts speed [--quick] [--only ${MEASUREMENTS.map(({ name }) => name).join(',')}]`

const settings = readSettings(process.argv.slice(2))
if (settings === undefined) process.exitCode = 2
else process.exitCode = await run(settings)

/** Returns the exit code: 0 when everything was measured, whether or not the goals are met. */
async function run({ measurements, isQuick }: Settings): Promise<number> {
  const machine = machineFacts()
  let isComplete = true
  for (const { name, measure } of measurements) {
    print(`-- ${name}`)
    const found = await measure({ isQuick, print }).catch((error: unknown): readonly Figure[] => [
      { name, value: null, unit: '', note: String(error) },
    ])
    print(formatFigures(found))
    const figures = found.map((figure) => ({ ...figure, verdict: verdictOf(figure) }))
    if (figures.some(({ verdict }) => verdict === 'not measured')) isComplete = false
    print(`${writeResults({ [`speed ${name}`]: { machine, isQuick, figures } })}\n`)
  }
  return isComplete ? 0 : 1
}

interface Settings {
  readonly measurements: readonly Measurement[]
  readonly isQuick: boolean
}

function readSettings(args: string[]): Settings | undefined {
  try {
    const { values } = parseArgs({
      args,
      options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
    })
    const wanted = values.only?.split(',')
    const unknown = wanted?.find((name) => !MEASUREMENTS.some((one) => one.name === name))
    if (unknown !== undefined) throw new Error(`Cannot measure ${unknown}: no such measurement`)
    return {
      isQuick: values.quick,
      measurements: MEASUREMENTS.filter(({ name }) => wanted?.includes(name) ?? true),
    }
  } catch (error) {
    print(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
    return undefined
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
