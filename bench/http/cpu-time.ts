/** Processor time of processes, from their group, or from /proc/PID/stat. */
import { readdirSync, readFileSync } from 'node:fs'
import { groupCpuUs } from './cpu-group.ts'

/** Clock ticks of /proc/PID/stat in a second. */
const TICKS = 100

/**
 * User and system time of a process that `startServer` has started, and of all below it, so far, in microseconds. Where there are no
 * cgroups those are left out that have ended without anybody waiting for them.
 */
export function treeCpuUs(pid: number): number {
  return groupCpuUs(pid) ?? processTree(pid).reduce((sum, one) => sum + ownCpuUs(one), 0)
}

/** A process and all below it, whichever of its threads has started them. */
export function processTree(pid: number): readonly number[] {
  return [pid, ...threadsOf(pid).flatMap((thread) => childrenOf(pid, thread).flatMap(processTree))]
}

/** None: it is gone. */
function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function childrenOf(pid: number, thread: string): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
    return text
      .split(' ')
      .filter((child) => child !== '')
      .map(Number)
  } catch {
    return []
  }
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
