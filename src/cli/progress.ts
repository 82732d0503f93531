/** A progress bar on standard error: drawn on a terminal, nothing at all anywhere else. */
import { type Clock, systemClock, type Timer } from '../base/clock.ts'
import { printBytes } from '../base/quantity.ts'

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
/** Label, percentage or time, and the space between. */
const OTHER_CHARS = 24
/** What goes to and fro in a bar that knows no percentage: one part of it in so many, a place further each time. */
const BLOCK_PART = 5
const PLACE_MS = 100
const ERASE_LINE = '\r\x1b[K'
const NO_PROGRESS: Progress = { update: () => undefined, end: () => undefined }
const OWN_SCREEN: ProgressScreen = { stream: process.stderr, clock: systemClock }

/**
 * Starts a bar. `total`: what `update` goes up to; undefined: not known, then the bytes so far are shown. `end` must be
 * called before anything else is written to the terminal.
 */
export function startProgress(
  label: string,
  total?: number,
  { stream, clock }: ProgressScreen = OWN_SCREEN,
): Progress {
  if (stream.isTTY !== true) return NO_PROGRESS
  const width = widthOf(stream)
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

/** Shows that something goes on that cannot say how far it is, and for how long. As for `end`, see `startProgress`. */
export function startWaiting(
  label: string,
  { stream, clock }: ProgressScreen = OWN_SCREEN,
): Pick<Progress, 'end'> {
  if (stream.isTTY !== true) return NO_PROGRESS
  const width = widthOf(stream)
  const startMs = clock.nowMs()
  let timer: Timer | undefined
  const draw = (): void => {
    const ms = clock.nowMs() - startMs
    stream.write(
      `${ERASE_LINE}${label.padEnd(LABEL_CHARS)} [${moving(ms, width)}] ${(ms / 1000).toFixed(1)} s`,
    )
    timer = clock.after(PLACE_MS, draw)
  }
  draw()
  return {
    end() {
      if (timer !== undefined) stream.write(ERASE_LINE)
      timer?.cancel()
      timer = undefined
    },
  }
}

function widthOf({ columns }: ProgressScreen['stream']): number {
  return Math.max(0, Math.min(MOST_BAR_CHARS, (columns ?? 80) - OTHER_CHARS))
}

function moving(ms: number, width: number): string {
  const block = Math.floor(width / BLOCK_PART)
  const free = width - block
  const place = free === 0 ? 0 : Math.floor(ms / PLACE_MS) % (2 * free)
  const before = place > free ? 2 * free - place : place
  return `${'.'.repeat(before)}${'#'.repeat(block)}${'.'.repeat(free - before)}`
}

function amount(done: number, total: number | undefined, width: number): string {
  if (total === undefined) return done === 0 ? '...' : `${printBytes(done)} ...`
  const share = total <= 0 ? 1 : Math.min(1, Math.max(0, done / total))
  const full = Math.floor(share * width)
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ${Math.floor(share * 100)} %`
}
