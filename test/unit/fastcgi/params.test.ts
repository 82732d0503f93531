import { expect, test } from 'vitest'
import { encodeParams, readParams } from '../../../src/fastcgi/params.ts'
import { hex } from '../../support/fastcgi/hex.ts'

const LIMITS = { paramsPairs: 1000, paramNameBytes: 4096 }
const LONG = 'v'.repeat(128)
const LONG_NAME = 'n'.repeat(300)

const CASES: { name: string; bytes: string; pairs: [string, string][] }[] = [
  { name: 'nothing', bytes: '', pairs: [] },
  { name: 'lengths 1/1', bytes: "01 02 'A' 'bc'", pairs: [['A', 'bc']] },
  { name: 'lengths 1/4', bytes: `01 80000080 'A' '${LONG}'`, pairs: [['A', LONG]] },
  { name: 'lengths 4/1', bytes: `8000012c 01 '${LONG_NAME}' 'x'`, pairs: [[LONG_NAME, 'x']] },
  {
    name: 'lengths 4/4',
    bytes: `8000012c 80000080 '${LONG_NAME}' '${LONG}'`,
    pairs: [[LONG_NAME, LONG]],
  },
  { name: 'short lengths in 4 bytes', bytes: "80000001 80000002 'A' 'bc'", pairs: [['A', 'bc']] },
  {
    name: 'the longest 1-byte length',
    bytes: `01 7f 'A' '${'x'.repeat(127)}'`,
    pairs: [['A', 'x'.repeat(127)]],
  },
  {
    name: 'an empty value',
    bytes: "01 00 'A' 01 01 'B' 'x'",
    pairs: [
      ['A', ''],
      ['B', 'x'],
    ],
  },
  { name: 'an empty name, left out', bytes: "00 01 'x' 01 01 'B' 'y'", pairs: [['B', 'y']] },
  { name: 'an empty pair at the end', bytes: "01 00 'A' 00 00", pairs: [['A', '']] },
  {
    name: 'duplicates, in order',
    bytes: "01 01 'A' '1' 01 01 'A' '2'",
    pairs: [
      ['A', '1'],
      ['A', '2'],
    ],
  },
  {
    name: 'bytes that are not UTF-8',
    bytes: '01 04 41 80 ff 00 c3',
    pairs: [['A', '\x80\xff\x00\xc3']],
  },
  {
    name: 'names JavaScript objects know',
    bytes: "09 01 '__proto__' '1' 0b 01 'constructor' '2' 08 01 'toString' '3'",
    pairs: [
      ['__proto__', '1'],
      ['constructor', '2'],
      ['toString', '3'],
    ],
  },
]

test.each(CASES)('decodes $name', ({ bytes, pairs }) => {
  const first = readParams(hex(bytes), LIMITS)
  expect([[...first.params], first.fault]).toEqual([pairs, undefined])
  // Their names are known now.
  const second = readParams(hex(bytes), LIMITS)
  expect([[...second.params], second.fault]).toEqual([pairs, undefined])
})

test('encodes with the shortest lengths', () => {
  expect(
    encodeParams([
      ['A', 'bc'],
      ['B', LONG],
      [LONG_NAME, ''],
    ]),
  ).toEqual(hex(`01 02 'A' 'bc' 01 80000080 'B' '${LONG}' 8000012c 00 '${LONG_NAME}'`))
})

test('encodes every byte there is, and nothing more', () => {
  expect(encodeParams([['A', '\x00\x80\xff']])).toEqual(hex('01 03 41 00 80 ff'))
  expect(() => encodeParams([['A', '\u0100']])).toThrow(
    expect.objectContaining({ code: 'FASTCGI_BAD_PARAMS' }),
  )
})

const CUT = [
  { name: '1/1', bytes: "03 02 'ABC' 'xy'" },
  { name: '1/4', bytes: "03 80000002 'ABC' 'xy'" },
  { name: '4/1', bytes: "80000003 02 'ABC' 'xy'" },
  { name: '4/4', bytes: "80000003 80000002 'ABC' 'xy'" },
]

