/**
 * Processor time of a server and all that it starts, those included that have ended and that nobody has waited for: a group of its own
 * in the kernel's books (cgroups, version 2), where this process may make one.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'

/** Where they are: alone, or beside those of version 1. */
const ROOTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
const PREFIX = 'wasm-fpm-bench-'

let made = 0

/** Its path; undefined: there are none here, or not for us. */
export function makeCpuGroup(): string | undefined {
  const root = ROOTS.find((path) => existsSync(join(path, 'cgroup.controllers')))
  if (root === undefined) return undefined
  const path = join(root, `${PREFIX}${process.pid}-${made++}`)
  try {
    mkdirSync(path)
    return path
  } catch {
    return undefined
  }
}

/** No process is in it any more. One that the kernel still counts is left there. */
export function removeCpuGroup(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Nobody is hurt by an empty one.
  }
}

/** In microseconds, of the group that a process was started in; undefined: none of ours. */
export function groupCpuUs(pid: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    const own = new RegExp(`^0::(/${PREFIX}.*)$`, 'm').exec(text)?.[1]
    if (own === undefined) return undefined
    const root = ROOTS.find((path) => existsSync(join(path, own)))
    const stat = readFileSync(join(root ?? '', own, 'cpu.stat'), 'utf8')
    return Number(/^usage_usec (\d+)$/m.exec(stat)?.[1])
  } catch {
    return undefined
  }
}
