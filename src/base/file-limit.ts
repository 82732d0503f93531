/** How many files the process may have open. */
import { readdirSync, readFileSync } from 'node:fs'

/** Kept free for everything that is not a connection: modules, logs, pipes. */
const RESERVED_DESCRIPTORS = 32

/** The limit, as it is now; Infinity: there is none, or it cannot be read. */
export function fileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    // No procfs: the kernel's refusals are all there is.
    return Number.POSITIVE_INFINITY
  }
}

/** Connections there is room for under the limit; Infinity where it cannot be read. At least 1. */
export function availableDescriptors(): number {
  const limit = fileLimit()
  if (limit === Number.POSITIVE_INFINITY) return limit
  try {
    // Its names are those of /proc/self/fd, which Node's permission model denies beside it (base/permission-flags.ts).
    const open = readdirSync('/proc/self/fdinfo').length
    return Math.max(1, limit - open - RESERVED_DESCRIPTORS)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
