/** Randomness (preview 1: random_get). */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'

/** What `WasiGrants.random` is asked for at a time: the most `crypto.getRandomValues` gives. */
const CHUNK_BYTES = 65_536

export const RANDOM_CALLS = {
  /** FAULT: the buffer is not inside memory. INVAL: more than `limits.randomBytes`. */
  random_get: (host: CallContext) => (buffer: number, length: number) => {
    host.enter()
    const start = buffer >>> 0
    const wanted = length >>> 0
    if (!host.has(start, wanted)) return Errno.FAULT
    if (wanted > host.grants.limits.randomBytes) return Errno.INVAL
    host.charge(wanted * 3)
    for (let at = start; at < start + wanted; at += CHUNK_BYTES) {
      host.grants.random(host.bytes.subarray(at, Math.min(at + CHUNK_BYTES, start + wanted)))
    }
    return Errno.SUCCESS
  },
}
