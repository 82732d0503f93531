/**
 * Sets the times of a host file to the nanosecond.
 *
 * `node:fs` takes seconds as a double, which is off by up to 240 ns today, and cannot leave one of the two times alone.
 * So where there is a libc to call it is asked, utimensat(2); elsewhere, and when it refuses, `node:fs` does it.
 */
import {
  type BigIntStats,
  fstatSync,
  futimesSync,
  lstatSync,
  lutimesSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { done } from './errno.ts'
import type { NewTimes } from './filesystem.ts'

const AT_FDCWD = -100
const AT_SYMLINK_NOFOLLOW = 0x100
/** Nanoseconds that mean: leave this time as it is. */
const UTIME_OMIT = 0x3ffffffen
const NS_PER_S = 1_000_000_000n

type Utimensat = (directory: number, path: Uint8Array, times: Uint8Array, flags: number) => number

/** `undefined`: not looked for yet; `null`: there is none. */
let utimensat: Utimensat | null | undefined

/** Sets the times of what is at `path`, following a link in last place only if `follows`: SUCCESS or an errno. */
export function setHostTimes(path: string, times: NewTimes, follows: boolean): number {
  if (utimensat === undefined) utimensat = findUtimensat()
  const name = Buffer.from(`${path}\0`)
  const flags = follows ? 0 : AT_SYMLINK_NOFOLLOW
  if (utimensat?.(AT_FDCWD, name, timespecsOf(times), flags) === 0) return 0
  return done(() => {
    const now = follows ? statSync(path, { bigint: true }) : lstatSync(path, { bigint: true })
    const [atime, mtime] = secondsOf(times, now)
    if (follows) utimesSync(path, atime, mtime)
    else lutimesSync(path, atime, mtime)
  })
}

/** Sets the times of an open file: SUCCESS or an errno. */
export function setDescriptorTimes(fd: number, times: NewTimes): number {
  if (process.platform === 'linux') return setHostTimes(`/proc/self/fd/${fd}`, times, true)
  return done(() => {
    const [atime, mtime] = secondsOf(times, fstatSync(fd, { bigint: true }))
    futimesSync(fd, atime, mtime)
  })
}

function secondsOf(times: NewTimes, now: BigIntStats): [atime: number, mtime: number] {
  return [Number(times.atim ?? now.atimeNs) / 1e9, Number(times.mtim ?? now.mtimeNs) / 1e9]
}

/** `| seconds i64 | nanoseconds i64 |`, for atim and mtim. */
function timespecsOf({ atim, mtim }: NewTimes): Uint8Array {
  const bytes = Buffer.alloc(32)
  for (const [at, time] of [
    [0, atim],
    [16, mtim],
  ] as const) {
    bytes.writeBigInt64LE(time === undefined ? 0n : time / NS_PER_S, at)
    bytes.writeBigInt64LE(time === undefined ? UTIME_OMIT : time % NS_PER_S, at + 8)
  }
  return bytes
}

/** Only where the layouts above are right, and foreign functions are to be had and allowed. */
function findUtimensat(): Utimensat | null {
  if (process.platform !== 'linux' || !['x64', 'arm64', 'riscv64'].includes(process.arch))
    return null
  try {
    const ffi: typeof import('node:ffi') = createRequire(import.meta.url)('node:ffi')
    const { functions } = ffi.dlopen(null, {
      utimensat: { return: 'i32', arguments: ['i32', 'pointer', 'pointer', 'i32'] },
    })
    return functions.utimensat
  } catch {
    return null
  }
}
