/**
 * How looks at whole paths have ended, for all guests of one tree together, where everything on the way is believed: then it is known
 * without a walk, however the path goes. A look is believed no longer than the shortest-lived of what it has come over.
 */
import type { Clock, Timer } from '../base/clock.ts'
import { Errno } from './errno.ts'
import type { Look, Looks } from './filesystem.ts'
import type { Resolved } from './resolved.ts'

/** Most paths of one tree, and characters of each. */
export const MOST_LOOKS = 4_096
const MOST_LOOK_CHARS = 256

export class LookMemory implements Looks {
  /** By path: links in last place are followed, or not. */
  readonly #followed = new Map<string, Look>()
  readonly #stopped = new Map<string, Look>()
  /** Nothing is kept when nobody asks any more. */
  #timer: Timer | undefined

  get(path: string, follows: boolean, nowMs: number): Look | undefined {
    const look = (follows ? this.#followed : this.#stopped).get(path)
    return look !== undefined && nowMs < look.untilMs ? look : undefined
  }

  keep(path: string, follows: boolean, look: Look, clock: Clock): void {
    if (path.length > MOST_LOOK_CHARS) return
    if (this.#followed.size + this.#stopped.size >= MOST_LOOKS) this.#clear()
    const looks = follows ? this.#followed : this.#stopped
    looks.set(path, look)
    this.#timer ??= clock.after(Math.max(0, look.untilMs - clock.nowMs()), () => this.#clear())
  }

  #clear(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#followed.clear()
    this.#stopped.clear()
  }
}

/** A path leads to nothing. */
export function nothingAt(untilMs: number): Look {
  return { untilMs, found: Errno.NOENT, isDirectory: false, isReadOnly: false }
}

/** What a look at a path has found that was resolved. A number: an errno but those of `Look`, which is soon another one. */
export function lookAt({ node, isMistakenForDirectory }: Resolved, untilMs: number): Look | number {
  if (node === undefined) return nothingAt(untilMs)
  const isDirectory = node.kind === 'directory'
  const isReadOnly = node.kind !== 'symlink' && node.isReadOnly === true
  const look = { untilMs, isDirectory, isReadOnly }
  if (isMistakenForDirectory) return { ...look, found: Errno.NOTDIR }
  const found = node.stat()
  return typeof found === 'number' ? found : { ...look, found }
}
