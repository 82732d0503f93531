/** A function that is long work for V8 is compiled before it is called; others wait for their first call. */
import { expect, test } from 'vitest'
import { compileModule } from '../../../src/guest/compile.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { MOST_LAZY_WORK } from '../../../src/wasm/hardened-work.ts'
import { COSTLY_FUNCTIONS, costlyModule } from '../../support/costly-functions.ts'

const HEAVY = COSTLY_FUNCTIONS.find(({ name }) => name === 'ifs') ?? expect.fail()
const LIMITS = { memoryMaxBytes: 1 << 20, tableMaxElements: 10 }

/** Milliseconds. `isMarked`: otherwise it is taken for a light one. V8 compiles the same bytes once, so `count` differs. */
async function firstCall(count: number, isMarked: boolean): Promise<number> {
  const { bytes, report } = harden(costlyModule(HEAVY, count), LIMITS)
  const { heaviest, total } = report.compileWork
  expect(heaviest).toBeGreaterThan(10 * MOST_LAZY_WORK)
  const module = await compileModule(bytes, { heaviest: isMarked ? heaviest : 0, total })
  const { exports } = new WebAssembly.Instance(module)
  const startMs = performance.now()
  ;(exports['_start'] as () => void)()
  return performance.now() - startMs
}

test('the first call of a heavy function does not wait, also where several are compiled', async () => {
  const before = await firstCall(200, false)
  const heavy = await Promise.all([201, 202, 203].map((count) => firstCall(count, true)))
  const after = await firstCall(204, false)
  expect(Math.max(...heavy)).toBeLessThan(Math.min(before, after) / 2)
})
