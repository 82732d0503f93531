/** Tries a step again that failed for a reason that may pass. */
import type { Clock } from '../base/clock.ts'
import { OciError, type OciErrorCode } from './errors.ts'
import type { OciLimits } from './limits.ts'

export interface RetryOptions {
  readonly clock: Clock
  readonly limits: OciLimits
  readonly signal: AbortSignal
}

const PASSING: ReadonlySet<OciErrorCode> = new Set(['OCI_UNREACHABLE', 'OCI_TIMEOUT', 'OCI_BUSY'])

/** What never gets better: a host that does not exist, a certificate that is not its own. */
const LASTING_SYSTEM_CODE =
  /^(?:ENOTFOUND|CERT_|ERR_TLS_|ERR_SSL_|EPROTO|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO|HPE_)/

/** `work` is done from its beginning each time. Rejects as its last try did. */
export async function withRetries<Result>(
  { clock, limits, signal }: RetryOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt >= limits.tries || signal.aborted || !mayPass(error)) throw error
      const asked = error.details['retryAfterMs']
      const waitMs = typeof asked === 'number' ? asked : limits.backoffMs * 2 ** (attempt - 1)
      await wait(Math.min(waitMs, limits.retryAfterMs), clock, signal)
    }
  }
}

/** Milliseconds that a `Retry-After` header asks for: seconds, or a date; undefined: it does not say. */
export function readRetryAfter(header: string | undefined, clock: Clock): number | undefined {
  if (header === undefined) return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const untilMs = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN
  const nowMs = Number(clock.realtimeNs() / 1_000_000n)
  return Number.isNaN(untilMs) ? undefined : Math.max(0, untilMs - nowMs)
}

function mayPass(error: unknown): error is OciError {
  return (
    error instanceof OciError &&
    PASSING.has(error.code) &&
    !LASTING_SYSTEM_CODE.test(String(error.details['systemCode']))
  )
}

async function wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = clock.after(ms, resolve)
  const wake = (): void => resolve()
  signal.addEventListener('abort', wake)
  await promise
  timer.cancel()
  signal.removeEventListener('abort', wake)
  signal.throwIfAborted()
}
