/**
 * Throws broken modules at the rewriter: whatever comes in, a hardened module V8 accepts comes out, or a coded error.
 * `WASM_FUZZ_MS`: how long (default 2,000); `WASM_FUZZ_SEED`: where to begin (default 1).
 */
import { expect, test } from 'vitest'
import { harden } from '../../../src/wasm/harden-module.ts'
import { inspect } from '../../../src/wasm/inspect-module.ts'
import { type Bytes, ROOMY, wat } from './modules.ts'
import { pseudoRandom, randomModule } from './random-module.ts'

const BUDGET_MS = Number(process.env['WASM_FUZZ_MS'] ?? 2_000)
const SEED = Number(process.env['WASM_FUZZ_SEED'] ?? 1)
/** A small module must never take longer; the machine may be busy. */
const MOST_MS = 2_000

const BASES: readonly Bytes[] = [
  wat(`(module (import "a" "f" (func (param i32))) (memory 1 2) (table 4 funcref) (global (mut i32) (i32.const 1)) (tag $e (param i32))
    (elem (i32.const 0) func 1 2) (data (i32.const 8) "data") (data $p "passive") (start 2)
    (func (export "a") (param i32) (result i32) (loop (br_if 0 (local.get 0))) (call 2) (local.get 0))
    (func (try (do (throw $e (i32.const 1))) (catch $e drop) (catch_all)))
    (func (memory.init $p (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $p) (block (br_table 0 0 0 (i32.const 2))))
    (func (result v128) (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 (v128.const i64x2 1 2) (v128.const i64x2 3 4))))`),
  wat(randomModule(7)),
  wat(randomModule(8)),
]

test('what is mutated is valid', () => {
  for (const bytes of BASES) expect(WebAssembly.validate(bytes)).toBe(true)
})

test('mutated modules', () => {
  const random = pseudoRandom(SEED)
  const end = performance.now() + BUDGET_MS
  const seen = new Map<string, number>()
  do {
    const bytes = mutate(BASES[random(BASES.length)] ?? new Uint8Array(0), random)
    const started = performance.now()
    const outcome = attempt(bytes)
    expect(performance.now() - started).toBeLessThan(MOST_MS)
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1)
  } while (performance.now() < end)
  expect(seen.get('hardened')).toBeGreaterThan(0)
  expect(seen.get('WASM_MALFORMED')).toBeGreaterThan(0)
})

/** Hardens, and holds the result against V8: valid stays valid, invalid stays invalid. */
function attempt(bytes: Bytes): string {
  let hardened: Bytes
  try {
    inspect(bytes)
    hardened = harden(bytes, ROOMY).bytes
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if (typeof code !== 'string' || !code.startsWith('WASM_')) throw error
    return code
  }
  const where = `module ${Buffer.from(bytes).toString('base64')}`
  expect(WebAssembly.validate(hardened), where).toBe(WebAssembly.validate(bytes))
  return 'hardened'
}

function mutate(base: Bytes, random: (below: number) => number): Bytes {
  let bytes = base.slice()
  for (let count = 1 + random(3); count > 0; count--) {
    const at = random(bytes.length)
    switch (random(5)) {
      case 0:
        bytes[at] = random(256)
        break
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8))
        break
      case 2:
        bytes = bytes.slice(0, at)
        break
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), random(256), ...bytes.subarray(at)])
        break
      default:
        bytes.copyWithin(at, random(bytes.length), random(bytes.length))
    }
  }
  return bytes
}
