/** Tables for people: columns as wide as their widest cell, no lines between them. */
import { harmless } from '../base/harmless.ts'

export interface Column {
  readonly title: string
  /** Numbers stand better to the right. Default left. */
  readonly align?: 'left' | 'right'
}

const GAP = '  '

/** Prints a table, its titles first; a line feed ends every line. Cells that are missing are empty. */
export function printTable(
  columns: readonly (Column | string)[],
  rows: readonly (readonly string[])[],
): string {
  const heads = columns.map(
    (column): Column => (typeof column === 'string' ? { title: column } : column),
  )
  const table = [heads.map(({ title }) => title), ...rows].map((row) =>
    heads.map((_, index) => harmless(row[index] ?? '')),
  )
  const widths = heads.map((_, index) => Math.max(...table.map((row) => width(row[index] ?? ''))))
  const lines = table.map((row) =>
    row
      .map((cell, index) => {
        const space = ' '.repeat((widths[index] ?? 0) - width(cell))
        return heads[index]?.align === 'right' ? space + cell : cell + space
      })
      .join(GAP)
      .trimEnd(),
  )
  return `${lines.join('\n')}\n`
}

/** Characters, not UTF-16 units. */
function width(text: string): number {
  return [...text].length
}
