/**
 * What a master says to the one that is to follow it, and what that one answers, as JSON over the channel that Node opens between
 * parent and child. Listening sockets are inherited as descriptors; nobody else ever has to let go of them.
 *
 *     predecessor                          successor
 *     inherit --------------------------->            what it finds: descriptors, and how the machine is
 *     <------------------------ prepared | failed     its workers serve, on the same sockets
 *     take-over ------------------------->
 *     <-------------------------------- taken         commands, process id and ports are its own
 *     over ------------------------------>            systemd has been told whom to watch
 *     adopt ----------------------------->            an idle connection, as workers of the predecessor part with theirs
 *     <-------------------------- give-back           the same of a successor that could not start after all
 */
import type { WireError } from '../base/errors.ts'
import type { Readiness } from '../base/readiness.ts'

/** Of these messages: another one is not understood. */
export const HEIRLOOM_FORMAT = 1

/** In the environment of a process that is to follow its parent. */
export const SUCCESSOR_VARIABLE = 'WASM_FPM_SUCCESSOR'

/** A socket that somebody listens on already. */
export interface InheritedSocket {
  /** As the configuration names it: `printListenAddress` of its entry, `http`, or `agent ADDRESS` and the like. */
  readonly key: string
  /** Descriptor in the successor. */
  readonly fd: number
  /** As bound. */
  readonly address: string
  readonly transport: 'tcp' | 'unix'
}

/** Where it takes commands. */
export interface InheritedControl {
  readonly fd: number
  readonly path: string
}

/** What a successor finds. */
export interface Heirloom {
  readonly format: number
  /** Of the predecessor. */
  readonly version: string
  /** Of pools, the admin API and `serve --http`. */
  readonly sockets: readonly InheritedSocket[]
  /** Of `[agent]` and `[metrics]`. */
  readonly doors: readonly InheritedSocket[]
  readonly control: InheritedControl | null
  /** What load balancers are told: it goes on until the successor knows better. */
  readonly readiness: Readiness
  /** An operator's `drain`: milliseconds that are left of it, null for no end; undefined: there is none. */
  readonly drainMs?: number | null | undefined
}

/** An idle connection, which comes with the message. `address`: the one it came in by. */
interface Gift<Kind> {
  readonly kind: Kind
  readonly address: string
}

export type ToSuccessor =
  | { readonly kind: 'inherit'; readonly heirloom: Heirloom }
  | { readonly kind: 'take-over' }
  | { readonly kind: 'over' }
  | Gift<'adopt'>

export type ToPredecessor =
  | {
      readonly kind: 'prepared'
      readonly version: string
      /** Of the sockets, the addresses that it serves, as bound: all others are the predecessor's to close. */
      readonly addresses: readonly string[]
    }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'taken' }
  | Gift<'give-back'>
