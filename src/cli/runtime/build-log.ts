/** What a build's programs print, in a file; and which step is under way, for whoever waits. */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import { startWaiting } from '../progress.ts'

export class BuildLog {
  readonly path: string
  readonly #file: number
  readonly #clock: Clock
  readonly #startMs: number
  #waiting: { end(): void } | undefined

  /** Begins the file anew. Throws what the file system says. */
  constructor(path: string, clock: Clock) {
    this.path = path
    this.#clock = clock
    this.#startMs = clock.nowMs()
    this.#file = openSync(path, 'w', 0o644)
  }

  write(line: string): void {
    writeSync(this.#file, `${line}\n`)
  }

  /** Says on standard error what goes on from now. */
  step(text: string): void {
    this.#waiting?.end()
    const seconds = (this.#clock.nowMs() - this.#startMs) / 1000
    process.stderr.write(`${seconds.toFixed(0).padStart(4)} s  ${text}\n`)
    this.write(`== ${text}`)
    this.#waiting = startWaiting('working')
  }

  /** Takes away what moves on a terminal. Idempotent. */
  end(): void {
    this.#waiting?.end()
    this.#waiting = undefined
  }

  close(): void {
    this.end()
    closeSync(this.#file)
  }
}
