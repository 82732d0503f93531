/**
 * Requests that take longer than `request_slowlog_timeout` (php-fpm's slow log). What such a guest was doing is seen when
 * a slice of its processor time is over and its time is up; one that waits has no back trace. The entry is written then: a
 * request that hangs is to be found while it does.
 */
import { pino } from 'pino'
import type { Clock, Timer } from '../base/clock.ts'
import type { LineLimit } from '../base/line-limit.ts'
import type { LogSinks } from '../base/log-sinks.ts'
import type { Logger } from '../base/logger.ts'
import type { TenantConfig } from '../config/config.ts'
import { guestFrames } from '../guest/outcome.ts'

export interface SlowEntry {
  readonly requestId: string
  readonly tenant: string
  readonly handler: string | undefined
  /** Raw, as the client sent it. */
  readonly uri: string
  /** The file that was run, as the guest knows it. */
  readonly script: string
  /** Time from the start of the guest to this entry, and what of it was processor time. */
  readonly wallMs: number
  readonly cpuMs: number
  /**
   * Where it was when its time was up, innermost first: in its own words where it has some, else its functions; these are empty
   * for one that waited.
   */
  readonly backtrace: readonly string[]
}

/** What a tenant calls slow, and where that is written. */
export interface SlowLog {
  readonly afterMs: number
  readonly traceDepth: number
  readonly write: (entry: SlowEntry) => void
}

export class SlowLogs {
  readonly #logger: Logger
  readonly #lines: LineLimit
  /** What was opened for a tenant's table. */
  readonly #opened = new WeakMap<TenantConfig, SlowLog>()
  readonly #sinks: LogSinks

  /** `logger` takes the entries of tenants without a file, `lines` holds for the files of the others. */
  constructor(logger: Logger, lines: LineLimit, sinks: LogSinks) {
    this.#logger = logger
    this.#lines = lines
    this.#sinks = sinks
  }

  /** undefined: no request of the tenant is slow. What goes wrong with a file is logged. */
  open(config: TenantConfig): SlowLog | undefined {
    if (config.requestSlowlogTimeoutMs === 0) return undefined
    let log = this.#opened.get(config)
    if (log === undefined) {
      log = this.#make(config)
      this.#opened.set(config, log)
    }
    return log
  }

  #make(config: TenantConfig): SlowLog {
    const { slowlog, requestSlowlogTimeoutMs: afterMs, requestSlowlogTraceDepth } = config
    const logger: Pick<Logger, 'warn'> =
      slowlog === undefined
        ? this.#logger
        : pino(
            { base: null, timestamp: pino.stdTimeFunctions.isoTime },
            this.#lines.before(this.#sinks.to(slowlog)),
          )
    return {
      afterMs,
      traceDepth: requestSlowlogTraceDepth,
      write: (entry) => logger.warn(entry, 'slow request'),
    }
  }
}

/** Frames of the host above the guest's, when a slice ends. */
const HOST_FRAMES = 16

/** How functions that hardening adds to a guest are named; the outermost one was called by the guest itself. */
const OUR_NAMES = 'wasm_fpm:'

/** Who is watched, and who is told. */
export interface SlowRequest {
  readonly about: Pick<SlowEntry, 'requestId' | 'tenant' | 'handler' | 'uri' | 'script'>
  /** What the guest itself says of where it is, at most so many lines. */
  readonly trace: (depth: number) => readonly string[]
  /** Called once, when an entry has been written. */
  readonly onSlow: () => void
}

/** Watches one request. */
export class SlowWatch {
  readonly #clock: Clock
  readonly #log: SlowLog
  readonly #request: SlowRequest
  readonly #startMs: number
  readonly #timer: Timer
  #isWaiting = false
  #isWritten = false
  #cpuMs = 0

  /** From here on the guest runs. */
  constructor(log: SlowLog, clock: Clock, request: SlowRequest) {
    this.#clock = clock
    this.#log = log
    this.#request = request
    this.#startMs = clock.nowMs()
    this.#timer = clock.after(log.afterMs, this.#timeIsUp)
  }

  /** A slice of the guest's is over. To be called on its stack. `cpuMs`: what it has used so far, here as below. */
  readonly look = (cpuMs: number): void => {
    this.#isWaiting = false
    this.#cpuMs = cpuMs
    if (!this.#isWritten && this.#isSlow())
      this.#write(this.#ownTrace() ?? traceGuest(this.#log.traceDepth))
  }

  /** The guest waits for something else than its turn. */
  readonly guestWaits = (cpuMs: number): void => {
    this.#isWaiting = true
    this.#cpuMs = cpuMs
  }

  /** The guest has ended. */
  end(cpuMs: number): void {
    this.#timer.cancel()
    this.#cpuMs = cpuMs
    if (!this.#isWritten && this.#isSlow()) this.#write([])
  }

  /** One that does not wait is about to have its next slice, and is looked at then. */
  readonly #timeIsUp = (): void => {
    if (this.#isWaiting && !this.#isWritten) this.#write(this.#ownTrace() ?? [])
  }

  #ownTrace(): readonly string[] | undefined {
    const frames = this.#request.trace(this.#log.traceDepth)
    return frames.length === 0 ? undefined : frames
  }

  #isSlow(): boolean {
    return this.#clock.nowMs() - this.#startMs >= this.#log.afterMs
  }

  #write(backtrace: readonly string[]): void {
    this.#isWritten = true
    this.#log.write({
      ...this.#request.about,
      wallMs: round(this.#clock.nowMs() - this.#startMs),
      cpuMs: round(this.#cpuMs),
      backtrace,
    })
    this.#request.onSlow()
  }
}

/** The functions of the guest that calls us, innermost first, at most `depth`. */
function traceGuest(depth: number): readonly string[] {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = depth + HOST_FRAMES
  const frames = guestFrames(new Error('slow').stack ?? '', depth + HOST_FRAMES)
  Error.stackTraceLimit = stackTraceLimit
  const ours = frames.findLastIndex((frame) => frame.startsWith(OUR_NAMES))
  return frames.slice(ours + 1, ours + 1 + depth)
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000
}
