/** The module that warms up the hardener is one that hardening has work with. */
import { expect, test } from 'vitest'
import { WARM_UP_MODULE, warmHardener } from '../../../src/guest/warm-hardener.ts'
import { harden } from '../../../src/wasm/harden-module.ts'

test('has a loop, a call of unknown target and a bulk instruction, and stays within its limits', () => {
  const bytes = Buffer.from(WARM_UP_MODULE, 'base64')
  expect(WebAssembly.validate(bytes)).toBe(true)
  const { bytes: hardened, report } = harden(bytes, { memoryMaxBytes: 65_536, tableMaxElements: 1 })
  expect(WebAssembly.validate(hardened)).toBe(true)
  expect(report.checks).toMatchObject({ loops: 2, bulk: 1 })
  expect(() => warmHardener()).not.toThrow()
})
