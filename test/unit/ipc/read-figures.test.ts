import { expect, test } from 'vitest'
import { readFigures } from '../../../src/ipc/read-figures.ts'
import { busyFigures } from '../master/busy-machine.ts'

test('what a worker says is read as it is', () => {
  const figures = busyFigures(2)
  expect(readFigures(JSON.parse(JSON.stringify(figures)))).toEqual(figures)
})

const tenant = busyFigures(1).tenants[0]
const BAD: ReadonlyArray<readonly [name: string, more: object]> = [
  ['no processor time', { cpuMs: undefined }],
  ['a negative count', { sentBytes: -1 }],
  ['no number', { connections: Number.NaN }],
  ['waits of another shape', { waits: [[1]] }],
  ['too many bounds', { waits: Array.from({ length: 100 }, () => [1, 1]) }],
  ['tenants that are none', { tenants: {} }],
  ['a count too few', { tenants: [{ ...tenant, counts: [1] }] }],
  ['a gauge that is text', { tenants: [{ ...tenant, gauges: ['1', 2, 3, 4] }] }],
  ['a kind that would end its label', { tenants: [{ ...tenant, kills: { 'a"} 1\nb': 1 } }] }],
  ['a name that is too long', { tenants: [{ ...tenant, tenant: 'x'.repeat(65) }] }],
]

test.for(BAD)('%s', ([, more]) => {
  expect(readFigures({ ...busyFigures(1), ...more })).toBeUndefined()
})

test.for([undefined, null, 7, 'text', []])('%s', (value) => {
  expect(readFigures(value)).toBeUndefined()
})
