/** One measured figure, with the goal it is held to, and how it is printed. */
import { formatTable } from '../http/table.ts'

export interface Figure {
  readonly name: string
  /** null: it could not be measured; `note` says why. */
  readonly value: number | null
  readonly unit: 'µs' | 'ms' | 'MiB' | 'x' | 'req/s' | 'KiB' | 's' | '%' | ''
  /** Absent where a figure only explains another one. */
  readonly goal?: { readonly atMost: number } | { readonly atLeast: number }
  readonly note?: string
}

export type Verdict = 'met' | 'missed' | 'not measured' | 'no goal'

/** Measures what its file says. Progress and tables of its own go to `print`. */
export interface Measurement {
  readonly name: string
  measure(options: MeasureOptions): Promise<readonly Figure[]>
}

export interface MeasureOptions {
  /** Fewer repetitions. */
  readonly isQuick: boolean
  readonly print: (line: string) => void
}

export function verdictOf({ value, goal }: Figure): Verdict {
  if (value === null || Number.isNaN(value)) return 'not measured'
  if (goal === undefined) return 'no goal'
  const isMet = 'atMost' in goal ? value <= goal.atMost : value >= goal.atLeast
  return isMet ? 'met' : 'missed'
}

/** One line a figure: verdict, value, goal, name, note. */
export function formatFigures(figures: readonly Figure[]): string {
  return formatTable(
    figures.map((figure) => {
      const { value, unit, goal, name, note = '' } = figure
      const verdict = verdictOf(figure)
      const wanted =
        goal === undefined ? '' : 'atMost' in goal ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`
      return [
        verdict === 'no goal' ? '' : verdict === 'met' ? 'met' : verdict.toUpperCase(),
        value === null ? '-' : `${digits(value)} ${unit}`.trim(),
        wanted === '' ? '' : `${wanted} ${unit}`.trim(),
        name,
        note,
      ]
    }),
  )
}

function digits(value: number): string {
  return value.toFixed(Math.abs(value) < 100 ? 2 : 0)
}
