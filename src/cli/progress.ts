/** A progress bar on standard error: drawn on a terminal, nothing at all anywhere else. */
import { type Clock, systemClock } from '../base/clock.ts'
import { printBytes } from './quantity.ts'

/** What is under way. */
export interface Progress {
  /** `done`: bytes (or whatever `total` counts) so far. */
  update(done: number): void
  /** Takes the bar away. Idempotent. */
  end(): void
}

/** Where a bar is drawn. */
export interface ProgressScreen {
  readonly stream: {
    readonly isTTY?: boolean
    readonly columns?: number
    write(text: string): unknown
  }
  readonly clock: Clock
}

/** Least time between two drawings. */
const DRAW_MS = 80
const LABEL_CHARS = 10
const MOST_BAR_CHARS = 30
/** Label, percentage and the space between. */
const OTHER_CHARS = 24
const ERASE_LINE = '\r\x1b[K'
const NO_PROGRESS: Progress = { update: () => undefined, end: () => undefined }

/**
 * Starts a bar. `total`: what `update` goes up to; undefined: not known, then the bytes so far are shown. `end` must be
 * called before anything else is written to the terminal.
 */
export function startProgress(
  label: string,
  total?: number,
  { stream, clock }: ProgressScreen = { stream: process.stderr, clock: systemClock },
): Progress {
  if (stream.isTTY !== true) return NO_PROGRESS
  const width = Math.max(0, Math.min(MOST_BAR_CHARS, (stream.columns ?? 80) - OTHER_CHARS))
  const draw = (done: number): void => {
    stream.write(`${ERASE_LINE}${label.padEnd(LABEL_CHARS)} ${amount(done, total, width)}`)
  }
  let drawnMs = clock.nowMs()
  let isOver = false
  draw(0)
  return {
    update(done) {
      const nowMs = clock.nowMs()
      const isFull = total !== undefined && done >= total
      if (isOver || (nowMs - drawnMs < DRAW_MS && !isFull)) return
      drawnMs = nowMs
      draw(done)
    },
    end() {
      if (!isOver) stream.write(ERASE_LINE)
      isOver = true
    },
  }
}

function amount(done: number, total: number | undefined, width: number): string {
  if (total === undefined) return done === 0 ? '...' : `${printBytes(done)} ...`
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
  const full = Math.floor(share * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${Math.floor(share * 100)} %`
}
