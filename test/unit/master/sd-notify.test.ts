/** What systemd hands over, read the way its manual says. */
import { expect, test } from 'vitest'
import { socketAddress, watchdogIntervalMs } from '../../../src/master/sd-notify.ts'

test('a path is given with its end', () => {
  expect(socketAddress('/run/n')).toEqual(Buffer.from('\x01\x00/run/n\0', 'latin1'))
})

test('an abstract name starts with a zero and has no end', () => {
  expect(socketAddress('@n')).toEqual(Buffer.from('\x01\x00\0n', 'latin1'))
})

for (const place of ['vsock:2:1', 'run/n', '', `/${'n'.repeat(108)}`]) {
  test(`${JSON.stringify(place.slice(0, 12))} of ${place.length} is no address`, () =>
    expect(socketAddress(place)).toBeUndefined())
}

const WATCHDOG = [
  { env: {}, wanted: undefined },
  { env: { WATCHDOG_USEC: '20000000' }, wanted: 10_000 },
  { env: { WATCHDOG_USEC: '20000000', WATCHDOG_PID: '7' }, wanted: 10_000 },
  { env: { WATCHDOG_USEC: '20000000', WATCHDOG_PID: '8' }, wanted: undefined },
  { env: { WATCHDOG_USEC: '0' }, wanted: undefined },
  { env: { WATCHDOG_USEC: 'x' }, wanted: undefined },
]

for (const { env, wanted } of WATCHDOG) {
  test(`watchdog ${JSON.stringify(env)}`, () => expect(watchdogIntervalMs(env, 7)).toBe(wanted))
}
