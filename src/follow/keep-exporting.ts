/** Exports a store whenever something has become live in it, until the process ends. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import { LiveWatch } from '../store/live-watch.ts'
import type { Exported } from './export-store.ts'

export interface KeepExportingOptions {
  /** The store's folder. */
  readonly store: string
  readonly clock: Clock
  readonly run: () => Promise<Exported>
  readonly onDone: (done: Exported) => void
  /** It is tried again. */
  readonly onError: (error: unknown) => void
  /** Ends it; undefined: nothing does. */
  readonly ending?: AbortSignal
}

/** Between two looks at the time of the folder of pointers, where nobody says that it has changed. */
const LOOK_MS = 100
/** A change within one tick of the file system's clock may not show: so it is done once more; so is what has failed. */
const AGAIN_MS = 1000
/** Whatever happens here: what servers have lost is brought back. */
const ANYWAY_MS = 60_000

export async function keepExporting(options: KeepExportingOptions): Promise<void> {
  const { store, clock, run, onDone, onError, ending } = options
  const live = join(store, 'live')
  let [stamp, isSure, ranMs] = ['', false, Number.NEGATIVE_INFINITY]
  let wake: (() => void) | undefined
  const watch = new LiveWatch(live, { clock }, { onChange: () => wake?.(), count: () => 0 })
  watch.start()
  while (ending?.aborted !== true) {
    const now = await stampOf(live)
    const ageMs = clock.nowMs() - ranMs
    if (now !== stamp || (!isSure && ageMs >= AGAIN_MS) || ageMs >= ANYWAY_MS) {
      isSure = now === stamp
      stamp = now
      try {
        onDone(await run())
      } catch (error) {
        isSure = false
        onError(error)
      }
      ranMs = clock.nowMs()
    }
    // What has changed while it ran was said to nobody.
    if ((await stampOf(live)) !== stamp) continue
    await new Promise<void>((resolve) => {
      const timer = clock.after(LOOK_MS, resolve)
      wake = () => {
        timer.cancel()
        resolve()
      }
    })
    wake = undefined
  }
  watch.stop()
}

function stampOf(folder: string): Promise<string> {
  return stat(folder).then(
    ({ ino, mtimeMs }) => `${ino}:${mtimeMs}`,
    (error: unknown) => systemCodeOf(error),
  )
}
