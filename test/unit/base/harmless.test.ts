import { expect, test } from 'vitest'
import { harmless, harmlessJson, harmlessLines } from '../../../src/base/harmless.ts'

/** Colours, the title of a window, a cursor that goes back, and the one-byte starts of the same. */
const WORDS = '\u001b[2Ja\u001b]0;b\u0007\rc\u009b1md\u007f\u0000'

test('nothing is left that moves a cursor', () => {
  expect(harmless(WORDS)).toBe('?[2Ja?]0;b??c?1md??')
  expect(harmless('one\n\ttwo é 日')).toBe('one??two é 日')
})

test('lines and columns stay where they are wanted', () => {
  expect(harmlessLines(`one\n\t${WORDS}\r\ntwo`)).toBe('one\n\t?[2Ja?]0;b??c?1md???\ntwo')
})

test('JSON says what it has said', () => {
  const json = harmlessJson(JSON.stringify({ [WORDS]: WORDS }))
  expect(json).not.toMatch(/\p{Cc}/u)
  expect(json).toContain(String.raw`c\u009b1md\u007f\u0000`)
  expect(JSON.parse(json)).toEqual({ [WORDS]: WORDS })
})
