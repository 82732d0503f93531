import { expect, test } from 'vitest'
import { parseHeadAgain } from '../../../src/cgi/response-head.ts'

const RULES = { role: 'responder', headerCount: 10, allowedHeaders: new Set<string>() } as const
const TEXT = 'Content-Type: text/plain\nX-Accel-Redirect: /x\n'

test('the same head under the same rules is the same object, whoever prints it', () => {
  expect(parseHeadAgain(TEXT, { ...RULES })).toBe(parseHeadAgain(TEXT, RULES))
})

const OTHERS = [
  { name: 'role', rules: { ...RULES, role: 'authorizer' as const } },
  { name: 'number of fields', rules: { ...RULES, headerCount: 11 } },
  { name: 'allowed fields', rules: { ...RULES, allowedHeaders: new Set(['x-accel-redirect']) } },
]

for (const { name, rules } of OTHERS) {
  test(`another ${name}: it is parsed`, () => {
    const first = parseHeadAgain(TEXT, RULES)
    expect(parseHeadAgain(TEXT, rules)).not.toBe(first)
  })
}

test('what another tenant may send does not get through for one that may not', () => {
  const allowed = { ...RULES, allowedHeaders: new Set(['x-accel-redirect']) }
  expect(parseHeadAgain(TEXT, allowed).fields).toContain('X-Accel-Redirect')
  expect(parseHeadAgain(TEXT, RULES).fields).not.toContain('X-Accel-Redirect')
})

test('a head that is refused is refused again', () => {
  for (const _ of [1, 2]) {
    expect(() => parseHeadAgain('no field\n', RULES)).toThrow(
      expect.objectContaining({ code: 'CGI_BAD_HEADER' }),
    )
  }
})
