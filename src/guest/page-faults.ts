/**
 * How many page faults this thread has had. Who writes to a page of a private mapping for the first time takes one, so where
 * there has been none since the written pages were last looked up, they are still the same. Other threads write no guest's
 * memory.
 */
import { loadLibc } from '../base/libc.ts'

const RUSAGE_THREAD = 1

/** `struct rusage` of 64-bit Linux: two times of 16 bytes, then longs; ru_minflt is the fifth, ru_majflt the sixth. */
const RUSAGE_BYTES = 144
const [MINOR, MAJOR] = [64 / 4, 72 / 4]
const HIGH_WORD = 2 ** 32

type PageFaults = () => number

let counter: PageFaults | undefined

/** What was counted last. */
let latest = Number.NaN

/** Two answers are the same only if there was no page fault between them. */
export function pageFaults(): number {
  counter ??= openPageFaults()
  latest = counter()
  return latest
}

/**
 * The answer that was given last, to whomever: not more than `pageFaults()` would be now. To ask the system takes a tenth of the time of
 * a small request, and once is enough: if there has been none since the last answer, there has been none since now either.
 */
export function pageFaultsLately(): number {
  return latest
}

/** Where the system does not count them no two answers are the same. */
function openPageFaults(): PageFaults {
  const never = () => Number.NaN
  const libc = loadLibc()
  if (libc === undefined) return never
  const usage = new Uint32Array(RUSAGE_BYTES / 4)
  const address = libc.addressOf(usage.buffer)
  const wordsAt = (at: number): number => (usage[at] ?? 0) + (usage[at + 1] ?? 0) * HIGH_WORD
  const count = (): number => {
    if (libc.getrusage(RUSAGE_THREAD, address) !== 0) return Number.NaN
    return wordsAt(MINOR) + wordsAt(MAJOR)
  }
  const before = count()
  new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer)[0] = 1
  return count() > before ? count : never
}
