/** The logs of one process: each is opened once, all share one bounded memory, and the end of the process waits a moment for them. */
import type { Clock } from './clock.ts'
import { loadLibc } from './libc.ts'
import { isPoolWriting, openLogPort, streamPort } from './log-port.ts'
import { LogMemory, LogSink, type LogSinkOptions } from './log-sink.ts'
import { type StandardStream, standardStreamOf } from './log-streams.ts'
import type { Logger } from './logger.ts'

/** How long the end of a process waits for its logs, and how often it tries. */
const LAST_LINES_MS = 500
const LAST_TRY_MS = 10

export class LogSinks {
  /** What they may keep, and what they have dropped. */
  readonly memory: LogMemory
  /** Receives what goes wrong with a log. Set when there is one. */
  logger: Pick<Logger, 'warn' | 'error'> | undefined
  readonly #clock: Clock
  readonly #sinks = new Map<string, LogSink>()

  constructor(clock: Clock, memoryBytes: number) {
    this.#clock = clock
    this.memory = new LogMemory(memoryBytes)
  }

  /** Whatever ends the process, but a signal that nobody catches, writes what can be written at once. Called once. */
  writeAtExit(): void {
    process.on('exit', this.#lastWords)
  }

  /** A standard stream of this process. */
  stream(fd: StandardStream): LogSink {
    const name = fd === 2 ? 'standard error' : 'standard output'
    return this.#sink(name, () => streamPort(fd))
  }

  /** A file, which is opened at its first line; `/dev/stderr`, `/proc/self/fd/1` and the like are the standard streams. */
  to(path: string): LogSink {
    const fd = standardStreamOf(path)
    if (fd !== undefined) return this.stream(fd)
    return this.#sink(path, () => openLogPort(path))
  }

  /** Opens the files anew, after somebody has moved them away. */
  reopen(): void {
    for (const [name, sink] of this.#sinks) if (name.startsWith('/')) sink.reopen()
  }

  /** Resolves when everything is written, or when the process has waited long enough. */
  async flush(): Promise<void> {
    const timeUp = Promise.withResolvers<void>()
    const timer = this.#clock.after(LAST_LINES_MS, timeUp.resolve)
    const all = [...this.#sinks.values()].map((sink) => sink.idle())
    await Promise.race([Promise.all(all), timeUp.promise])
    timer.cancel()
  }

  #sink(log: string, open: LogSinkOptions['open']): LogSink {
    let sink = this.#sinks.get(log)
    if (sink === undefined) {
      sink = new LogSink({
        clock: this.#clock,
        memory: this.memory,
        open,
        onTrouble: (problem) => this.logger?.error({ log }, `a log is not written: ${problem}`),
        onDropped: (droppedLines) =>
          this.logger?.warn({ log, droppedLines }, 'lines were dropped: the log did not take them'),
      })
      this.#sinks.set(log, sink)
    }
    return sink
  }

  readonly #lastWords = (code: number): void => {
    const untilMs = this.#clock.nowMs() + LAST_LINES_MS
    const sinks = [...this.#sinks.values()]
    while (!sinks.map((sink) => sink.flushNow()).every(Boolean)) {
      if (this.#clock.nowMs() >= untilMs) break
      sleep(LAST_TRY_MS)
    }
    // Its thread would be waited for as long as it hangs.
    if (isPoolWriting()) loadLibc()?.exitNow(code)
  }
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
