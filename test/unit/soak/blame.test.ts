/** The soak must not excuse what wasm-fpm has lost. */
import { expect, test } from 'vitest'
import { blame } from '../../soak/blame.ts'
import type { Failure } from '../../soak/loops.ts'
import type { Kill } from '../../soak/workers.ts'

const kill = (fromMs: number, connections: number): Kill => ({
  pid: 1,
  fromMs,
  toMs: fromMs + 10,
  connections,
  backMs: 300,
})
const failure = (sentMs: number, endedMs: number, peer = 'nginx'): Failure => ({
  peer,
  kind: 'hello',
  sentMs,
  endedMs,
  what: 'status 502',
})

const CASES = [
  { name: 'under way at the death', failures: [failure(990, 1020)], lost: 0 },
  { name: 'sent while the worker died', failures: [failure(1008, 1009)], lost: 0 },
  { name: 'over before', failures: [failure(900, 999)], lost: 1 },
  { name: 'sent afterwards', failures: [failure(1011, 1020)], lost: 1 },
  {
    name: 'more than the worker had connections',
    failures: [failure(990, 1005), failure(991, 1005), failure(992, 1005)],
    lost: 1,
  },
  {
    name: 'two on one multiplexed connection',
    failures: [
      failure(990, 1005),
      failure(991, 1005, 'haproxy'),
      failure(992, 1005, 'haproxy'),
      failure(993, 1005, 'haproxy'),
    ],
    lost: 1,
  },
]

test.each(CASES)('$name', ({ failures, lost }) => {
  const one = kill(1000, 2)
  const found = blame(failures, [one], 2)
  expect(found.lost).toHaveLength(lost)
  expect(found.excused.get(one)).toHaveLength(failures.length - lost)
})

test('each death answers for its own', () => {
  const [first, second] = [kill(1000, 1), kill(5000, 1)]
  const found = blame([failure(995, 1005), failure(4999, 5001)], [first, second], 2)
  expect(found.lost).toEqual([])
  expect(found.excused.get(second)).toHaveLength(1)
})

test('one that was sent while a worker died, and ended with the next one, is put down to that', () => {
  const [first, second] = [kill(1000, 1), kill(2000, 1)]
  const found = blame([failure(1005, 2005), failure(995, 1003)], [first, second], 2)
  expect(found.lost).toEqual([])
  expect(found.excused.get(second)).toEqual([failure(1005, 2005)])
})
