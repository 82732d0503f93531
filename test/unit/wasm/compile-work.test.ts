/** No function within the limit keeps V8 busy for long, whatever makes it costly, and far larger ones are refused. */
import { expect, test } from 'vitest'
import { harden } from '../../../src/wasm/harden-module.ts'
import { markedWork } from '../../../src/wasm/hardened-mark.ts'
import { COSTLY_FUNCTIONS, costlyModule } from '../../support/costly-functions.ts'
import { ROOMY, refusal, wat } from './modules.ts'

/** Units, which are about nanoseconds: 0.1 s. */
const MOST = 100_000_000
/** Thirty times that: machines are slow, and busy. */
const LONGEST_MS = 3_000

const options = { ...ROOMY, limits: { compileWork: MOST } }

test.each(COSTLY_FUNCTIONS)('$name: refused where it is too much', (costly) => {
  const error = refusal(() => harden(costlyModule(costly, costly.monster), ROOMY))
  expect(error.code).toBe('WASM_FUNCTION_TOO_COMPLEX')
  expect(error.message).toMatch(/in function 0, which begins at offset \d+$/)
})

test.each(COSTLY_FUNCTIONS)('$name: compiled in time where it is not', (costly) => {
  const bytes = largestWithin(MOST, (count) => costlyModule(costly, count), costly.monster)
  const { heaviest } = markedWork(bytes)
  expect([heaviest > MOST / 4, heaviest <= MOST]).toEqual([true, true])
  const startMs = performance.now()
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  try {
    ;(exports['_start'] as () => void)()
  } catch {
    // Some trap; they have been compiled then.
  }
  expect(performance.now() - startMs).toBeLessThan(LONGEST_MS)
})

test('what hardening adds counts as well', () => {
  const loops = COSTLY_FUNCTIONS.find(({ name }) => name === 'empty loops') ?? expect.fail()
  const { report } = harden(costlyModule(loops, 10), ROOMY)
  const limits = { compileWork: report.compileWork.heaviest - 1 }
  expect(refusal(() => harden(costlyModule(loops, 10), { ...ROOMY, limits })).code).toBe(
    'WASM_FUNCTION_TOO_COMPLEX',
  )
})

test('a hardened module says what its functions are, all together', () => {
  const { bytes, report } = harden(
    wat('(module (func (loop (br_if 0 (i32.const 0)))) (func (loop)))'),
    ROOMY,
  )
  expect(report.compileWork.total).toBeGreaterThan(report.compileWork.heaviest)
  expect(markedWork(bytes).total).toBeGreaterThanOrEqual(report.compileWork.total)
})

/** Hardened: with the largest count that is taken, or nearly. */
function largestWithin(
  most: number,
  make: (count: number) => Uint8Array,
  tooMany: number,
): Uint8Array<ArrayBuffer> {
  let [taken, refused] = [1, tooMany]
  let bytes = harden(make(taken), { ...options, limits: { compileWork: most } }).bytes
  while (refused - taken > Math.max(1, taken / 4)) {
    const middle = Math.ceil(taken + Math.min((refused - taken) / 2, taken * 4))
    try {
      bytes = harden(make(middle), options).bytes
      taken = middle
    } catch {
      refused = middle
    }
  }
  return bytes
}
