/** One run of the load generator, `wrk`, and its figures. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const SCRIPT = join(import.meta.dirname, 'wrk-report.lua')
const REQUEST_TIMEOUT_SECONDS = 5

export interface WrkLoad {
  readonly url: string
  readonly connections: number
  /** Whole seconds: wrk takes no fractions. */
  readonly seconds: number
  /** POST this many bytes with every request; 0 for GET. */
  readonly bodyBytes: number
}

/** What `wrk-report.lua` prints. */
export interface WrkFigures {
  readonly requests: number
  /** Bytes received, headers included. */
  readonly bytes: number
  readonly durationUs: number
  readonly p50Us: number
  readonly p99Us: number
  readonly maxUs: number
  /** Replies with a status over 399. */
  readonly badStatus: number
  readonly socketErrors: number
  readonly timeouts: number
}

/** Runs wrk with one thread, which is enough for more requests than nginx serves on these machines. */
export async function runWrk({
  url,
  connections,
  seconds,
  bodyBytes,
}: WrkLoad): Promise<WrkFigures> {
  const { stdout } = await promisify(execFile)('wrk', [
    '--threads=1',
    `--connections=${connections}`,
    `--duration=${seconds}s`,
    `--timeout=${REQUEST_TIMEOUT_SECONDS}s`,
    `--script=${SCRIPT}`,
    url,
    '--',
    ...(bodyBytes > 0 ? [String(bodyBytes)] : []),
  ])
  const line = stdout.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined)
    throw new Error(`Cannot read wrk's figures: ${stdout}, a line of JSON wanted`)
  return JSON.parse(line) as WrkFigures
}
