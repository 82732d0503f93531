import { expect, test } from 'vitest'
import { printEntry } from '../../../../src/cli/logs/print-entry.ts'
import { readEntry } from '../../../../src/logs/log-entry.ts'

function print(fields: object): string {
  return printEntry(readEntry(JSON.stringify(fields)))
}

test('a request', () => {
  const fields = {
    ...{ level: 30, msg: 'access', tenant: 'acme', method: 'GET', uri: '/x?q', status: 503 },
    ...{ wallMs: 12.3, cpuMs: 4, responseBytes: 2048, code: 'OUTCOME_CPU_EXCEEDED' },
  }
  expect(print(fields)).toBe(
    'acme GET /x?q -> 503 in 12 ms (4.0 ms CPU, 2.0 KiB) OUTCOME_CPU_EXCEEDED\n',
  )
})

test('a trap with its back trace', () => {
  const fields = {
    ...{ level: 40, msg: 'the guest trapped: unreachable', tenant: 'acme', requestId: 'r-1' },
    backtrace: ['crash (function 3, offset 0x1c)', 'main (function 4, offset 0x20)'],
  }
  expect(print(fields)).toBe(
    'acme warn: the guest trapped: unreachable (requestId=r-1)\n' +
      '    at crash (function 3, offset 0x1c)\n    at main (function 4, offset 0x20)\n',
  )
})

test('what a guest writes to its standard error is never taken for one of our messages', () => {
  const fields = { level: 30, msg: 'access', stream: 'stderr', tenant: 'acme', status: 1 }
  expect(print(fields)).toBe('acme stderr: access\n')
  const traceback =
    'Traceback (most recent call last):\n  File "/app/a.py", line 3\nValueError: \x1b[2J'
  expect(print({ ...fields, level: 50, msg: traceback })).toBe(
    'acme stderr: Traceback (most recent call last):\n      File "/app/a.py", line 3\n    ValueError: ?[2J\n',
  )
})

test('a slow request', () => {
  const fields = { msg: 'slow request', uri: '/r', wallMs: 2210, cpuMs: 2180, backtrace: ['f'] }
  expect(print(fields)).toBe('slow request: /r took 2.2 s (2.2 s CPU)\n    at f\n')
})

test('an error of our own, with its stack', () => {
  const fields = { level: 50, msg: 'request failed', err: { stack: 'Error: no\n    at x.ts:1' } }
  expect(print(fields)).toBe('error: request failed\nError: no\n    at x.ts:1\n')
})

test('the time of day, in this time zone', () => {
  const time = new Date(2026, 10, 23, 7, 8, 9, 45).getTime()
  expect(print({ level: 30, time, msg: 'ready' })).toBe('07:08:09.045 ready\n')
})

test('control characters go nowhere', () => {
  expect(print({ level: 30, msg: '\x1b[2J', tenant: 'a\nb', uri: '\r' })).toBe('a?b ?[2J (uri=?)\n')
  expect(printEntry(readEntry('plain \x1b[31m\n  more\x07'))).toBe('plain ?[31m\n  more?\n')
})

test('a message of several lines stays one: set in, nothing replaced', () => {
  expect(print({ level: 50, msg: 'Cannot use it: 2 problems\na:1: x\nb:2: \x1b[2J' })).toBe(
    'error: Cannot use it: 2 problems\n    a:1: x\n    b:2: ?[2J\n',
  )
})
