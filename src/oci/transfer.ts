/** What pulling and pushing have in common: who may take how long, and how far it is. */
import type { Clock } from '../base/clock.ts'
import type { Credentials } from './credentials.ts'
import { OciError } from './errors.ts'
import { DEFAULT_OCI_LIMITS, type OciLimits } from './limits.ts'
import type { Reference } from './reference.ts'
import { RegistryClient } from './registry-client.ts'
import type { RetryOptions } from './retries.ts'

export interface TransferProgress {
  /** Bytes that have moved, or need not. */
  readonly doneBytes: number
  readonly totalBytes: number
}

export interface TransferOptions {
  readonly clock: Clock
  /** Undefined: anonymous. See `findCredentials`. */
  readonly credentials?: Credentials | undefined
  /** Lets the registry be without encryption even when it is on another machine. */
  readonly plainHttp?: boolean | undefined
  readonly limits?: OciLimits | undefined
  /** Called as bytes move; they can become fewer, when something is tried again. */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined
  /** Gives up; the transfer rejects with OCI_TIMEOUT. */
  readonly signal?: AbortSignal | undefined
}

export interface Transfer extends RetryOptions {
  readonly client: RegistryClient
  readonly progress: ProgressCount
}

/** Has `work` done within `totalMs`, and ends all connections after it. */
export async function withTransfer<Result>(
  reference: Reference,
  actions: 'pull' | 'pull,push',
  ...[options, work]: [options: TransferOptions, work: (transfer: Transfer) => Promise<Result>]
): Promise<Result> {
  const { clock, limits = DEFAULT_OCI_LIMITS, credentials, plainHttp = false } = options
  const stop = new AbortController()
  const give = (actual: string): void =>
    stop.abort(
      new OciError('OCI_TIMEOUT', `Cannot go on with the registry: ${actual}, wanted the end`),
    )
  const timer = clock.after(limits.totalMs, () => give(`it has taken ${limits.totalMs} ms`))
  const giveUp = (): void => give('stopped')
  options.signal?.addEventListener('abort', giveUp)
  if (options.signal?.aborted === true) giveUp()
  const { signal } = stop
  const client = new RegistryClient({
    ...{ reference, actions, credentials, plainHttp, clock, limits, signal },
  })
  try {
    const progress = new ProgressCount(options.onProgress)
    return await work({ client, progress, clock, limits, signal })
  } finally {
    timer.cancel()
    options.signal?.removeEventListener('abort', giveUp)
    client.close()
  }
}

/** Counts the bytes of several blobs. */
class ProgressCount {
  readonly #tell: ((progress: TransferProgress) => void) | undefined
  #doneBytes = 0
  #totalBytes = 0

  constructor(tell: ((progress: TransferProgress) => void) | undefined) {
    this.#tell = tell
  }

  expect(bytes: number): void {
    this.#totalBytes += bytes
  }

  /** Negative: these have to be moved again. */
  add(bytes: number): void {
    this.#doneBytes += bytes
    this.#tell?.({ doneBytes: this.#doneBytes, totalBytes: this.#totalBytes })
  }
}
