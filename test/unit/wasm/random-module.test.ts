/** Random valid modules do the same hardened as they did before. `WASM_RANDOM_MODULES`: how many (default 40). */
import { expect, test } from 'vitest'
import { harden } from '../../../src/wasm/harden-module.ts'
import { type Bytes, call, instantiate, ROOMY, wat } from './modules.ts'
import { randomModule } from './random-module.ts'

const COUNT = Number(process.env['WASM_RANDOM_MODULES'] ?? 40)

function observe(bytes: Bytes): unknown[] {
  const exports = instantiate(bytes)
  const memory = exports['m'] as WebAssembly.Memory
  return [0, 1, -7, 123456].map((given) => {
    let outcome: unknown
    try {
      outcome = call(exports, 'run', given)
    } catch (error) {
      outcome = error instanceof Error ? error.message : 'thrown'
    }
    return [
      outcome,
      new Uint32Array(memory.buffer).reduce((hash, word) => (Math.imul(hash, 31) + word) | 0, 0),
    ]
  })
}

test(
  `${COUNT} random modules`,
  () => {
    const outcomes = new Set<unknown>()
    for (let seed = 1; seed <= COUNT; seed++) {
      const bytes = wat(randomModule(seed))
      const before = observe(bytes)
      const quota = seed % 3 === 0 ? 0 : 5_000
      expect(observe(harden(bytes, { ...ROOMY, quota }).bytes), `seed ${seed}`).toEqual(before)
      for (const [outcome] of before as [unknown][]) outcomes.add(typeof outcome)
    }
    // Both results and traps were compared.
    expect([...outcomes].sort()).toEqual(['number', 'string'])
  },
  10_000 + COUNT * 200,
)
