/**
 * Which pages of a private mapping have been written since it was made: those that are present, or in swap, and neither a
 * file's nor the system's page of zeros. Asked of the kernel with the PAGEMAP_SCAN ioctl (Linux 6.7) or, before that, by reading /proc/self/pagemap.
 */
import type { Libc } from '../base/libc.ts'

export const SYSTEM_PAGE_BYTES = 4096

/** Calls `each` with offsets from the start of the range, ascending. */
export type EachRegion = (start: number, end: number) => void

export interface DirtyPages {
  /** Whether pages of zeros that have only been looked at, and are no file's, do not count. */
  readonly tellsZeros: boolean
  /** False: the kernel did not say. */
  scan(address: bigint, bytes: number, each: EachRegion): boolean
}

/** `_IOWR('f', 16, struct pm_scan_arg)`. */
const PAGEMAP_SCAN = 0xc060_6610n

/** Categories of pages: see `struct page_region` in linux/fs.h. */
const PAGE_IS_FILE = 4n
const PAGE_IS_PRESENT = 8n
const PAGE_IS_SWAPPED = 16n
/** The one page of zeros that the system shows until something is written. */
const PAGE_IS_PFNZERO = 32n

/** Regions asked for at a time. */
const REGIONS = 4096
/** `struct page_region`: where it starts, where it ends, categories; of 64 bits each. */
const REGION_WORDS = 6
const HIGH_WORD = 2 ** 32

/** Bits of an entry of /proc/self/pagemap. */
const ENTRY_PRESENT = 1n << 63n
const ENTRY_SWAPPED = 1n << 62n
const ENTRY_FILE = 1n << 61n

/** undefined: /proc is not there. */
export function openDirtyPages(libc: Libc): DirtyPages | undefined {
  const fd = libc.open(Buffer.from('/proc/self/pagemap\0'))
  if (fd < 0) return undefined
  // Halves of what the kernel has: a BigInt for each address would be most of the time of a scan.
  const regions = new Uint32Array(REGIONS * REGION_WORDS)
  const wordsAt = (at: number): number => (regions[at] ?? 0) + (regions[at + 1] ?? 0) * HIGH_WORD
  /**
   *     size flags start end walk_end vec vec_len max_pages category_inverted category_mask category_anyof_mask return_mask
   */
  const argument = new BigUint64Array(12)
  argument[0] = BigInt(argument.byteLength)
  argument[5] = libc.addressOf(regions.buffer)
  argument[6] = BigInt(REGIONS)
  argument[8] = PAGE_IS_FILE | PAGE_IS_PFNZERO
  argument[9] = PAGE_IS_FILE | PAGE_IS_PFNZERO
  argument[10] = PAGE_IS_PRESENT | PAGE_IS_SWAPPED
  argument[11] = PAGE_IS_FILE

  const scanByIoctl = (address: bigint, bytes: number, each: EachRegion): boolean => {
    const end = address + BigInt(bytes)
    const base = Number(address)
    for (let at = address; at < end; ) {
      argument[2] = at
      argument[3] = end
      const count = libc.ioctl(fd, PAGEMAP_SCAN, argument)
      if (count < 0) return false
      for (let region = 0; region < count * REGION_WORDS; region += REGION_WORDS)
        each(wordsAt(region) - base, wordsAt(region + 2) - base)
      at = argument[4] ?? end
    }
    return true
  }

  const scanByReading = (address: bigint, bytes: number, each: EachRegion): boolean => {
    const entries = new BigUint64Array(Math.ceil(bytes / SYSTEM_PAGE_BYTES))
    const offset = (address / BigInt(SYSTEM_PAGE_BYTES)) * 8n
    if (libc.pread(fd, entries, offset) !== entries.byteLength) return false
    for (const [page, entry] of entries.entries()) {
      if ((entry & (ENTRY_PRESENT | ENTRY_SWAPPED)) !== 0n && (entry & ENTRY_FILE) === 0n) {
        each(page * SYSTEM_PAGE_BYTES, (page + 1) * SYSTEM_PAGE_BYTES)
      }
    }
    return true
  }

  const probe = new ArrayBuffer(SYSTEM_PAGE_BYTES)
  const aligned = libc.addressOf(probe) & ~BigInt(SYSTEM_PAGE_BYTES - 1)
  const hasIoctl = scanByIoctl(aligned, SYSTEM_PAGE_BYTES, () => undefined)
  return { tellsZeros: hasIoctl, scan: hasIoctl ? scanByIoctl : scanByReading }
}
