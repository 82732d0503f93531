/** How many more files the process may open. */
import { readdirSync, readFileSync } from 'node:fs'

/** Kept free for everything that is not a connection: modules, logs, pipes. */
const RESERVED_DESCRIPTORS = 32

/** Connections there is room for under the limit on open files; Infinity where the limit cannot be read. At least 1. */
export function availableDescriptors(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8')
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1]
    if (soft === undefined) return Number.POSITIVE_INFINITY
    // Its names are those of /proc/self/fd, which Node's permission model denies beside it (base/permission-flags.ts).
    const open = readdirSync('/proc/self/fdinfo').length
    return Math.max(1, Number(soft) - open - RESERVED_DESCRIPTORS)
  } catch {
    // No procfs: the kernel's refusals are all there is.
    return Number.POSITIVE_INFINITY
  }
}
