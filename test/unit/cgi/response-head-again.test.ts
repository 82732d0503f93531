import { expect, test } from 'vitest'
import { HeldBytes } from '../../../src/base/held-bytes.ts'
import { type HeadRules, readHead } from '../../../src/cgi/response-head.ts'

const RULES = {
  role: 'responder',
  limits: { headerCount: 10 },
  allowedHeaders: new Set<string>(),
} as const
/** As it comes: behind something else. */
function read(text: string, rules: HeadRules) {
  const held = new HeldBytes()
  const bytes = Buffer.from(`before${text}`, 'latin1')
  held.append(bytes, 0, bytes.length)
  return readHead(held, 6, bytes.length, rules)
}

const TEXT = 'Content-Type: text/plain\nX-Accel-Redirect: /x\n'

test('the same head under the same rules is the same object, whoever prints it', () => {
  expect(read(TEXT, { ...RULES })).toBe(read(TEXT, RULES))
})

const OTHERS = [
  { name: 'role', rules: { ...RULES, role: 'authorizer' as const } },
  { name: 'number of fields', rules: { ...RULES, limits: { headerCount: 11 } } },
  { name: 'allowed fields', rules: { ...RULES, allowedHeaders: new Set(['x-accel-redirect']) } },
]

for (const { name, rules } of OTHERS) {
  test(`another ${name}: it is parsed`, () => {
    const first = read(TEXT, RULES)
    expect(read(TEXT, rules)).not.toBe(first)
  })
}

test('what another tenant may send does not get through for one that may not', () => {
  const allowed = { ...RULES, allowedHeaders: new Set(['x-accel-redirect']) }
  expect(read(TEXT, allowed).fields).toContain('X-Accel-Redirect')
  expect(read(TEXT, RULES).fields).not.toContain('X-Accel-Redirect')
})

test('a head that is refused is refused again', () => {
  for (const _ of [1, 2]) {
    expect(() => read('no field\n', RULES)).toThrow(
      expect.objectContaining({ code: 'CGI_BAD_HEADER' }),
    )
  }
})
