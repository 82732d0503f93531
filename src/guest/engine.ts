/** What runs a guest: our own host, or another one behind the same contract. */
import type { GuestModule } from './guest-module.ts'
import type { GuestJob, GuestReport, RunEnd } from './job.ts'
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
  /** Whether all that was called in the latest run has returned: none of it has called proc_exit. */
  readonly hasReturned: boolean
  /** Whether it must not run again. */
  readonly isSpent: boolean
  /** Bytes of linear memory, all memories together; of a reactor's, what is not shared with other instances. */
  readonly memoryBytes: number
  /** How many mappings of the process its memories take, about. */
  readonly mappings: number
  /** Runs the program once, and tells `end`; one run at a time. Until the guest waits for the first time this goes on in the caller's turn. */
  start(job: GuestJob, end: RunEnd): void
  /** Ends the run. Does nothing between runs. */
  kill(reason: KillReason): void
  /** Where the guest is, innermost frame first, at most `depth`, in its own words (`own-trace.ts`). While it waits, or on its stack when a slice ends. */
  trace(depth: number): readonly string[]
  /** Puts it back to what it was before its first run; false: it cannot be. */
  reset(): boolean
  /** It has been put back, and nobody wants it for a while: gives the system what of its memory it can have anew when it is used again. */
  rest(): void
  /**
   * It has not run yet, or has been put back: from here on it begins as one of `module`, which has the same code, and whose instances are
   * `owner`'s (see `MutableState`). Throws where its memory cannot. Not of components, and not of the other engine.
   */
  become?(module: GuestModule, owner: object): void
  /**
   * Makes a new instance of the module of it, with what is left of the old one and costs most to make: its memories, put back to
   * their first state, and its host. False: not now; `later` is called when it is one, if it ever can be.
   */
  renew(later: () => void): boolean
}

/** Runs the program of `instance` once. */
export function runToEnd(instance: Pick<Instance, 'start'>, job: GuestJob): Promise<GuestReport> {
  return new Promise((settled, broke) => instance.start(job, { settled, broke }))
}
