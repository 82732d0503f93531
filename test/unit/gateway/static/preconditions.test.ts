import { expect, test } from 'vitest'
import {
  type Conditions,
  checkConditions,
  isRangeOfSame,
} from '../../../../src/gateway/static/preconditions.ts'

const NONE: Conditions = { ifMatch: undefined, ifNoneMatch: undefined, ifRange: undefined }

const CASES: ReadonlyArray<readonly [ifMatch: string, ifNoneMatch: string, verdict: string]> = [
  ['-', '-', 'send'],
  // If-Match compares strongly
  ['"abc"', '-', 'send'],
  ['*', '-', 'send'],
  [' * ', '-', 'send'],
  ['"x", "abc"', '-', 'send'],
  ['"x"', '-', 'precondition-failed'],
  ['W/"abc"', '-', 'precondition-failed'],
  ['"abc-gzip"', '-', 'precondition-failed'],
  ['', '-', 'precondition-failed'],
  ['abc', '-', 'precondition-failed'],
  // If-None-Match weakly
  ['-', '"abc"', 'not-modified'],
  ['-', 'W/"abc"', 'not-modified'],
  ['-', '*', 'not-modified'],
  ['-', '"x","y" , W/"abc"', 'not-modified'],
  ['-', ',, "abc"', 'not-modified'],
  ['-', '"abc-gzip"', 'not-modified'],
  ['-', 'W/"abc-br"', 'not-modified'],
  ['-', '"abc-"', 'send'],
  ['-', '"abcd"', 'send'],
  ['-', '"ABC"', 'send'],
  ['-', 'abc', 'send'],
  ['-', '"x" "abc"', 'send'],
  ['-', 'w/"abc"', 'send'],
  ['-', '"x, "abc"', 'send'],
  ['-', '"a b", "abc"', 'send'],
  ['-', '', 'send'],
  ['-', '"', 'send'],
  // both: If-Match first
  ['"abc"', '"abc"', 'not-modified'],
  ['"x"', '"abc"', 'precondition-failed'],
  ['"abc"', '"x"', 'send'],
]

for (const [ifMatch, ifNoneMatch, verdict] of CASES) {
  test(`If-Match: ${ifMatch}; If-None-Match: ${ifNoneMatch}`, () => {
    const given = (value: string) => (value === '-' ? undefined : value)
    const conditions = { ...NONE, ifMatch: given(ifMatch), ifNoneMatch: given(ifNoneMatch) }
    expect(checkConditions(conditions, 'abc')).toBe(verdict)
  })
}

const IF_RANGE: ReadonlyArray<readonly [value: string | undefined, counts: boolean]> = [
  [undefined, true],
  ['"abc"', true],
  ['W/"abc"', false],
  ['"abd"', false],
  ['*', false],
  ['Mon, 23 Nov 2026 07:28:00 GMT', false],
  ['', false],
]

for (const [ifRange, counts] of IF_RANGE) {
  test(`If-Range: ${ifRange}`, () => {
    expect(isRangeOfSame({ ...NONE, ifRange }, 'abc')).toBe(counts)
  })
}

test('long fields take no long time', () => {
  const blanks = ' '.repeat(200_000)
  for (const ifNoneMatch of [
    `${blanks}x`,
    `"a"${blanks}x`,
    '"a",'.repeat(50_000),
    '"'.repeat(200_000),
  ]) {
    expect(checkConditions({ ...NONE, ifNoneMatch }, 'abc')).toBe('send')
  }
})
