import { expect, test } from 'vitest'
import { readAdminMessage } from '../../../src/ipc/admin-messages.ts'

const GOOD = [
  { kind: 'ready' },
  { kind: 'beat', droppedLines: 0 },
  { kind: 'beat', droppedLines: 12 },
  { kind: 'failed', error: { code: 'STORE_IO', message: 'Cannot', details: {} } },
  { kind: 'ask', id: 1, question: { what: 'reload' } },
  { kind: 'ask', id: 2, question: { what: 'status', tenant: undefined } },
  { kind: 'ask', id: 3, question: { what: 'status', tenant: 'acme' } },
]

test.for(GOOD)('%j', (message) => {
  expect(readAdminMessage(JSON.parse(JSON.stringify(message)))).toEqual(message)
})

const BAD = [
  undefined,
  null,
  'ready',
  {},
  { kind: 'start' },
  { kind: 'failed' },
  { kind: 'beat' },
  { kind: 'beat', droppedLines: -1 },
  { kind: 'beat', droppedLines: '1' },
  { kind: 'beat', droppedLines: 1.5 },
  { kind: 'failed', error: { code: 1, message: 'x' } },
  { kind: 'ask', question: { what: 'reload' } },
  { kind: 'ask', id: 1.5, question: { what: 'reload' } },
  { kind: 'ask', id: 1 },
  { kind: 'ask', id: 1, question: { what: 'stop' } },
  { kind: 'ask', id: 1, question: { what: 'status', tenant: 7 } },
]

test.for(BAD)('%j is no message', (message) => {
  expect(readAdminMessage(message)).toBeUndefined()
})
