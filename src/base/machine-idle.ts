/** Processor time of the machine that nobody has used. */
import { cpus } from 'node:os'

export function machineIdleMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0)
}
