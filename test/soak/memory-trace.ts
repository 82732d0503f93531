/** The memory of master and workers over a time in which no process comes or goes. */
import { setTimeout as delay } from 'node:timers/promises'
import type { SoakServer } from './server.ts'
import { readyWorkers, rssMib } from './workers.ts'

export interface MemoryTrace {
  readonly process: 'master' | 'worker'
  readonly pid: number
  /** Resident memory; each the least of some seconds, so that a collection that is due does not count. */
  readonly startMib: number
  readonly endMib: number
}

const LOOK_MS = 500
/** Looks at each end of the time. */
const LOOKS = 10

/** Looks until `isOver`. A process that is not there at both ends is left out. */
export async function watchMemory(
  server: SoakServer,
  isOver: () => boolean,
): Promise<readonly MemoryTrace[]> {
  const workers = readyWorkers(server)
  const looks = new Map<number, number[]>()
  while (!isOver()) {
    for (const pid of [server.masterPid, ...workers]) {
      const known = looks.get(pid) ?? []
      looks.set(pid, known)
      known.push(rssMib(pid))
    }
    await delay(LOOK_MS)
  }
  return [...looks]
    .filter(([, mib]) => mib.every((one) => one > 0))
    .map(([pid, mib]) => ({
      process: pid === server.masterPid ? 'master' : 'worker',
      pid,
      startMib: Math.min(...mib.slice(0, LOOKS)),
      endMib: Math.min(...mib.slice(-LOOKS)),
    }))
}
