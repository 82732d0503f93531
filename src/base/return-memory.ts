/**
 * Gives memory that is not needed any more back to the system at once: after something large has been read and most of it
 * thrown away, V8 keeps a heap of that size for minutes.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void

let collect: Collect | undefined

/** Stops everything for 10 ms, and as long again for every 3 MB of what is still needed. */
export function returnMemory(): void {
  collect ??= findCollector()
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}

/** What `--expose-gc` puts into every context that is made after it. */
function findCollector(): Collect {
  setFlagsFromString('--expose-gc')
  const found: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  return typeof found === 'function' ? (found as Collect) : () => undefined
}
