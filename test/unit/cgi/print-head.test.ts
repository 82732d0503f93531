import { expect, test } from 'vitest'
import { printHead } from '../../../src/cgi/print-head.ts'
import type { ResponseHead } from '../../../src/cgi/response-head.ts'

const HEAD: ResponseHead = {
  status: 200,
  reason: 'OK',
  fields: 'Content-Type: text/plain\r\n',
  top: 'Status: 200 OK\r\nContent-Type: text/plain\r\n',
  contentLength: undefined,
  hasContentType: true,
  hasLocation: false,
}
const UNTYPED = { ...HEAD, top: 'Status: 200 OK\r\n', hasContentType: false }
const LONG = { ...HEAD, top: `Status: 200 OK\r\nX: ${'x'.repeat(5000)}\r\n` }
const NO_TYPE = 'Content-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\n'

/** In this order: what is kept of one must not show in the next. */
const CASES = [
  { name: 'a length', head: HEAD, length: 5, id: 'r1', middle: 'Content-Length: 5\r\n' },
  { name: 'another id', head: HEAD, length: 5, id: 'r2-longer', middle: 'Content-Length: 5\r\n' },
  { name: 'a shorter id again', head: HEAD, length: 5, id: 'r3', middle: 'Content-Length: 5\r\n' },
  { name: 'another length', head: HEAD, length: 60, id: 'r4', middle: 'Content-Length: 60\r\n' },
  { name: 'no length', head: HEAD, length: undefined, id: 'r5', middle: '' },
  {
    name: 'no type',
    head: UNTYPED,
    length: 1,
    id: 'r6',
    middle: `${NO_TYPE}Content-Length: 1\r\n`,
  },
  { name: 'an empty body', head: UNTYPED, length: 0, id: 'r7', middle: 'Content-Length: 0\r\n' },
  { name: 'more than is kept', head: LONG, length: 1, id: 'r8', middle: 'Content-Length: 1\r\n' },
  { name: 'the first again', head: HEAD, length: 5, id: 'r9', middle: 'Content-Length: 5\r\n' },
]

for (const { name, head, length, id, middle } of CASES) {
  test(name, () => {
    const bytes = printHead(head, { length, isBodiless: false, requestId: id })
    expect(Buffer.from(bytes).toString('latin1')).toBe(
      `${head.top}${middle}X-Request-Id: ${id}\r\n\r\n`,
    )
  })
}

test('the answer to HEAD is not taken for the next one, nor the other way round', () => {
  const print = (isBodiless: boolean): string =>
    Buffer.from(printHead(UNTYPED, { length: undefined, isBodiless, requestId: 'r' })).toString(
      'latin1',
    )
  for (const isBodiless of [true, false, true, false]) {
    expect(print(isBodiless).includes(NO_TYPE)).toBe(!isBodiless)
  }
})
