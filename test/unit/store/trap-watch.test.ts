import { expect, test } from 'vitest'
import { TrapWatch, watchFor } from '../../../src/store/trap-watch.ts'
import { liveHandler } from './drafts.ts'

const RULE = { traps: 0.1, requests: 10, withinMs: 1000 }

/** `x` fails, `.` does not. Answers after which request it says so. */
function over(requests: string, rule = RULE): readonly number[] {
  const watch = new TrapWatch(rule, 5000)
  return [...requests].flatMap((one, index) => (watch.count(one === 'x', 5000) ? [index + 1] : []))
}

const CASES = [
  { requests: '..........', says: [] },
  { requests: 'x.........', says: [] }, // a tenth is no more than a tenth
  { requests: 'xx........', says: [10] },
  { requests: 'xxxxxxxxx', says: [] }, // too few to tell
  { requests: 'xxxxxxxxxx', says: [10] },
  { requests: 'xx...............xxxxxx', says: [10] }, // once
  { requests: '...................xx', says: [] },
  { requests: '...................xxx', says: [22] },
]

test.for(CASES)('$requests: over after $says', ({ requests, says }) => {
  expect(over(requests)).toEqual(says)
})

test('the first failure can be enough', () => {
  expect(over('..x', { ...RULE, requests: 1 })).toEqual([3])
})

test('after its time a release is not judged', () => {
  const watch = new TrapWatch({ ...RULE, requests: 1 }, 5000)
  expect(watch.count(true, 6001)).toBe(false)
  expect(watch.requests).toBe(0)
  expect(watch.count(true, 6000)).toBe(true)
  expect(watch.failures).toBe(1)
})

test('only releases that ask for it are watched', () => {
  const quiet = liveHandler({ sinceMs: 5000 })
  expect(watchFor(quiet, 5000)).toBeUndefined()
  const manifest = { ...quiet.release.manifest, autoRollback: RULE }
  const asking = liveHandler({ sinceMs: 5000, release: { ...quiet.release, manifest } })
  expect(watchFor(asking, 6000)).toBeInstanceOf(TrapWatch)
  expect(watchFor(asking, 6001)).toBeUndefined()
})
