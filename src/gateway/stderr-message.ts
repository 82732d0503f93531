/**
 * Lines of standard error that say one thing together: a traceback is one entry of the log. Those of one write do, and of the next
 * writes those that go on with what has begun: set in, or what a traceback ends with.
 */
import { tellsFailure } from '../base/last-words.ts'

/** Of one message; what is longer goes on in another one. Less than a line of the log has by default (`log_limit`). */
export const MAX_MESSAGE_BYTES = 6 * 1024

/** The reason of these is on the first line below that is not set in. */
const REASON_BELOW = /^(?:Traceback \(most recent call last\)|thread '.*' .*panicked at .*:$)/

/** How languages go on below what has gone wrong: Java, PHP, Rust, Go. */
const GOES_ON = /^(?:\s|Caused by: |Stack trace:|#[0-9]+ |note: run with |goroutine [0-9]+ )/
/** Go's names of functions are not set in, and the lines of their places are. */
const FUNCTION = /^(?:[\w./*()]+\(.*\)$|created by )/

/** Of those between two lines. */
const MOST_EMPTY_LINES = 2

export class StderrMessage {
  readonly #lines: string[] = []
  #bytes = 0
  #awaitsReason = false
  /** Empty lines that count if there is more. */
  #emptyLines = 0

  get isEmpty(): boolean {
    return this.#lines.length === 0
  }

  /** Whether a line goes on with it. `isSameWrite`: it was written together with the line before. */
  takes(line: string, isSameWrite: boolean): boolean {
    if (this.isEmpty) return true
    if (this.#bytes + line.length > MAX_MESSAGE_BYTES) return false
    // Two exceptions have a line between them, with an empty one on each side.
    if (line === '' || isSameWrite) return true
    if (GOES_ON.test(line) || this.#awaitsReason) return true
    return (this.#emptyLines > 0 || FUNCTION.test(line)) && this.isFailure
  }

  add(line: string): void {
    if (line === '') {
      if (!this.isEmpty) this.#emptyLines = Math.min(this.#emptyLines + 1, MOST_EMPTY_LINES)
      return
    }
    for (; this.#emptyLines > 0; this.#emptyLines -= 1) this.#lines.push('')
    this.#lines.push(line)
    this.#bytes += line.length + 1
    if (REASON_BELOW.test(line)) this.#awaitsReason = true
    else if (!/^\s/.test(line)) this.#awaitsReason = false
  }

  /** Whether the line that says why is still to come. */
  get isUnfinished(): boolean {
    return this.#awaitsReason
  }

  /** Whether a program has failed. */
  get isFailure(): boolean {
    return this.#lines.some(tellsFailure)
  }

  /** Lines with nothing behind the last one. */
  get text(): string {
    return this.#lines.join('\n')
  }
}
