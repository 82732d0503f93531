/** A path as a guest gives it. */
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import type { PathText } from './path-texts.ts'

/**
 * Reads a path argument.
 *
 * - FAULT: not inside memory
 * - NAMETOOLONG: longer than `limits.pathBytes`
 * - INVAL: has a NUL in it
 * - ILSEQ: not UTF-8
 */
export function readPath(host: CallContext, pointer: number, length: number): PathText | number {
  host.charge((length >>> 0) * 20)
  const start = pointer >>> 0
  const bytes = length >>> 0
  if (!host.has(start, bytes)) return Errno.FAULT
  if (bytes > host.grants.limits.pathBytes) return Errno.NAMETOOLONG
  try {
    const path = host.paths.read(host.bytes, start, bytes)
    return path.text.includes('\0') ? Errno.INVAL : path
  } catch {
    return Errno.ILSEQ
  }
}
