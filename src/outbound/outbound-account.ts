/** What this worker counts of a tenant's connections, and the lines it logs of them. Kept across reloads. */
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { OutboundCode } from './errors.ts'

/** Lines of a tenant in each second; the others are counted in the next one. */
const LINES_PER_SECOND = 10

/** Of whose request a line is. */
export interface Asker {
  readonly requestId: string
  readonly handler: string | undefined
}

export class OutboundAccount {
  readonly tenant: string
  /** Connections that are open or being opened, or whose last bytes are on their way. */
  open = 0
  /** That were opened. */
  connections = 0
  sentBytes = 0
  receivedBytes = 0
  /** Those that were refused, failed, or were ended by a limit, by kind: `not-allowed` ... */
  readonly failures = new Map<string, number>()
  readonly #clock: Clock
  readonly #logger: Logger
  #second = Number.NEGATIVE_INFINITY
  #lines = 0
  #suppressed = 0

  constructor(tenant: string, clock: Clock, logger: Logger) {
    this.tenant = tenant
    this.#clock = clock
    this.#logger = logger
  }

  /** Counts what has gone wrong, and logs it. `to`: where the guest wanted to go. */
  fail(code: OutboundCode, { requestId, handler }: Asker, to: string, message: string): void {
    const kind = kindOf(code)
    this.failures.set(kind, (this.failures.get(kind) ?? 0) + 1)
    const second = Math.floor(this.#clock.nowMs() / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#lines = 0
    }
    if (++this.#lines > LINES_PER_SECOND) {
      this.#suppressed += 1
      return
    }
    const suppressed = this.#suppressed === 0 ? {} : { suppressed: this.#suppressed }
    this.#suppressed = 0
    const { tenant } = this
    this.#logger.warn(
      { requestId, tenant, handler, code, to, ...suppressed },
      `Cannot connect to ${to}: ${message}`,
    )
  }
}

function kindOf(code: OutboundCode): string {
  return code.replace('OUTBOUND_', '').toLowerCase().replaceAll('_', '-')
}
