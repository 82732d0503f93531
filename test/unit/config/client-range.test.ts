import { expect, test } from 'vitest'
import { isClientRange } from '../../../src/config/client-range.ts'

const RANGES: ReadonlyArray<readonly [string, boolean]> = [
  ['127.0.0.1', true],
  ['10.0.0.0/8', true],
  ['10.0.0.0/33', false],
  ['::1', true],
  ['fd00::/8', true],
  ['fd00::/129', false],
  ['example.com', false],
  ['10.0.0.0/', false],
  ['', false],
  ['any', false],
]
for (const [text, allowed] of RANGES) {
  test(`client ${JSON.stringify(text)}`, () => expect(isClientRange(text)).toBe(allowed))
}
