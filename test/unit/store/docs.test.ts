import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MAX_WIT_BYTES } from '../../../src/publisher/validate-component.ts'
import { DEFAULT_STORE_LIMITS } from '../../../src/store/limits.ts'
import { DEFAULT_PUBLISHER_LIMITS } from '../../../src/store/publisher-process.ts'

const docs = readFileSync('docs/publishing.md', 'utf8')

test('docs/publishing.md has every limit with its default, and no other', () => {
  const rows = [...docs.matchAll(/^\| `([a-zA-Z]+)` \| ([0-9]+) \|/gm)]
  expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual({
    ...DEFAULT_STORE_LIMITS,
    ...DEFAULT_PUBLISHER_LIMITS,
    witBytes: MAX_WIT_BYTES,
  })
})

test('docs/publishing.md has every error code, and no other', () => {
  const codes = ['src/store/errors.ts', 'src/publisher/errors.ts'].flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code),
  )
  const rows = [...docs.matchAll(/^\| `((?:STORE|PUBLISHER)_[A-Z_]+)` \| \S/gm)].map(
    ([, code]) => code,
  )
  expect(codes.length).toBeGreaterThan(20)
  expect(rows).toEqual(codes)
})
