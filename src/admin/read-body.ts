/** The body of a request as it comes: counted, and given up when it pauses for too long or breaks off. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../base/clock.ts'
import { AdminError } from './errors.ts'

export interface BodyOptions {
  readonly clock: Clock
  readonly maxBytes: number
  readonly idleMs: number
  /** Called when the body is about to be read, and not refused for its announced length. */
  readonly onStart: () => void
}

/**
 * Throws ADMIN_BODY_TOO_LARGE (before it reads anything, where the length is announced), ADMIN_BODY_TIMEOUT,
 * ADMIN_BODY_CUT. The request itself is never destroyed: it still has to be answered.
 */
export async function* readBody(
  request: IncomingMessage,
  { clock, maxBytes, idleMs, onStart }: BodyOptions,
): AsyncGenerator<Uint8Array> {
  refuseLarge(Number(request.headers['content-length'] ?? 0), maxBytes)
  onStart()
  const chunks = request.iterator({ destroyOnReturn: false })
  let bytes = 0
  for (;;) {
    const next = await nextChunk(chunks, clock, idleMs)
    if (next === undefined) return
    bytes += next.length
    refuseLarge(bytes, maxBytes)
    yield next
  }
}

async function nextChunk(
  chunks: AsyncIterator<unknown>,
  clock: Clock,
  idleMs: number,
): Promise<Uint8Array | undefined> {
  const { promise: pause, reject } = Promise.withResolvers<never>()
  const timer = clock.after(idleMs, () =>
    reject(
      new AdminError(
        'ADMIN_BODY_TIMEOUT',
        `Cannot read the body: nothing came for ${idleMs} ms, wanted more of it`,
      ),
    ),
  )
  try {
    const { done, value } = await Promise.race([chunks.next().catch(refuseCut), pause])
    if (done === true) return undefined
    if (value instanceof Uint8Array) return value
    throw new Error('a body that is no bytes')
  } finally {
    timer.cancel()
  }
}

function refuseCut(cause: unknown): never {
  throw new AdminError(
    'ADMIN_BODY_CUT',
    'Cannot read the body: the connection ended before it did, wanted all of it',
    { cause },
  )
}

function refuseLarge(actual: number, wanted: number): void {
  if (actual <= wanted) return
  throw new AdminError(
    'ADMIN_BODY_TOO_LARGE',
    `Cannot read the body: it has ${actual} bytes or more, wanted at most ${wanted}`,
    { details: { actual, wanted } },
  )
}