test.each(CUT)('a pair with lengths $name is refused wherever it is cut', ({ bytes }) => {
  const whole = hex(bytes)
  expect(readParams(whole, LIMITS).fault).toBeUndefined()
  for (let length = 1; length < whole.length; length++) {
    const { params, fault } = readParams(whole.subarray(0, length), LIMITS)
    expect([[...params], fault?.code], `cut at ${length}`).toEqual([[], 'FASTCGI_BAD_PARAMS'])
  }
})

const HUGE = [
  { name: 'both 2^31 - 1', bytes: "ffffffff ffffffff 'A'" },
  { name: 'a sum of 2^32 - 2', bytes: 'ffffffff ffffffff' },
  { name: 'a name of 2^31 - 1', bytes: "ffffffff 00 'A'" },
  { name: 'a value of 2^31 - 1', bytes: "01 ffffffff 'A'" },
  { name: 'a value of 2^24', bytes: "01 81000000 'A'" },
  { name: 'one byte too many', bytes: "01 02 'A' 'x'" },
]

test.each(HUGE)('$name announced is refused', ({ bytes }) => {
  expect(readParams(hex(bytes), LIMITS).fault?.code).toBe('FASTCGI_BAD_PARAMS')
})

test('pairs before a fault are kept', () => {
  expect([...readParams(hex("01 01 'A' '1' 05"), LIMITS).params]).toEqual([['A', '1']])
})

test('the number of pairs is capped, empty names included', () => {
  const pairs = hex('0000'.repeat(3))
  expect(readParams(pairs, { ...LIMITS, paramsPairs: 3 }).fault).toBeUndefined()
  expect(readParams(pairs, { ...LIMITS, paramsPairs: 2 }).fault?.code).toBe(
    'FASTCGI_PARAMS_TOO_LARGE',
  )
})

test('the length of a name is capped', () => {
  const pair = hex("03 00 'ABC'")
  expect(readParams(pair, { ...LIMITS, paramNameBytes: 3 }).fault).toBeUndefined()
  expect(readParams(pair, { ...LIMITS, paramNameBytes: 2 }).fault?.code).toBe(
    'FASTCGI_PARAMS_TOO_LARGE',
  )
})

test('names that came before are the same list again, whatever their values and the form of their lengths', () => {
  const first = readParams(hex("01 01 'A' '1' 02 00 'BC'"), LIMITS).params
  const second = readParams(hex("80000001 80000002 'A' 'xy' 02 01 'BC' 'z'"), LIMITS).params
  expect(second.names).toBe(first.names)
  expect([...second]).toEqual([
    ['A', 'xy'],
    ['BC', 'z'],
  ])
})

test.each([
  ['another name', "01 01 'A' '1' 02 00 'BD'", ['A', 'BD']],
  ['a name less', "01 01 'A' '1'", ['A']],
  ['a name more', "01 01 'A' '1' 02 00 'BC' 01 00 'D'", ['A', 'BC', 'D']],
  ['an empty name', "01 01 'A' '1' 00 00 02 00 'BC'", ['A', 'BC']],
  ['names that begin elsewhere', "02 00 'AB' 01 00 'C'", ['AB', 'C']],
  ['another order', "02 00 'BC' 01 01 'A' '1'", ['BC', 'A']],
])('names are not taken for known ones: %s', (_, bytes, names) => {
  readParams(hex("01 01 'A' '1' 02 00 'BC'"), LIMITS)
  const { params, fault } = readParams(hex(bytes), LIMITS)
  expect([params.names, fault]).toEqual([names, undefined])
})

test('a limit holds for known names, too', () => {
  const bytes = hex("01 01 'A' '1' 02 00 'BC'")
  readParams(bytes, LIMITS)
  expect(readParams(bytes, { ...LIMITS, paramsPairs: 1 }).fault?.code).toBe(
    'FASTCGI_PARAMS_TOO_LARGE',
  )
  expect(readParams(bytes, { ...LIMITS, paramNameBytes: 1 }).fault?.code).toBe(
    'FASTCGI_PARAMS_TOO_LARGE',
  )
})
