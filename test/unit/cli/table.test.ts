import { expect, test } from 'vitest'
import { harmless } from '../../../src/base/harmless.ts'
import { printTable } from '../../../src/cli/table.ts'

test('columns are as wide as their widest cell; numbers stand to the right', () => {
  const text = printTable(
    ['NAME', { title: 'SIZE', align: 'right' }, 'ROOT'],
    [
      ['a', '5', '/srv/a'],
      ['longer', '1234567', ''],
    ],
  )
  expect(text).toBe('NAME       SIZE  ROOT\na             5  /srv/a\nlonger  1234567\n')
})

test('characters count, not UTF-16 units', () => {
  expect(printTable(['A', 'B'], [['😀', 'x']])).toBe('A  B\n😀  x\n')
})

test('missing cells are empty, further ones are left out', () => {
  expect(printTable(['A', 'B'], [['x'], ['1', '2', '3']])).toBe('A  B\nx\n1  2\n')
})

test('nothing in a cell moves the cursor', () => {
  expect(printTable(['A'], [['\x1b[2Jx\ny']])).toBe('A\n?[2Jx?y\n')
  expect(harmless('ä\u009bb\0')).toBe('ä?b?')
})
