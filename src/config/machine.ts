/** What the machine (or the container) has: the defaults that depend on it. */
import { availableParallelism, totalmem } from 'node:os'

export function machineCores(): number {
  return availableParallelism()
}

/** Memory that this process and its children may use: the machine's, or what the control group leaves of it. */
export function machineMemoryBytes(): number {
  const constrained = process.constrainedMemory()
  const total = totalmem()
  return constrained > 0 && constrained < total ? constrained : total
}
