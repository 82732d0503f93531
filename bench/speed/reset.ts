/** What it costs to put an instance back (`GuestInstance.reset`), beside making a new one; in this process, no server. */

import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { DEFAULT_MODULE_LIMITS } from '../../src/wasm/limits.ts'
import { median } from '../http/statistics.ts'
import type { Figure, Measurement, MeasureOptions } from './figure.ts'
import { guestJob } from './guest-job.ts'
import { type WriterOptions, writerModule } from './guest-module.ts'

const MIB = 1024 * 1024
/** Runs before the measured ones: V8 compiles what is on the way. */
const WARM_UP_RUNS = 2000
const RUNS = 3000
/** New instances are made this many at a time, then collected. */
const NEW_INSTANCES = 200

interface Case extends WriterOptions {
  readonly name: string
  readonly atMostUs?: number
}

const CASES: readonly Case[] = [
  { name: '128 KiB memory, 2 pages written', memoryBytes: MIB / 8, writtenPages: 2, atMostUs: 6 },
  {
    name: '128 KiB memory, all of it data',
    memoryBytes: MIB / 8,
    writtenPages: 2,
    isFull: true,
    atMostUs: 6,
  },
  { name: '1 MiB memory, 10 pages written', memoryBytes: MIB, writtenPages: 10 },
  {
    name: '1 MiB memory, all of it data, 10 pages written',
    memoryBytes: MIB,
    writtenPages: 10,
    isFull: true,
  },
  { name: '32 MiB memory, 10 pages written', memoryBytes: 32 * MIB, writtenPages: 10 },
  {
    name: '32 MiB memory, 60 pages written',
    memoryBytes: 32 * MIB,
    writtenPages: 60,
    atMostUs: 80,
  },
  { name: '32 MiB memory, 500 pages written', memoryBytes: 32 * MIB, writtenPages: 500 },
]

export const reset: Measurement = { name: 'reset', measure }

async function measure({ isQuick }: MeasureOptions): Promise<readonly Figure[]> {
  const figures: Figure[] = []
  for (const one of CASES) {
    const module = await new CompileCache().compile(writerModule(one), {
      name: one.name,
      memoryMaxBytes: 64 * MIB,
      functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
    })
    figures.push({
      name: `reset: ${one.name}`,
      value: await resetUs(module, isQuick ? RUNS / 10 : RUNS),
      unit: 'µs',
      ...(one.atMostUs === undefined ? {} : { goal: { atMost: one.atMostUs } }),
      note: `a new instance: ${newInstanceUs(module).toFixed(0)} µs`,
    })
  }
  return figures
}

/** The median of single resets, each after a run. */
async function resetUs(module: GuestModule, runs: number): Promise<number> {
  const instance = new GuestInstance(module, systemClock)
  const times: number[] = []
  for (let run = 0; run < WARM_UP_RUNS + runs; run++) {
    const { outcome } = await runToEnd(instance, guestJob())
    const startMs = performance.now()
    const isReset = instance.reset()
    const elapsedMs = performance.now() - startMs
    if (outcome.kind !== 'exited' || !isReset) throw new Error(`${module.name}: not put back`)
    if (run >= WARM_UP_RUNS) times.push(elapsedMs * 1000)
  }
  return median(times)
}

function newInstanceUs(module: GuestModule): number {
  const times: number[] = []
  for (let made = 0; made < NEW_INSTANCES; made++) {
    const startMs = performance.now()
    new GuestInstance(module, systemClock)
    times.push((performance.now() - startMs) * 1000)
  }
  return median(times)
}
