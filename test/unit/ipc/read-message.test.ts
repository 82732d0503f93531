/** The master believes nothing about the shape of what a worker says. */
import { expect, test } from 'vitest'
import { readWorkerMessage } from '../../../src/ipc/read-message.ts'

const error = { code: 'WASI_NO_SUCH', message: 'no', details: {} }

const GOOD = [
  [{ kind: 'ready' }, { kind: 'ready' }],
  [
    { kind: 'beat', load: 0.5, isActive: true, isWorn: false, extra: 1 },
    { kind: 'beat', load: 0.5, isActive: true, isWorn: false },
  ],
  [{ kind: 'beat', load: 0.5 }, undefined],
  [{ kind: 'beat', load: -1, isActive: true, isWorn: false }, undefined],
  [{ kind: 'beat', load: 1, isActive: true }, undefined],
  [{ kind: 'stepped-in' }, { kind: 'stepped-in' }],
  [
    { kind: 'busy', doGuestsWait: false },
    { kind: 'busy', doGuestsWait: false },
  ],
  [{ kind: 'busy' }, undefined],
  [{ kind: 'idle' }, { kind: 'idle' }],
  [{ kind: 'prepared' }, { kind: 'prepared', error: undefined }],
  [
    { kind: 'prepared', error },
    { kind: 'prepared', error },
  ],
  [
    { kind: 'give-away', address: '/s' },
    { kind: 'give-away', address: '/s' },
  ],
  [
    { kind: 'adopted', id: 3, extra: 1 },
    { kind: 'adopted', id: 3 },
  ],
  [
    { kind: 'declined', id: 3 },
    { kind: 'declined', id: 3 },
  ],
  [{ kind: 'declined', id: '3' }, undefined],
  [
    { kind: 'ask-status', id: 3, tenant: 'acme', extra: 1 },
    { kind: 'ask-status', id: 3, tenant: 'acme' },
  ],
  [
    { kind: 'status', id: 3, status: '{}' },
    { kind: 'status', id: 3, status: '{}' },
  ],
  [
    { kind: 'status', id: 3 },
    { kind: 'status', id: 3, status: undefined },
  ],
  [
    { kind: 'used', usage: [['acme', 0.5]], extra: 1 },
    { kind: 'used', usage: [['acme', 0.5]] },
  ],
  [
    { kind: 'runtimes', runtimes: [{ name: 'php', state: 'ready', tookMs: 5, extra: 1 }] },
    {
      kind: 'runtimes',
      runtimes: [{ name: 'php', state: 'ready', tookMs: 5, reason: undefined }],
    },
  ],
  [
    {
      kind: 'runtimes',
      runtimes: [{ name: 'php', state: 'failed', reason: 'x'.repeat(5000) }],
    },
    {
      kind: 'runtimes',
      runtimes: [{ name: 'php', state: 'failed', tookMs: undefined, reason: 'x'.repeat(4096) }],
    },
  ],
  [{ kind: 'runtimes' }, undefined],
  [{ kind: 'runtimes', runtimes: [null] }, undefined],
  [{ kind: 'runtimes', runtimes: [{ name: 'php', state: 'tired' }] }, undefined],
  [{ kind: 'runtimes', runtimes: [{ name: 7, state: 'ready' }] }, undefined],
  [{ kind: 'runtimes', runtimes: [{ name: 'php', state: 'ready', tookMs: -1 }] }, undefined],
  [{ kind: 'runtimes', runtimes: [{ name: 'php', state: 'ready', reason: 1 }] }, undefined],
  [
    { kind: 'failed', error: { ...error, details: { big: 'x' } } },
    { kind: 'failed', error },
  ],
] as const

for (const [given, wanted] of GOOD) {
  test(`takes ${JSON.stringify(given)}`, () => expect(readWorkerMessage(given)).toEqual(wanted))
}

const BAD: readonly unknown[] = [
  null,
  undefined,
  1,
  'ready',
  [],
  {},
  { kind: 'start' },
  { kind: ['ready'] },
  Object.create({ kind: 'ready' }),
  { kind: 'failed' },
  { kind: 'failed', error: 'no' },
  { kind: 'failed', error: { code: 'no code', message: '' } },
  { kind: 'prepared', error: { code: 'X' } },
  { kind: 'give-away', address: 1 },
  { kind: 'ask-status', id: '3', tenant: 'acme' },
  { kind: 'ask-status', id: 3, tenant: 'x'.repeat(65) },
  { kind: 'ask-status', id: 0.5, tenant: 'acme' },
  { kind: 'status', id: 3, status: {} },
  { kind: 'status', status: '{}' },
  { kind: 'used' },
  { kind: 'used', usage: { acme: 1 } },
  { kind: 'used', usage: ['acme', 1] },
  { kind: 'used', usage: [['acme', 1, 2]] },
  { kind: 'used', usage: [['x'.repeat(65), 1]] },
  { kind: 'used', usage: [['acme', -1]] },
  { kind: 'used', usage: [['acme', 1e10]] },
  { kind: 'used', usage: [['acme', null]] },
  { kind: 'used', usage: Array.from({ length: 257 }, () => ['acme', 1]) },
]

for (const given of BAD) {
  test(`does not take ${JSON.stringify(given)?.slice(0, 99)}`, () =>
    expect(readWorkerMessage(given)).toBeUndefined())
}

test('cuts a long complaint', () => {
  const read = readWorkerMessage({
    kind: 'failed',
    error: { code: 'X', message: 'y'.repeat(9999) },
  })
  expect(read).toMatchObject({ error: { message: 'y'.repeat(4096) } })
})
