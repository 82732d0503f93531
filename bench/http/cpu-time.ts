/** Processor time of processes, from /proc/PID/stat. */
import { readFileSync } from 'node:fs'

/** Clock ticks of /proc/PID/stat in a second. */
const TICKS = 100

/** User and system time of a process and all below it so far, in microseconds. */
export function treeCpuUs(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + ownCpuUs(one), 0)
}

/** A process and all below it. */
export function processTree(pid: number): readonly number[] {
  let children: number[] = []
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter((text) => text !== '')
      .map(Number)
  } catch {
    return [] // gone
  }
  return [pid, ...children.flatMap(processTree)]
}

/** User and system time of one process so far, all its threads and the children it has waited for, in microseconds; 0: it is gone. */
export function ownCpuUs(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return (ticks * 1e6) / TICKS
  } catch {
    return 0
  }
}
