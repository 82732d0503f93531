/** What an instance keeps of the directories it reads is bounded, however many descriptors read them. */
import { expect, test } from 'vitest'
import { Filetype } from '../../../src/wasi/abi.ts'
import { LISTING_BATCH, Listings } from '../../../src/wasi/listing.ts'

/** Of a directory with so many entries. */
function reader(entries: number) {
  let [at, closed] = [0, 0]
  return {
    read: (count: number) => {
      const names = Array.from({ length: Math.min(count, entries - at) }, () => `f${at++}`)
      return names.map((name) => ({ name, filetype: Filetype.RegularFile }))
    },
    close: () => {
      closed += 1
    },
    closed: () => closed,
  }
}

test('the listing that was begun longest ago is given up, and a large one alone is not', () => {
  const listings = new Listings(4 * LISTING_BATCH)
  const readers = Array.from({ length: 4 }, () => reader(1000))
  const [first, second, third, fourth] = readers.map((one) => listings.begin(one))
  for (const one of [first, second, third]) one?.readMore()
  expect(readers.map(({ closed }) => closed())).toEqual([0, 0, 0, 0])
  fourth?.readMore()
  expect([first?.isClosed, second?.isClosed, third?.isClosed]).toEqual([true, false, false])
  for (let turn = 0; turn < 10; turn++) fourth?.readMore()
  expect(readers.map(({ closed }) => closed())).toEqual([1, 1, 1, 0])
  expect([first?.length, fourth?.length]).toEqual([0, 2 + 11 * LISTING_BATCH])
  fourth?.close()
  fourth?.close()
  expect(readers[3]?.closed()).toBe(1)
  // There is room again.
  const [fifth, sixth] = [listings.begin(reader(1)), listings.begin(reader(1))]
  expect([fifth.readMore(), sixth.readMore(), fifth.isClosed]).toEqual([1, 1, false])
})
