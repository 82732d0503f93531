/** What the project promises about its speed, and what a run says about each promise. */
import type { Round, Row } from './measure.ts'
import { medianRatio } from './statistics.ts'

interface Goal {
  readonly text: string
  readonly peer: string
  readonly workloads: readonly string[]
  readonly figure: 'requestsPerSecond' | 'megabytesPerSecond' | 'p50Ms' | 'p99Ms' | 'cpuUs'
  /** `atLeast`: ours / theirs must reach it; `atMost`: must not pass it. */
  readonly atLeast?: number
  readonly atMost?: number
}

export interface GoalResult {
  readonly goal: string
  readonly verdict: 'met' | 'missed' | 'not measured'
  /** Ours over the peer's, the worst of the goal's workloads; null when not measured. */
  readonly ratio: number | null
  readonly wanted: string
  readonly perWorkload: Readonly<Record<string, number | null>>
}

const SUBJECT = 'wasm-fpm'
const KEPT = ['hello keep 1', 'hello keep 4', 'hello keep 16', 'hello keep 64']
const CLOSED = ['hello close 1', 'hello close 4', 'hello close 16', 'hello close 64']

const STREAMS = ['download', 'upload', 'copy'].flatMap((program) =>
  [1, 16].map((connections) => `${program} keep ${connections}`),
)

const GOALS: readonly Goal[] = [
  {
    text: 'processor time of a hello world, 16 kept connections: at most twice a bare echo in Node',
    peer: 'node-echo',
    workloads: ['hello keep 16'],
    figure: 'cpuUs',
    atMost: 2,
  },
  ...Object.entries({ 4: 1.15, 16: 1.35, 64: 1.5 }).map(
    ([connections, atLeast]): Goal => ({
      text: `hello world, ${connections} kept connections: at least ${atLeast}x php-fpm with opcache`,
      peer: 'php-fpm',
      workloads: [`hello keep ${connections}`],
      figure: 'requestsPerSecond',
      atLeast,
    }),
  ),
  {
    text: 'hello world, a connection each, 16 at once: no fewer than php-fpm with opcache',
    peer: 'php-fpm',
    workloads: ['hello close 16'],
    figure: 'requestsPerSecond',
    atLeast: 1,
  },
  {
    text: 'hello world, one kept connection: p50 at most 0.85x php-fpm',
    peer: 'php-fpm',
    workloads: ['hello keep 1'],
    figure: 'p50Ms',
    atMost: 0.85,
  },
  {
    text: 'hello world, 64 kept connections: p99 no worse than php-fpm',
    peer: 'php-fpm',
    workloads: ['hello keep 64'],
    figure: 'p99Ms',
    atMost: 1,
  },
  {
    text: 'hello world: at least 6x fcgiwrap, keep-alive on and off',
    peer: 'fcgiwrap',
    workloads: [...KEPT, ...CLOSED],
    figure: 'requestsPerSecond',
    atLeast: 6,
  },
  {
    text: '64 KiB sent back, 1 MiB responses and uploads: no fewer bytes a second than php-fpm',
    peer: 'php-fpm',
    workloads: STREAMS,
    figure: 'megabytesPerSecond',
    atLeast: 1,
  },
  {
    text: '1 MiB responses and uploads: at least 60 % of node-fastcgi in bytes a second',
    peer: 'node-fastcgi',
    workloads: ['download keep 1', 'download keep 16', 'upload keep 1', 'upload keep 16'],
    figure: 'megabytesPerSecond',
    atLeast: 0.6,
  },
]

/** Judges every goal by medians of per-round ratios; a goal holds only if each of its workloads does. */
export function judgeGoals(rows: readonly Row[]): GoalResult[] {
  return GOALS.map((goal) => judge(goal, rows))
}

/** Ours over the peer's, round by round, then the median; null unless both rows are valid. */
export function ratioTo(
  rows: readonly Row[],
  { workload, backend, peer }: { workload: string; backend: string; peer: string },
  figure: keyof Round,
): number | null {
  const find = (name: string) =>
    rows.find((row) => row.workload === workload && row.backend === name && row.valid)
  const [ours, theirs] = [find(backend), find(peer)]
  if (ours === undefined || theirs === undefined) return null
  return medianRatio(
    ours.rounds.map((round) => round[figure]),
    theirs.rounds.map((round) => round[figure]),
  )
}

function judge(goal: Goal, rows: readonly Row[]): GoalResult {
  const { peer, workloads, figure, atLeast, atMost } = goal
  const perWorkload = Object.fromEntries(
    workloads.map((workload) => [
      workload,
      ratioTo(rows, { workload, backend: SUBJECT, peer }, figure),
    ]),
  )
  const measured = Object.values(perWorkload).filter((ratio) => ratio !== null)
  const wanted = atMost === undefined ? `>= ${atLeast ?? 0}x` : `<= ${atMost}x`
  if (measured.length < workloads.length) {
    return { goal: goal.text, verdict: 'not measured', ratio: null, wanted, perWorkload }
  }
  const ratio = atMost === undefined ? Math.min(...measured) : Math.max(...measured)
  const isMet = atMost === undefined ? ratio >= (atLeast ?? 0) : ratio <= atMost
  return { goal: goal.text, verdict: isMet ? 'met' : 'missed', ratio, wanted, perWorkload }
}
