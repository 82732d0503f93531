import { expect, test } from 'vitest'
import type { Libc } from '../../../src/base/libc.ts'
import { openDirtyPages } from '../../../src/guest/dirty-pages.ts'

/** Categories of the kernel's PAGEMAP_SCAN. */
const [FILE, PRESENT, SWAPPED, ZERO] = [4n, 8n, 16n, 32n]

/** One page each: what the kernel says of it. */
const PAGES = [
  { is: 'never touched', categories: 0n, entry: 0n },
  { is: 'read only', categories: FILE | PRESENT, entry: (1n << 63n) | (1n << 61n) },
  { is: 'written', categories: PRESENT, entry: 1n << 63n },
  { is: 'written, then moved to swap', categories: SWAPPED, entry: 1n << 62n },
  { is: 'zeros, read only', categories: PRESENT | ZERO, entry: 1n << 63n },
  { is: 'never touched', categories: 0n, entry: 0n },
]
const ADDRESS = 0x10000n
const PAGE = 4096

/** A kernel that has PAGES at ADDRESS, and knows PAGEMAP_SCAN or not. */
function kernel(hasIoctl: boolean): Libc {
  let vector = new BigUint64Array()
  const scan = (argument: BigUint64Array): number => {
    const [, , start = 0n, end = 0n] = argument
    const [inverted = 0n, mask = 0n, anyOf = 0n] = argument.subarray(8)
    argument[4] = end
    let count = 0
    for (const [index, { categories }] of PAGES.entries()) {
      const at = ADDRESS + BigInt(index * PAGE)
      if (at < start || at >= end || ((categories ^ inverted) & mask) !== mask) continue
      if (anyOf !== 0n && (categories & anyOf) === 0n) continue
      vector.set([at, at + BigInt(PAGE), 0n], count * 3)
      count += 1
    }
    return count
  }
  const fake: Partial<Libc> = {
    open: () => 3,
    addressOf: (buffer) => {
      if (buffer.byteLength > PAGE) vector = new BigUint64Array(buffer)
      return 0x5000n
    },
    ioctl: (_fd, _request, argument) => (hasIoctl ? scan(argument as BigUint64Array) : -1),
    pread: (_fd, into, offset) => {
      const first = Number(offset / 8n - ADDRESS / BigInt(PAGE))
      const entries = PAGES.slice(first).map(({ entry }) => entry)
      const target = into as BigUint64Array
      target.set(entries.slice(0, target.length))
      return target.byteLength
    },
  }
  return fake as Libc
}

test.each([
  { how: 'PAGEMAP_SCAN', hasIoctl: true },
  { how: '/proc/self/pagemap', hasIoctl: false },
])('$how: pages that were written count, in memory or in swap', ({ hasIoctl }) => {
  const found: string[] = []
  const pages = openDirtyPages(kernel(hasIoctl))
  const isKnown = pages?.scan(ADDRESS, PAGES.length * PAGE, (start, end) => {
    for (let at = start; at < end; at += PAGE) found.push(PAGES[at / PAGE]?.is ?? 'outside')
  })
  expect(isKnown).toBe(true)
  // By reading, the system's page of zeros cannot be told from one that was written.
  const zeros = hasIoctl ? [] : ['zeros, read only']
  expect(found).toEqual(['written', 'written, then moved to swap', ...zeros])
  expect(pages?.tellsZeros).toBe(hasIoctl)
})
