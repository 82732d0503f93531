import { expect, test } from 'vitest'
import { nameValuesOf } from '../../../src/base/name-values.ts'
import { Variables } from '../../../src/cgi/variables.ts'

const NAMES = ['REQUEST_METHOD', 'HTTP_COOKIE', 'X', 'HTTP_PROXY', 'HTTP_COOKIE', 'CONTENT_LENGTH']

function send(...values: readonly string[]): Variables {
  return new Variables(
    nameValuesOf(NAMES.map((name, index) => [name, values[index] ?? ''] as const)),
  )
}

test('requests with the same names have values of their own', () => {
  const first = send('GET', 'a=1', 'x', 'http://evil', 'b=2', '-1')
  first.delete('CONTENT_LENGTH')
  const second = send('POST', 'c=3', '', 'http://evil', 'd=4', '7')
  expect([...first]).toEqual([
    ['REQUEST_METHOD', 'GET'],
    ['HTTP_COOKIE', 'a=1; b=2'],
    ['X', 'x'],
  ])
  expect([...second]).toEqual([
    ['REQUEST_METHOD', 'POST'],
    ['HTTP_COOKIE', 'c=3; d=4'],
    ['X', ''],
    ['CONTENT_LENGTH', '7'],
  ])
})

test('a value that one request must not have is no matter of the next one', () => {
  expect(send('GET', '', 'a\0b').has('X')).toBe(false)
  expect(send('GET', '', 'ab').get('X')).toBe('ab')
  expect(() => send('GET', 'a\0b')).toThrow(expect.objectContaining({ code: 'CGI_BAD_VARIABLE' }))
})

test('names are told apart in any order, and however many kinds of requests there are', () => {
  const kinds = Array.from({ length: 50 }, (_, kind) => [
    ['REQUEST_METHOD', 'GET'] as const,
    [`HTTP_X_${kind}`, 'x'] as const,
    [kind % 2 === 0 ? 'A' : 'B', String(kind)] as const,
  ])
  for (const pairs of [...kinds, ...kinds.toReversed()]) {
    expect([...new Variables(nameValuesOf(pairs))]).toEqual(pairs)
    expect([...new Variables(nameValuesOf(pairs.toReversed()))]).toEqual(pairs.toReversed())
    expect([...new Variables(nameValuesOf(pairs.slice(1)))]).toEqual(pairs.slice(1))
  }
})

test('more names than are remembered', () => {
  const pairs = Array.from({ length: 500 }, (_, index) => [`N${index}`, String(index)] as const)
  for (const _ of [1, 2]) expect([...new Variables(nameValuesOf(pairs))]).toEqual(pairs)
})
