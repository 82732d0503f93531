/** A guest that earns a long stretch with cheap work, and spends it on page faults, gets away with it once. */

import { expect, test } from 'vitest'
import { compileHostile } from '../../guests/hostile/compile.ts'
import { systemClock } from '../../src/base/clock.ts'
import { CompileCache } from '../../src/guest/compile-cache.ts'
import { runToEnd } from '../../src/guest/engine.ts'
import { FaultConduct, MANY_FAULTS } from '../../src/guest/fault-conduct.ts'
import type { GuestModule } from '../../src/guest/guest-module.ts'
import { GuestInstance } from '../../src/guest/instance.ts'
import { pageFaults } from '../../src/guest/page-faults.ts'
import { DEFAULT_MODULE_LIMITS } from '../../src/wasm/limits.ts'
import { job } from '../support/guest.ts'
import { wat } from '../unit/wasm/modules.ts'

/** Remembers the most page faults of a slice. */
class NotingConduct extends FaultConduct {
  most = 0

  override note(faults: number): void {
    this.most = Math.max(this.most, faults)
    super.note(faults)
  }
}

/** Cheap work first, so that the next check is far away; then a byte in each page of all its memory. */
const touching = (wasmPages: number): Uint8Array<ArrayBuffer> =>
  wat(`(module (memory (export "memory") ${wasmPages}) (func (export "_start") (local $at i32)
    (local.set $at (i32.const 3000000))
    (loop $cheap (br_if $cheap (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
    (loop $touch (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $touch (i32.lt_u (local.get $at) (i32.const ${wasmPages * 65_536}))))
    (loop $again (br $again))))`)

const compile = async (name: string, bytes: Uint8Array<ArrayBuffer>): Promise<GuestModule> =>
  await new CompileCache().compile(bytes, {
    name,
    memoryMaxBytes: 64 << 20,
    functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
  })

test('once its tenant is watched, no slice has many page faults', async () => {
  const module = await compile('touch-31', touching(31 * 16))
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

test('with more memory that nobody has written, nobody gets away with that even once', async () => {
  const module = await compile('touch-pages', compileHostile('touch-pages'))
  const faults = new NotingConduct(systemClock)
  await runToEnd(new GuestInstance(module, systemClock), job({ faults, cpuMs: 500 }))
  expect(faults.most).toBeGreaterThan(0)
  expect(faults.most).toBeLessThan(4 * MANY_FAULTS)
})

test('memory that is grown is there to be written: nobody gets away with that even once', async () => {
  const growing = wat(`(module (memory (export "memory") 1) (func (export "_start") (local $at i32)
    (local.set $at (i32.const 3000000))
    (loop $cheap (br_if $cheap (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
    (drop (memory.grow (i32.const 1000)))
    (local.set $at (i32.const 65536))
    (loop $touch (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $touch (i32.lt_u (local.get $at) (i32.const 65600000))))
    (loop $again (br $again))))`)
  const module = await compile('grow-and-touch', growing)
  let [before, most, all] = [pageFaults(), 0, 0]
  const waitTurn = (wake: () => void): void => {
    const faults = pageFaults() - before
    most = Math.max(most, faults)
    all += faults
    setImmediate(() => {
      before = pageFaults()
      wake()
    })
  }
  await runToEnd(new GuestInstance(module, systemClock), job({ waitTurn, cpuMs: 300 }))
  expect(all).toBeGreaterThan(15_000)
  expect(most).toBeLessThan(4 * MANY_FAULTS)
})

test('a guest that writes little is not watched', async () => {
  const module = await compile('endless-loop', compileHostile('endless-loop'))
  const faults = new NotingConduct(systemClock)
  await runToEnd(new GuestInstance(module, systemClock), job({ faults, cpuMs: 50 }))
  expect(faults.isWatched).toBe(false)
})
