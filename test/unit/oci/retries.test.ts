import { expect, test } from 'vitest'
import { OciError, type OciErrorCode } from '../../../src/oci/errors.ts'
import { DEFAULT_OCI_LIMITS } from '../../../src/oci/limits.ts'
import { readRetryAfter, withRetries } from '../../../src/oci/retries.ts'
import { FakeClock } from '../../support/fake-clock.ts'

function failing(code: OciErrorCode, details: Record<string, string | number> = {}) {
  return new OciError(code, 'Cannot', { details })
}

/** Runs work that always fails; answers the waits before each further try, in milliseconds. */
async function waitsOf(error: Error): Promise<readonly number[]> {
  const clock = new FakeClock()
  const triedMs: number[] = []
  const { signal } = new AbortController()
  const running = withRetries({ clock, limits: DEFAULT_OCI_LIMITS, signal }, async () => {
    triedMs.push(clock.nowMs())
    throw error
  })
  let isOver = false
  const over = expect(running)
    .rejects.toBe(error)
    .finally(() => {
      isOver = true
    })
  while (!isOver) {
    await Promise.resolve()
    if (clock.pending > 0) clock.advance(100)
  }
  await over
  return triedMs.slice(1).map((ms, index) => ms - (triedMs[index] ?? 0))
}

test('waits become longer', async () => {
  expect(await waitsOf(failing('OCI_UNREACHABLE'))).toEqual([500, 1000, 2000])
  expect(await waitsOf(failing('OCI_TIMEOUT'))).toEqual([500, 1000, 2000])
})

test('a registry says how long, up to a limit', async () => {
  expect(await waitsOf(failing('OCI_BUSY', { retryAfterMs: 7000 }))).toEqual([7000, 7000, 7000])
  expect(await waitsOf(failing('OCI_BUSY', { retryAfterMs: 1e9 }))).toEqual([
    30_000, 30_000, 30_000,
  ])
})

test('what does not pass is not tried again', async () => {
  expect(await waitsOf(failing('OCI_DIGEST_MISMATCH'))).toEqual([])
  expect(await waitsOf(failing('OCI_DENIED'))).toEqual([])
  expect(await waitsOf(failing('OCI_UNREACHABLE', { systemCode: 'ENOTFOUND' }))).toEqual([])
  expect(await waitsOf(failing('OCI_UNREACHABLE', { systemCode: 'CERT_HAS_EXPIRED' }))).toEqual([])
  expect(await waitsOf(new TypeError('ours'))).toEqual([])
})

test('a wait ends when all is to end', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const limits = DEFAULT_OCI_LIMITS
  const running = withRetries({ clock, limits, signal: stop.signal }, () =>
    Promise.reject(failing('OCI_BUSY')),
  )
  const over = expect(running).rejects.toThrow('enough')
  while (clock.pending === 0) await Promise.resolve()
  stop.abort(new Error('enough'))
  await over
  expect(clock.pending).toBe(0)
})

test('Retry-After', () => {
  const clock = new FakeClock()
  const nowMs = Number(clock.realtimeNs() / 1_000_000n)
  const inSeconds = (seconds: number) => new Date(nowMs + seconds * 1000).toUTCString()
  const cases = [
    [undefined, undefined],
    ['7', 7000],
    ['0', 0],
    ['-1', undefined],
    ['soon', undefined],
    ['Mon, soon', undefined],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ] as const
  for (const [header, ms] of cases) expect(readRetryAfter(header, clock)).toBe(ms)
  // A date has no milliseconds.
  expect(readRetryAfter(inSeconds(10), clock)).toBeGreaterThan(8999)
  expect(readRetryAfter(inSeconds(10), clock)).toBeLessThanOrEqual(10_000)
})
