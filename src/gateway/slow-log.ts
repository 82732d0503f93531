/**
 * Requests that take longer than `request_slowlog_timeout` (php-fpm's slow log). What such a guest was doing is seen when
 * a slice of its processor time is over and its time is up; one that only waited has no back trace. The entry is written
 * when the request has ended, because what it cost is known then.
 */
import { type DestinationStream, pino } from 'pino'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { TenantConfig } from '../config/config.ts'
import { guestFrames } from '../guest/outcome.ts'

export interface SlowEntry {
  readonly requestId: string
  readonly tenant: string
  readonly handler: string | undefined
  /** Raw, as the client sent it. */
  readonly uri: string
  /** Time from the start of the guest to its end, and what of it was processor time. */
  readonly wallMs: number
  readonly cpuMs: number
  /** The guest's functions when its time was up, innermost first; empty: it waited then. */
  readonly backtrace: readonly string[]
}

/** What a tenant calls slow, and where that is written. */
export interface SlowLog {
  readonly afterMs: number
  readonly traceDepth: number
  readonly write: (entry: SlowEntry) => void
}

interface LogFile extends DestinationStream {
  reopen(): void
}

export class SlowLogs {
  readonly #logger: Logger
  /** What was opened for a tenant's table. */
  readonly #opened = new WeakMap<TenantConfig, SlowLog>()
  /** Tenants may share a file. */
  readonly #files = new Map<string, LogFile>()

  /** `logger` takes the entries of tenants without a file. */
  constructor(logger: Logger) {
    this.#logger = logger
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

  /** Opens the files anew, after somebody has moved them away. */
  reopen(): void {
    for (const file of this.#files.values()) file.reopen()
  }

  #make(config: TenantConfig): SlowLog {
    const { slowlog, requestSlowlogTimeoutMs: afterMs, requestSlowlogTraceDepth } = config
    const logger: Pick<Logger, 'warn'> =
      slowlog === undefined ? this.#logger : pino({ base: null }, this.#file(slowlog))
    return {
      afterMs,
      traceDepth: requestSlowlogTraceDepth,
      write: (entry) => logger.warn(entry, 'slow request'),
    }
  }

  #file(path: string): LogFile {
    let file = this.#files.get(path)
    if (file === undefined) {
      const destination = pino.destination({ dest: path, append: true, sync: false })
      destination.on('error', (error: unknown) =>
        this.#logger.error({ path, err: error }, 'cannot write a slow log'),
      )
      file = destination
      this.#files.set(path, file)
    }
    return file
  }
}

/** Frames of the host above the guest's, when a slice ends. */
const HOST_FRAMES = 16

/** How functions that hardening adds to a guest are named; the outermost one was called by the guest itself. */
const OUR_NAMES = 'wasm_fpm:'

/** Watches one request. */
export class SlowWatch {
  readonly #clock: Clock
  readonly #log: SlowLog
  readonly #startMs: number
  #backtrace: readonly string[] | undefined

  /** From here on the guest runs. */
  constructor(log: SlowLog, clock: Clock) {
    this.#clock = clock
    this.#log = log
    this.#startMs = clock.nowMs()
  }

  /** To be called on the guest's stack. */
  readonly look = (): void => {
    if (this.#backtrace !== undefined || !this.#isSlow()) return
    this.#backtrace = traceGuest(this.#log.traceDepth)
  }

  /** The guest has ended. Whether it was slow: then there is an entry. */
  end(entry: Pick<SlowEntry, 'requestId' | 'tenant' | 'handler' | 'uri' | 'cpuMs'>): boolean {
    if (!this.#isSlow()) return false
    const wallMs = this.#clock.nowMs() - this.#startMs
    this.#log.write({
      ...entry,
      wallMs: round(wallMs),
      cpuMs: round(entry.cpuMs),
      backtrace: this.#backtrace ?? [],
    })
    return true
  }

  #isSlow(): boolean {
    return this.#clock.nowMs() - this.#startMs >= this.#log.afterMs
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
