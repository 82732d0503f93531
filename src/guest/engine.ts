/** What runs a guest: our own host, or another one behind the same contract. */
import type { GuestMemory } from './guest-memory.ts'
import type { GuestJob, GuestReport } from './instance.ts'
import type { KillReason } from './outcome.ts'

/**
 * - `own`: our own WASI host; guests stream, wait and share the thread.
 * - `wasmer`: `@wasmer/wasi`; for trusted tenants only (docs/engines.md).
 */
export type Engine = 'own' | 'wasmer'

/** An instance of a module, whichever engine runs it. */
export interface Instance {
  /** From 0 to 1, at random. */
  readonly jitter: number
  /** Runs so far. */
  readonly runs: number
  /** Whether it must not run again. */
  readonly isSpent: boolean
  /** Bytes of linear memory, all memories together. */
  readonly memoryBytes: number
  /** Runs the program once. Never rejects. One run at a time. */
  run(job: GuestJob): Promise<GuestReport>
  /** Ends the run. Does nothing between runs. */
  kill(reason: KillReason): void
  /** Puts it back to what it was before its first run; false: it must be thrown away. */
  reset(): boolean
  /** It is thrown away. `give` is told the memories that another instance of the module can have, sooner or later or never. */
  retire(give: (memories: readonly GuestMemory[]) => void): void
}
