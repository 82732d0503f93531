/** A guest that earns a long stretch with cheap work, and spends it on page faults, gets away with it once. */

import { expect, test } from 'vitest'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { FaultConduct, MANY_FAULTS } from '../../src/guest/fault-conduct.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { DEFAULT_MODULE_LIMITS } from '../../src/wasm/limits.ts'
import { job } from '../support/guest.ts'

/** Remembers the most page faults of a slice. */
class NotingConduct extends FaultConduct {
  most = 0

  override note(faults: number): void {
    this.most = Math.max(this.most, faults)
    super.note(faults)
  }
}

test('once its tenant is watched, no slice has many page faults', async () => {
  const module = await new CompileCache().compile(compileHostile('touch-pages'), {
    name: 'touch-pages',
    memoryMaxBytes: 64 << 20,
    functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
  })
  const faults = new NotingConduct(systemClock)
  const run = () => runToEnd(new GuestInstance(module, systemClock), job({ faults, cpuMs: 500 }))

  await run()
  expect(faults.most).toBeGreaterThan(4 * MANY_FAULTS)
  expect(faults.isWatched).toBe(true)

  faults.most = 0
  const { outcome } = await run()
  expect(outcome).toEqual({ kind: 'killed', reason: 'cpu' })
  expect(faults.most).toBeLessThan(2 * MANY_FAULTS)
})

test('a guest that writes little is not watched', async () => {
  const module = await new CompileCache().compile(compileHostile('endless-loop'), {
    name: 'endless-loop',
    memoryMaxBytes: 64 << 20,
    functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
  })
  const faults = new NotingConduct(systemClock)
  await runToEnd(new GuestInstance(module, systemClock), job({ faults, cpuMs: 50 }))
  expect(faults.isWatched).toBe(false)
})
