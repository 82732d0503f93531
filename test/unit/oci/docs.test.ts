import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { DEFAULT_OCI_LIMITS } from '../../../src/oci/limits.ts'

const docs = readFileSync('docs/oci.md', 'utf8')

test('docs/oci.md has every limit with its default, and no other', () => {
  const rows = [...docs.matchAll(/^\| `([a-zA-Z]+)` \| ([0-9]+) \|/gm)]
  expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual(
    DEFAULT_OCI_LIMITS,
  )
})

test('docs/oci.md has every error code, and no other', () => {
  const text = readFileSync('src/oci/errors.ts', 'utf8')
  const codes = [...text.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code)
  const rows = [...docs.matchAll(/^\| `(OCI_[A-Z_]+)` \| \S/gm)].map(([, code]) => code)
  expect(codes.length).toBeGreaterThan(15)
  expect(rows).toEqual(codes)
})
