import { expect, test } from 'vitest'
import { mapMemory } from '../../../src/guest/mapped-memory.ts'
import { pageFaults } from '../../../src/guest/page-faults.ts'

const PAGES = 64
const SYSTEM_PAGE = 4096

/** How many page faults come with each of `places` being written, once all of this code has run before. */
function faultsOfWriting(bytes: Uint8Array, places: readonly number[]): number[] {
  return places.map((place) => {
    const before = pageFaults()
    bytes[place] = 1
    return pageFaults() - before
  })
}

test('writing to a page of a mapped memory for the first time is a page fault, and never again', () => {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
  const restore = mapMemory(memory)?.adopt(memory)
  if (restore === undefined) throw new Error('this system cannot map memory: run on Linux')
  const bytes = new Uint8Array(memory.buffer)
  const places = Array.from({ length: 500 }, (_, index) => index * SYSTEM_PAGE)
  faultsOfWriting(new Uint8Array(SYSTEM_PAGE), Array<number>(500).fill(0))
  const first = faultsOfWriting(bytes, places)
  expect(first.every((faults) => faults > 0)).toBe(true)
  // What else this thread does may take one now and then.
  const again = faultsOfWriting(bytes, places)
  expect(again.filter((faults) => faults > 0).length).toBeLessThan(50)
})
