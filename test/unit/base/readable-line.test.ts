import { expect, test } from 'vitest'
import { readableLines } from '../../../src/base/readable-line.ts'
import { readEntry } from '../../../src/logs/log-entry.ts'

const time = new Date(2026, 10, 23, 7, 8, 9, 45).toISOString()
const REQUEST = {
  ...{ level: 30, time, pool: 'www', pid: 5, requestId: 'r', tenant: 'acme', handler: 'x.wasm' },
  ...{ method: 'GET', uri: '/x?q', remote: '::1', status: 200, wallMs: 1.25, cpuMs: 0.5 },
  ...{ requestBytes: 0, responseBytes: 2048, queuedMs: 0, memoryBytes: 65_536, msg: 'access' },
}
const print = (fields: object, hasColours = false): string =>
  readableLines(hasColours)(`${JSON.stringify(fields)}\n`)

test('a request is one line', () => {
  const line = '[07:08:09.045] acme GET /x?q -> 200 in 1.3 ms (0.5 ms CPU, 2.0 KiB)\n'
  expect(print(REQUEST)).toBe(line)
  expect(readEntry(line.trimEnd())).toMatchObject({ tenant: 'acme' })
  expect(
    print({ ...REQUEST, tenant: undefined, status: 404, code: 'GATEWAY_UNKNOWN_TENANT' }),
  ).toBe(
    '[07:08:09.045] - GET /x?q -> 404 in 1.3 ms (0.5 ms CPU, 2.0 KiB) GATEWAY_UNKNOWN_TENANT\n',
  )
})

test('with colours, by its status; others by their level', () => {
  expect(print(REQUEST, true)).toMatch(/^\[[\d:.]+\] .\[32macme .*.\[39m\n$/)
  expect(print({ ...REQUEST, status: 503 }, true)).toContain('\x1b[31m')
  expect(print({ level: 30, time, msg: 'ready' }, true)).toContain('\x1b[')
  expect(print({ level: 30, time, msg: 'ready' })).toBe('[07:08:09.045] INFO: ready\n')
})

test('a message of several lines keeps them; nobody moves the cursor', () => {
  expect(print({ level: 50, time, msg: 'no\na:1: x' })).toBe(
    '[07:08:09.045] ERROR: no\n    a:1: x\n',
  )
  expect(print({ level: 30, time, msg: '\x1b[2J', stream: 'stderr' })).toMatch(/INFO: \?\[2J\n/)
  expect(print({ ...REQUEST, uri: '/\x1b[2J\n' })).toContain('GET /?[2J? -> 200')
})

test('what a guest writes is never taken for a request', () => {
  expect(print({ ...REQUEST, stream: 'stderr' })).toMatch(/INFO \(5\): access\n/)
})
