import { expect, test } from 'vitest'
import { COUNTS_EXPORT, countBranches, hintBranches } from '../../../src/wasm/branch-counts.ts'
import { harden } from '../../../src/wasm/harden-module.ts'
import { readHints } from '../../../src/wasm/hint-list.ts'
import { readModule } from '../../../src/wasm/read.ts'
import { wat } from '../../support/wat.ts'

/** Counts down; how often it went on with an even number. The first function is imported, the second without branches. */
const SOURCE = `
  (import "host" "unused" (func))
  (memory (export "memory") 1)
  (func $plain (export "plain") (result i32) (i32.const 5))
  (func $evens (export "evens") (param $left i32) (result i32) (local $found i32)
    (loop $next
      (if (i32.eqz (i32.and (local.get $left) (i32.const 1)))
        (then (local.set $found (i32.add (local.get $found) (i32.const 1)))))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
    (local.get $found))
  (func (export "check") (param $it i32) (result i32)
    (block $good (br_if $good (i32.ne (local.get $it) (i32.const 7))) (return (i32.const 1)))
    (if (result i32) (i32.eq (local.get $it) (i32.const 8)) (then (i32.const 2)) (else (i32.const 0))))`

const IMPORTS = { host: { unused: () => undefined } }
const source = wat(`(module ${SOURCE})`)

interface Tried {
  readonly plain: () => number
  readonly evens: (left: number) => number
  readonly check: (it: number) => number
}

function instantiate(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), IMPORTS).exports
}

function tryOut({ plain, evens, check }: Tried): number[] {
  return [plain(), evens(100), ...Array.from({ length: 40 }, (_, it) => check(it))]
}

function count(): { readonly answers: number[]; readonly counts: Uint32Array } {
  const exports = instantiate(countBranches(readModule(source)).bytes)
  const answers = tryOut(exports as unknown as Tried)
  const { buffer } = exports[COUNTS_EXPORT] as WebAssembly.Memory
  return { answers, counts: new Uint32Array(buffer) }
}

test('a module that counts answers as ever, and knows how often each condition was false and true', () => {
  const { answers, counts } = count()
  expect(answers).toEqual(tryOut(instantiate(source) as unknown as Tried))
  expect([...counts.subarray(0, 10)]).toEqual([50, 50, 1, 99, 1, 39, 38, 1, 0, 0])
})

test('hints are given where one way is rare, and stay where the code is after hardening', () => {
  const hinted = hintBranches(readModule(source), count().counts)
  const hints = [...readHints(readModule(hinted))]
  const valuesOf = (pairs: readonly number[]) => pairs.filter((_, index) => index % 2 === 1)
  // Of the loop's `if` both ways are usual.
  expect(hints.map(([index, pairs]) => [index, valuesOf(pairs)])).toEqual([
    [1, [1]],
    [2, [1, 0]],
  ])
  for (const [index, pairs] of hints)
    expect(branchesAt(hinted, index, pairs)).toEqual(index === 1 ? [0x0d] : [0x0d, 0x04])
  expect(tryOut(instantiate(hinted) as unknown as Tried)).toEqual(count().answers)
  const { bytes } = harden(hinted, { memoryMaxBytes: 1 << 20, tableMaxElements: 10 })
  const hardened = readHints(readModule(bytes)).get(2) ?? []
  expect(branchesAt(bytes, 2, hardened).every((opcode) => opcode === 0x0d || opcode === 0x04)).toBe(
    true,
  )
  expect(valuesOf(hardened)).toEqual([1, 0])
})

test('what ran seldom gets no hint', () => {
  const hinted = hintBranches(
    readModule(source),
    new Uint32Array(10).fill(0).with(0, 15).with(2, 16),
  )
  expect([...readHints(readModule(hinted)).keys()]).toEqual([1])
  expect(readHints(readModule(hinted)).get(1)?.[1]).toBe(0)
})

/** The instructions that hints of defined function `index` stand at. */
function branchesAt(bytes: Uint8Array, index: number, pairs: readonly number[]): number[] {
  const { start } = readModule(bytes).bodies[index] ?? { start: 0 }
  return pairs.filter((_, at) => at % 2 === 0).map((offset) => bytes[start + offset] ?? -1)
}
