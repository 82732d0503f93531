import { expect, test } from 'vitest'
import { type ByteSource, NOTHING_YET } from '../../../src/base/byte-stream.ts'
import { RequestBody } from '../../../src/gateway/request-body.ts'

/** Gives the parts, then the end. */
function source(...parts: string[]): ByteSource {
  const left = parts.map((part) => Buffer.from(part))
  return {
    read(maxBytes) {
      const next = left.shift()
      if (next === undefined) return undefined
      if (next.length > maxBytes) left.unshift(next.subarray(maxBytes))
      return next.length === 0 ? NOTHING_YET : next.subarray(0, maxBytes)
    },
    onReadable: (wake) => wake(),
  }
}

function readAll(body: RequestBody, maxBytes = 4): string {
  let text = ''
  for (let bytes = body.read(maxBytes); bytes !== undefined; bytes = body.read(maxBytes)) {
    text += Buffer.from(bytes).toString()
  }
  return text
}

const CASES = [
  {
    name: 'the length announced',
    declared: 6,
    parts: ['abc', 'def'],
    text: 'abcdef',
    code: undefined,
  },
  {
    name: 'no length announced: read to the end',
    declared: undefined,
    parts: ['abc', '', 'def'],
    text: 'abcdef',
    code: undefined,
  },
  { name: 'an empty body', declared: 0, parts: [], text: '', code: undefined },
  {
    name: 'more than announced: cut',
    declared: 4,
    parts: ['abc', 'def'],
    text: 'abcd',
    code: undefined,
  },
  {
    name: 'less than announced',
    declared: 9,
    parts: ['abc', 'def'],
    text: 'abcdef',
    code: 'GATEWAY_BODY_MISMATCH',
  },
  {
    name: 'over the limit without a length',
    declared: undefined,
    parts: ['abcdefgh', 'ij'],
    text: 'abcdefgh',
    code: 'GATEWAY_BODY_TOO_LARGE',
  },
] as const

for (const { name, declared, parts, text, code } of CASES) {
  test(name, () => {
    const errors: string[] = []
    const body = new RequestBody(
      source(...parts),
      { declared, maxBytes: 9 },
      {
        refuse: (error) => void errors.push(error.code),
      },
    )
    expect(readAll(body)).toBe(text)
    expect(errors).toEqual(code === undefined ? [] : [code])
  })
}

test('a length over the limit is refused before a byte is read', () => {
  expect(
    () => new RequestBody(source('x'), { declared: 10, maxBytes: 9 }, { refuse: () => undefined }),
  ).toThrow(expect.objectContaining({ code: 'GATEWAY_BODY_TOO_LARGE' }))
})
