/** When a worker that has ended is replaced, as a function of what happened to its pool so far. */

export interface RestartLimits {
  /** Crashes within `intervalMs` that make all workers of the pool new (`emergency_restart_threshold`); 0: never. */
  readonly threshold: number
  readonly intervalMs: number
}

/** What a pool remembers about its workers' ends. */
export interface RestartHistory {
  /** Workers in a row that were not ready for `STEADY_MS` before they crashed. */
  readonly streak: number
  /** When workers crashed, oldest first; as many as the threshold asks for. */
  readonly crashesMs: readonly number[]
}

export interface WorkerEnd {
  readonly nowMs: number
  /** How long it was ready to serve; 0: never. */
  readonly servedMs: number
  /** False: it ended because it was told to. */
  readonly isCrash: boolean
}

export interface RestartDecision {
  readonly history: RestartHistory
  /** How long to wait before the replacement is started. */
  readonly delayMs: number
  /** Whether the pool's other workers are replaced, too. */
  readonly isEmergency: boolean
}

/** A worker that served for this long was not broken from the start. */
const STEADY_MS = 1000

const FIRST_DELAY_MS = 100
const MAX_DELAY_MS = 30_000

export const NO_HISTORY: RestartHistory = { streak: 0, crashesMs: [] }

/** The first replacement comes at once; workers that crash one after the other wait twice as long each time. */
export function decideRestart(
  history: RestartHistory,
  { nowMs, servedMs, isCrash }: WorkerEnd,
  { threshold, intervalMs }: RestartLimits,
): RestartDecision {
  if (!isCrash) return { history, delayMs: 0, isEmergency: false }
  const streak = servedMs >= STEADY_MS ? 0 : history.streak + 1
  const delayMs = streak <= 1 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** (streak - 2), MAX_DELAY_MS)
  if (threshold === 0) return { history: { streak, crashesMs: [] }, delayMs, isEmergency: false }
  const recent = [...history.crashesMs, nowMs].filter((crashMs) => nowMs - crashMs <= intervalMs)
  const isEmergency = recent.length >= threshold
  return { history: { streak, crashesMs: isEmergency ? [] : recent }, delayMs, isEmergency }
}
