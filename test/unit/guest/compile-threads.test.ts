import { expect, test } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { CompileCache } from '../../../src/guest/compile-cache.ts'
import { compileInThreads } from '../../../src/guest/compile-threads.ts'
import { runToEnd } from '../../../src/guest/engine.ts'
import { GuestInstance } from '../../../src/guest/instance.ts'
import { DEFAULT_MODULE_LIMITS } from '../../../src/wasm/limits.ts'
import { CollectingSink, grants, job } from '../../support/guest.ts'
import { wat } from '../../support/wat.ts'

const cache = new CompileCache({ compile: compileInThreads() })
const options = {
  name: 'test.wasm',
  memoryMaxBytes: 1024 * 1024,
  functionBytes: DEFAULT_MODULE_LIMITS.functionBytes,
}

/** Prints `x`, and has so many more functions, none of which is called. */
function moduleOf(functions: number): Uint8Array<ArrayBuffer> {
  const one =
    '(func (local i32) (loop (br_if 0 (local.tee 0 (i32.add (local.get 0) (i32.const 1))))))'
  return new Uint8Array(
    wat(`(module
      (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00") (data (i32.const 16) "x")
      (func (export "_start") (drop (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
      ${one.repeat(functions)})`),
  )
}

// Small and large ones have threads of their own.
const SIZES = [
  ['small', 4_000],
  ['large', 80_000],
] as const

test.each(SIZES)('a %s module is made beside the event loop, and runs', async (_, functions) => {
  const bytes = moduleOf(functions)
  let longestMs = 0
  let lastMs = performance.now()
  let isOver = false
  const look = () => {
    longestMs = Math.max(longestMs, performance.now() - lastMs)
    lastMs = performance.now()
    if (!isOver) setImmediate(look)
  }
  const fromMs = performance.now()
  setImmediate(look)
  const module = await cache.compile(bytes, options)
  isOver = true
  expect(longestMs).toBeLessThan((performance.now() - fromMs) / 3)
  // Given away, not copied.
  expect(bytes.byteLength).toBe(0)
  const stdout = new CollectingSink()
  const instance = new GuestInstance(module, systemClock)
  const { outcome } = await runToEnd(instance, job({ grants: grants({ stdout }) }))
  expect([outcome.kind, stdout.text]).toEqual(['exited', 'x'])
})

const REFUSED = [
  { name: 'no module', bytes: new Uint8Array([1, 2, 3]), code: 'WASM_NOT_A_MODULE' },
  { name: 'no command', bytes: wat('(module)'), code: 'GUEST_WRONG_CONTRACT' },
]

test.each(REFUSED)('$name: $code, as without threads', async ({ bytes, code }) => {
  for (const one of [cache, new CompileCache()])
    await expect(one.compile(new Uint8Array(bytes), options)).rejects.toMatchObject({ code })
  // The thread goes on.
  expect((await cache.compile(moduleOf(1), options)).wasiNames).toEqual(new Set(['fd_write']))
})
