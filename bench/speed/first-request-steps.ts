/** Where the time of a first request goes, step by step, in this process: no server, no web server. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { harden } from '../../src/wasm/harden.ts'
import { median } from '../http/statistics.ts'
import { guestJob } from './guest-job.ts'

const STEPS = ['read', 'digest', 'harden', 'compile', 'load', 'instantiate', 'run'] as const
export type Step = (typeof STEPS)[number]

const MEMORY_MAX_BYTES = 64 * 1024 * 1024
/** The first few are measured with cold code of ours: they are left out. */
const WARM_UP_FILES = 10

/**
 * Medians in milliseconds over `files`, modules with different bytes. `compile` is V8's, off this thread, of the hardened bytes;
 * `load` is all of `CompileCache.compile`, which a worker does: digest, harden, compile, and looking at imports and exports.
 */
export async function measureSteps(files: readonly string[]): Promise<Record<Step, number>> {
  const times = Object.fromEntries(STEPS.map((step) => [step, [] as number[]])) as Record<
    Step,
    number[]
  >
  const cache = new CompileCache()
  for (const [index, file] of files.entries()) {
    let sinceMs = performance.now()
    const done = (step: Step): void => {
      const nowMs = performance.now()
      if (index >= WARM_UP_FILES) times[step].push(nowMs - sinceMs)
      sinceMs = performance.now()
    }
    const bytes = await readFile(file)
    done('read')
    createHash('sha256').update(bytes).digest('hex')
    done('digest')
    const hardened = harden(bytes, { memoryMaxBytes: MEMORY_MAX_BYTES, tableMaxElements: 1000 })
    done('harden')
    await WebAssembly.compile(hardened.bytes)
    done('compile')
    const module = await cache.compile(bytes, { name: file, memoryMaxBytes: MEMORY_MAX_BYTES })
    done('load')
    const instance = new GuestInstance(module, systemClock)
    done('instantiate')
    const { outcome } = await instance.run(guestJob())
    done('run')
    if (outcome.kind !== 'exited') throw new Error(`${file}: ${JSON.stringify(outcome)}`)
  }
  return Object.fromEntries(STEPS.map((step) => [step, median(times[step])])) as Record<
    Step,
    number
  >
}
