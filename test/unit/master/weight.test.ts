import { expect, test } from 'vitest'
import { weightOf } from '../../../src/master/weight.ts'

const CASES = [
  { name: 'idle, for long', readyMs: 60_000, slowStartMs: 10_000, load: 0, wanted: 100 },
  { name: 'half busy', readyMs: 60_000, slowStartMs: 10_000, load: 0.5, wanted: 70 },
  { name: 'busy', readyMs: 60_000, slowStartMs: 10_000, load: 1, wanted: 40 },
  { name: 'busier than there is', readyMs: 60_000, slowStartMs: 10_000, load: 7, wanted: 40 },
  { name: 'in the first moment', readyMs: 0, slowStartMs: 10_000, load: 0, wanted: 10 },
  { name: 'half-way', readyMs: 5000, slowStartMs: 10_000, load: 0, wanted: 50 },
  { name: 'half-way and busy', readyMs: 5000, slowStartMs: 10_000, load: 1, wanted: 20 },
  { name: 'without a slow start', readyMs: 0, slowStartMs: 0, load: 0, wanted: 100 },
]

for (const { name, wanted, ...machine } of CASES) {
  test(name, () => expect(weightOf(machine)).toBe(wanted))
}
