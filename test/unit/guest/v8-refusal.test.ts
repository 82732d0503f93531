/** What V8 refuses is said of the module as it was published. */
import { expect, test } from 'vitest'
import { compileHardenedModule, hardenAndCompile } from '../../../src/guest/make-module.ts'
import { harden } from '../../../src/wasm/harden-module.ts'

/** `_start` leaves an i32 behind: well-formed, wrong types. V8 notices at the `end` of the function. */
const WRONG = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 3, 1, 0, 1],
  ...[7, 19, 2, 6, ...Buffer.from('memory'), 2, 0, 6, ...Buffer.from('_start'), 0, 0],
  ...[10, 6, 1, 4, 0, 0x41, 0, 0x0b],
])
const END_AT = WRONG.length - 1
const OPTIONS = { digest: 'x', name: 'shop', memoryMaxBytes: 1 << 20, functionBytes: 1000 }

test('the function, and where in it', async () => {
  await expect(hardenAndCompile(WRONG, OPTIONS)).rejects.toMatchObject({
    code: 'GUEST_INVALID_MODULE',
    message: `Cannot compile shop: Compiling function #0 failed: expected 0 elements on the stack for fallthru, found 1 @+${END_AT}, wanted a WebAssembly module`,
  })
})

test('where there is nothing but the hardened one, no place that nobody can find', async () => {
  const { bytes } = harden(WRONG, { memoryMaxBytes: 1 << 20, tableMaxElements: 10 })
  const facts = { digest: 'x', name: 'shop', memoryMaxBytes: 1, isResettable: true }
  await expect(compileHardenedModule(bytes, facts)).rejects.toMatchObject({
    message: expect.stringMatching(/function #0 failed: .* found 1, as hardened, wanted a W/),
  })
})
