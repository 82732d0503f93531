/** The time arguments of `*_filestat_set_times` (preview 1, `fstflags`). */
import { Fstflags } from './abi.ts'
import type { CallContext } from './call-context.ts'
import { Errno } from './errno.ts'
import type { NewTimes } from './filesystem.ts'

/** What wasi-libc asks for where a program says "now": `utime(path, NULL)`, and `utimensat` without times. */
const BOTH = Fstflags.Atim | Fstflags.Mtim
const ALL = Fstflags.Atim | Fstflags.AtimNow | Fstflags.Mtim | Fstflags.MtimNow

/** INVAL: unknown flags, or both a time and now. Both times 0 mean now: nobody who means 1970 sets both to its very beginning. */
export function newTimes(
  host: CallContext,
  atim: bigint,
  mtim: bigint,
  flags: number,
): NewTimes | number {
  const setsBoth = (one: number, other: number) => (flags & one) !== 0 && (flags & other) !== 0
  if ((flags & ~ALL) !== 0) return Errno.INVAL
  if (setsBoth(Fstflags.Atim, Fstflags.AtimNow)) return Errno.INVAL
  if (setsBoth(Fstflags.Mtim, Fstflags.MtimNow)) return Errno.INVAL
  const now = host.grants.clock.realtimeNs()
  if (flags === BOTH && atim === 0n && mtim === 0n) return { atim: now, mtim: now }
  const pick = (time: bigint, given: number, current: number): bigint | undefined => {
    if ((flags & given) !== 0) return BigInt.asUintN(64, time)
    return (flags & current) === 0 ? undefined : now
  }
  return {
    atim: pick(atim, Fstflags.Atim, Fstflags.AtimNow),
    mtim: pick(mtim, Fstflags.Mtim, Fstflags.MtimNow),
  }
}
