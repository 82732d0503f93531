/**
 * Sets the times of open host files to the nanosecond.
 *
 * `node:fs` takes seconds as a double, which is off by up to 240 ns today, and cannot leave one of the two times alone.
 * So where there is a libc to call it is asked, utimensat(2); elsewhere `node:fs` does it.
 */
import { type BigIntStats, fstatSync, futimesSync } from 'node:fs'
import { loadFileCalls } from '../base/file-calls.ts'
import { done, errnoOfResult } from './errno.ts'
import type { NewTimes } from './filesystem.ts'

/** Nanoseconds that mean: leave this time as it is. */
const UTIME_OMIT = 0x3ffffffen
const NS_PER_S = 1_000_000_000n

/** Sets the times of an open file or directory: SUCCESS or an errno. */
export function setDescriptorTimes(fd: number, times: NewTimes): number {
  const calls = loadFileCalls()
  if (calls !== undefined) return errnoOfResult(calls.utimensat(fd, '', timespecsOf(times)))
  return done(() => futimesSync(fd, ...secondsOf(times, fstatSync(fd, { bigint: true }))))
}

export function secondsOf(times: NewTimes, now: BigIntStats): [atime: number, mtime: number] {
  return [Number(times.atim ?? now.atimeNs) / 1e9, Number(times.mtim ?? now.mtimeNs) / 1e9]
}

/** `| seconds i64 | nanoseconds i64 |`, for atim and mtim. */
export function timespecsOf({ atim, mtim }: NewTimes): Uint8Array {
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
