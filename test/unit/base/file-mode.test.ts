import { expect, test } from 'vitest'
import { isOpenToOthers, isWritableByOthers, printMode } from '../../../src/base/file-mode.ts'

const PLAIN_FILE = 0o100_000
const BITS = Array.from({ length: 9 }, (_, bit) => 1 << bit)

test.each(BITS)('bit %i', (bit) => {
  const mode = PLAIN_FILE | 0o600 | bit
  expect(isOpenToOthers(mode)).toBe(bit < 0o100)
  expect(isWritableByOthers(mode)).toBe(bit === 0o020 || bit === 0o002)
})

test('it is printed as chmod takes it', () => {
  expect([0o100_644, 0o40_700, 0o100_000].map(printMode)).toEqual(['0644', '0700', '0000'])
})
