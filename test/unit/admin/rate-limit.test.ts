import { expect, test } from 'vitest'
import { RateLimit } from '../../../src/admin/rate-limit.ts'
import { FakeClock } from '../../support/fake-clock.ts'

test('so many a minute, then one as each part of the minute passes', () => {
  const clock = new FakeClock()
  const limit = new RateLimit({ clock, perMinute: 6, maxKeys: 10 })
  for (let count = 0; count < 6; count += 1) expect(limit.take('a')).toBe(0)
  expect(limit.take('a')).toBe(10_000)
  clock.advance(4_000)
  expect(limit.take('a')).toBe(6_000)
  clock.advance(6_000)
  expect(limit.take('a')).toBe(0)
  expect(limit.take('a')).toBe(10_000)
})

test('an idle minute gives all of it back, and no more', () => {
  const clock = new FakeClock()
  const limit = new RateLimit({ clock, perMinute: 3, maxKeys: 10 })
  for (let count = 0; count < 4; count += 1) limit.take('a')
  clock.advance(3_600_000)
  expect([1, 2, 3].map(() => limit.take('a'))).toEqual([0, 0, 0])
  expect(limit.take('a')).toBeGreaterThan(0)
})

test('one is not another’s business', () => {
  const limit = new RateLimit({ clock: new FakeClock(), perMinute: 1, maxKeys: 10 })
  expect(limit.take('a')).toBe(0)
  expect(limit.take('a')).toBeGreaterThan(0)
  expect(limit.take('b')).toBe(0)
})

test('never more keys than may be: the one unused for longest is forgotten', () => {
  const limit = new RateLimit({ clock: new FakeClock(), perMinute: 1, maxKeys: 3 })
  for (const key of ['a', 'b', 'c', 'a', 'd', 'e']) limit.take(key)
  expect(limit.size).toBe(3)
  // `a` was used after `b` and `c`.
  expect(limit.take('a')).toBeGreaterThan(0)
  expect(limit.take('b')).toBe(0)
  for (let index = 0; index < 1000; index += 1) limit.take(`key ${index}`)
  expect(limit.size).toBe(3)
})
