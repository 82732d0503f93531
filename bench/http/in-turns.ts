/** Two servers behind one nginx, asked for the same page in turns: requests, latency, and processor time a request of all threads. */
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { treeCpuUs } from './cpu-time.ts'
import { median, medianRatio } from './statistics.ts'
import { formatTable } from './table.ts'
import { runWrk } from './wrk.ts'

/** Before it counts: until so many were answered, and at most so often the time for it. */
const [WARM_UP_REQUESTS, MAX_WARM_UPS] = [2000, 10]

interface Taken {
  readonly perSecond: readonly number[]
  readonly p50Ms: readonly number[]
  readonly p99Ms: readonly number[]
  /** Processor time of a request, of all its threads. */
  readonly cpuUs: readonly number[]
  /** Answers over 399. */
  readonly errors: readonly number[]
}

/** One of the two. */
export interface MeasuredSide {
  readonly name: string
  /** The process whose children it is, itself included. */
  readonly pid: number
  readonly url: string
}

interface InTurns {
  /** Ours, and the other one. */
  readonly sides: readonly [MeasuredSide, MeasuredSide]
  readonly connections: number
  readonly rounds: number
  readonly seconds: number
  /** Of requests before it counts: V8 is done with compiling what is used most. */
  readonly warmUpSeconds: number
  /** What of a body is another one in each answer; taken out before they are compared. */
  readonly volatile: RegExp
}

/** Throws when an answer of ours is over 399. */
async function measureInTurns(options: InTurns): Promise<{
  readonly taken: readonly [Taken, Taken]
  readonly isSame: boolean
}> {
  const { sides, connections, rounds, seconds, warmUpSeconds, volatile } = options
  const empty = () => ({
    perSecond: [] as number[],
    p50Ms: [] as number[],
    p99Ms: [] as number[],
    cpuUs: [] as number[],
    errors: [] as number[],
  })
  const taken = [empty(), empty()] as const
  const bodies: string[] = []
  const load = ({ url }: MeasuredSide, length: number) =>
    runWrk({ url, connections, seconds: length, bodyBytes: 0 })
  for (const side of sides) {
    // On a busy machine few are answered in that time.
    for (
      let [turn, answered] = [0, 0];
      turn < MAX_WARM_UPS && answered < WARM_UP_REQUESTS;
      turn += 1
    )
      answered += (await load(side, warmUpSeconds)).requests
    const response = await fetch(side.url)
    bodies.push(`${response.status} ${(await response.text()).replace(volatile, '')}`)
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, side] of sides.entries()) {
      const into = taken[index === 0 ? 0 : 1]
      const before = treeCpuUs(side.pid)
      const { requests, durationUs, p50Us, p99Us, badStatus } = await load(side, seconds)
      if (badStatus > 0 && index === 0) {
        throw new Error(`${side.url}: ${badStatus} answers over 399`)
      }
      into.errors.push(badStatus)
      into.cpuUs.push((treeCpuUs(side.pid) - before) / requests)
      into.perSecond.push((requests * 1e6) / durationUs)
      into.p50Ms.push(p50Us / 1000)
      into.p99Ms.push(p99Us / 1000)
    }
  }
  return { taken, isSame: bodies[0] === bodies[1] }
}

/** Of the command line. */
export interface TurnOptions
  extends Pick<InTurns, 'connections' | 'rounds' | 'seconds' | 'warmUpSeconds'> {
  /** Whether a page is wanted. */
  readonly isWanted: (name: string) => boolean
}

export function readTurnOptions(): TurnOptions {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      connections: { type: 'string', default: '4' },
      only: { type: 'string' },
    },
  })
  return {
    connections: Number(values.connections),
    rounds: Number(values.rounds ?? 3),
    seconds: Number(values.seconds ?? (values.quick ? 2 : 5)),
    warmUpSeconds: values.quick ? 5 : 20,
    isWanted: (name) => values.only?.split(',').includes(name) ?? true,
  }
}

export interface ComparedPage {
  readonly name: string
  /** Processor time of a request over the other's, at most. Default: it is only said. */
  readonly wanted?: number
  readonly sides: InTurns['sides']
}

/** Prints a table of all pages, and returns the exit code: 0 when all is as it is wanted. */
export async function compareInTurns(
  pages: readonly ComparedPage[],
  options: Omit<InTurns, 'sides'>,
): Promise<number> {
  const load = loadavg()[0]?.toFixed(1)
  const others = new Set(pages.map(({ sides }) => sides[1].name))
  const other = others.size === 1 ? [...others].join() : 'the other'
  const rows = [
    ['page', 'server', 'req/s', 'p50 ms', 'p99 ms', 'cpu us', `over ${other}`, 'wanted', ''],
  ]
  let isGood = true
  for (const { name, wanted, sides } of pages) {
    const { taken, isSame } = await measureInTurns({ ...options, sides })
    const ratio = medianRatio(taken[0].cpuUs, taken[1].cpuUs)
    const failed = taken[1].errors.reduce((sum, errors) => sum + errors, 0)
    const isMet = wanted === undefined || (failed === 0 && ratio <= wanted)
    isGood &&= isMet && isSame
    const verdict = wanted === undefined ? '' : isMet ? 'met' : 'MISSED'
    for (const [index, { perSecond, p50Ms, p99Ms, cpuUs }] of taken.entries()) {
      if (index === 1 && failed > 0) {
        rows.push([name, sides[1].name, '', '', '', '', '', '', `${failed} answers were errors`])
        continue
      }
      rows.push([
        ...[name, sides[index]?.name ?? '', median(perSecond).toFixed(0)],
        ...[median(p50Ms).toFixed(2), median(p99Ms).toFixed(2), median(cpuUs).toFixed(0)],
        ...(index === 0
          ? [
              failed > 0 ? '-' : `${ratio.toFixed(2)}x`,
              wanted === undefined ? '-' : `${wanted}x`,
              isSame ? verdict : 'ANOTHER BODY',
            ]
          : []),
      ])
    }
  }
  const { connections, rounds, seconds } = options
  process.stdout.write(
    `${formatTable(rows)}\n${connections} connections, ${rounds} rounds of ${seconds} s in turns, medians; load ${load} before\n`,
  )
  return isGood ? 0 : 1
}
