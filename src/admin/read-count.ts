/** A whole number in the query of a request. */
import { AdminError } from './errors.ts'

/** Longest value that a message repeats. */
const MAX_SHOWN = 60

export interface CountRange {
  readonly least: number
  readonly most: number
  /** What it is when it is left out. */
  readonly usual: number
}

/** A whole number of the query. Throws ADMIN_BAD_REQUEST. */
export function readCount(
  parameter: string,
  text: string | undefined,
  { least, most, usual }: CountRange,
): number {
  const count = text === undefined ? usual : /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (count >= least && count <= most) return count
  throw new AdminError(
    'ADMIN_BAD_REQUEST',
    `Cannot read parameter ${parameter}: it is ${JSON.stringify(text?.slice(0, MAX_SHOWN))}, wanted a whole number from ${least} to ${most}`,
    { details: { parameter } },
  )
}
