/** How large the memories of a guest are when it begins. */
import type { MemorySize } from '../wasm/import-memories.ts'
import type { Contract } from './guest-contract.ts'

/** Pages that nobody touches cost nothing, and a memory that never grows can always be put back. */
export function memoriesOf(
  contract: Contract,
  declared: readonly MemorySize[],
): readonly MemorySize[] {
  if (contract !== 'reactor' || declared.length !== 1) return declared
  return declared.map(({ maximum }) => ({ initial: maximum, maximum }))
}
