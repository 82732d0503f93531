/** Processor time of processes, from /proc/PID/stat. */
import { readFileSync } from 'node:fs'

/** Clock ticks of /proc/PID/stat in a second. */
const TICKS = 100

/** User and system time of one process so far, in microseconds; 0: it is gone. */
export function ownCpuUs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS
  } catch {
    return 0
  }
}
