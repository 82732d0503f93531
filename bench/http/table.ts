/** Rows and goals as text for a terminal. */
import { type GoalResult, ratioTo } from './goals.ts'
import type { Row } from './measure.ts'

/** One line a backend and workload; `SUBJECT is 2.00x` says that the subject's rate is twice that line's. */
export function formatRows(rows: readonly Row[], subject: string): string {
  const lines = rows.map((row) => {
    const figures = row.median
    const isStream = figures !== null && figures.megabytesPerSecond > 0
    const ratio = ratioTo(
      rows,
      { workload: row.workload, backend: subject, peer: row.backend },
      'requestsPerSecond',
    )
    return [
      row.workload,
      row.backend,
      figures === null ? '-' : figures.requestsPerSecond.toFixed(0),
      figures === null ? '-' : figures.p50Ms.toFixed(2),
      figures === null ? '-' : figures.p99Ms.toFixed(2),
      figures === null ? '-' : figures.cpuUs.toFixed(1),
      isStream ? figures.megabytesPerSecond.toFixed(0) : '-',
      ratio === null ? '-' : `${ratio.toFixed(2)}x`,
      row.valid ? '' : `INVALID: ${row.reason ?? ''}`,
    ]
  })
  const head = [
    'workload',
    'backend',
    'req/s',
    'p50 ms',
    'p99 ms',
    'cpu us',
    'MB/s',
    `${subject} is`,
    '',
  ]
  return formatTable([head, ...lines])
}

/** One line a goal: verdict, ratio found, ratio wanted. */
export function formatGoals(goals: readonly GoalResult[]): string {
  return formatTable(
    goals.map(({ verdict, ratio, wanted, goal, perWorkload }) => [
      verdict === 'met' ? 'met' : verdict.toUpperCase(),
      ratio === null ? '-' : `${ratio.toFixed(2)}x`,
      wanted,
      goal,
      Object.entries(perWorkload)
        .map(([workload, value]) => `${workload}: ${value === null ? '-' : value.toFixed(2)}`)
        .join(', '),
    ]),
  )
}

/** Cells padded to columns, one line a row. */
export function formatTable(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  )
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
