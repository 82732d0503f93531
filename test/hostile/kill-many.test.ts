/** What a killed guest held is given back: after thousands of kills the process is no larger. */
import { expect, test } from 'vitest'
import { killMany } from '../../bench/hostile/kill.ts'

const KILLS = 3000
/** What the last kills may have on top of the first third; one guest holds about 180 KiB. */
const FLAT_MIB = 64

test(`${KILLS} kills in a row leave nothing behind`, async () => {
  const seen: number[] = []
  await killMany({ kills: KILLS, every: KILLS / 6, onLook: (_, rssMiB) => seen.push(rssMiB) })
  const [first = 0, second = 0] = seen
  expect(seen).toHaveLength(6)
  expect(Math.min(...seen.slice(-2)) - Math.max(first, second)).toBeLessThan(FLAT_MIB)
}, 60_000)
