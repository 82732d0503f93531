/** Where the time of a first request goes, step by step, in this process: no server, no web server. */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { harden } from '../../src/wasm/harden-module.ts'
import { DEFAULT_MODULE_LIMITS } from '../../src/wasm/limits.ts'
import { median } from '../http/statistics.ts'
import { guestJob } from './guest-job.ts'
import { withCustomSection } from './guest-module.ts'

/**
 * `compile` is V8's in other threads, of the hardened bytes; `compile at once` the same in this thread. `instantiate` is
 * the first instance, from which the snapshot is taken; `run` compiles, function by function, what the run gets to.
 */
const STEPS = [
  'read',
  'digest',
  'harden',
  'compile',
  'compile at once',
  'instantiate',
  'run',
] as const
export type Step = (typeof STEPS)[number]

const MEMORY_MAX_BYTES = 64 * 1024 * 1024
const HARDEN_OPTIONS = { memoryMaxBytes: MEMORY_MAX_BYTES, tableMaxElements: 1_000_000 }
/** The first few are measured with cold code of ours: they are left out. */
const WARM_UP_FILES = 10

/** Medians in milliseconds over `files`, modules with different bytes. */
export async function measureSteps(files: readonly string[]): Promise<Record<Step, number>> {
  const times = forEachStep((): number[] => [])
  for (const [index, file] of files.entries()) {
    const took = await stepsOf(file)
    if (index >= WARM_UP_FILES) for (const step of STEPS) times[step].push(took[step])
  }
  return forEachStep((step) => median(times[step]))
}

async function stepsOf(file: string): Promise<Record<Step, number>> {
  const took = forEachStep(() => 0)
  let sinceMs = 0
  const begin = (): void => {
    sinceMs = performance.now()
  }
  const end = (step: Step): void => {
    took[step] = performance.now() - sinceMs
  }
  begin()
  const bytes = await readFile(file)
  end('read')
  begin()
  createHash('sha256').update(bytes).digest('hex')
  end('digest')
  begin()
  const hardened = harden(bytes, HARDEN_OPTIONS)
  end('harden')
  begin()
  await WebAssembly.compile(hardened.bytes as Uint8Array<ArrayBuffer>)
  end('compile')
  // Other bytes again: V8 would find those it knows.
  const others = harden(withCustomSection(bytes, 'at once'), HARDEN_OPTIONS)
  begin()
  new WebAssembly.Module(others.bytes as Uint8Array<ArrayBuffer>)
  end('compile at once')
  const options = {
    name: file,
    memoryMaxBytes: MEMORY_MAX_BYTES,
    functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
  }
  const module = await new CompileCache().compile(bytes, options)
  begin()
  const instance = new GuestInstance(module, systemClock)
  end('instantiate')
  begin()
  const { outcome } = await runToEnd(instance, guestJob())
  end('run')
  if (outcome.kind !== 'exited') throw new Error(`${file}: ${JSON.stringify(outcome)}`)
  return took
}

function forEachStep<Value>(make: (step: Step) => Value): Record<Step, Value> {
  return Object.fromEntries(STEPS.map((step) => [step, make(step)])) as Record<Step, Value>
}
