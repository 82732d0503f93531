/** What another worker says is believed only if it has the shape of a status of the same tenant. */
import { expect, test } from 'vitest'
import { mergePoolStatus } from '../../../../src/gateway/status/merge.ts'
import { readStatus } from '../../../../src/gateway/status/read-status.ts'
import { STATUS } from './sample-status.ts'

test('a status comes back as it was', () => {
  const read = readStatus(JSON.stringify(STATUS), STATUS)
  expect(read).toEqual(STATUS)
  if (read !== undefined) {
    expect(mergePoolStatus(STATUS, read).acceptedConnections).toBe(2 * STATUS.acceptedConnections)
  }
})

const BAD: readonly { readonly name: string; readonly value: unknown }[] = [
  { name: 'nothing', value: null },
  { name: 'a number', value: 1 },
  { name: 'no fields', value: {} },
  { name: 'another tenant', value: { ...STATUS, pool: 'other' } },
  { name: 'a counter that is text', value: { ...STATUS, acceptedConnections: '1' } },
  { name: 'a negative counter', value: { ...STATUS, listenQueue: -1 } },
  { name: 'no processes', value: { ...STATUS, processes: {} } },
  { name: 'a process without fields', value: { ...STATUS, processes: [{}] } },
  {
    name: 'a process in a state of its own',
    value: { ...STATUS, processes: STATUS.processes.map((one) => ({ ...one, state: '<b>' })) },
  },
  { name: 'nothing of our own', value: { ...STATUS, own: null } },
  { name: 'traps that are text', value: { ...STATUS, own: { ...STATUS.own, traps: { x: 'y' } } } },
  {
    name: 'waits without counts',
    value: { ...STATUS, own: { ...STATUS.own, queueWait: { counts: {}, sumMs: 0 } } },
  },
]

for (const { name, value } of BAD) {
  test(`refuses ${name}`, () => expect(readStatus(JSON.stringify(value), STATUS)).toBeUndefined())
}

test('refuses what is not JSON', () => expect(readStatus('{', STATUS)).toBeUndefined())
