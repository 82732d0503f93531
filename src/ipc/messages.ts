/**
 * What master and workers say to each other, as JSON over the channel that Node opens between parent and child.
 *
 *     master                               worker
 *     start ----------------------------->
 *     <------------------------- ready | failed
 *     <------------------ beat, every second; busy | idle when that changes
 *     take-part | stand-by -------------->            whether it accepts connections, or leaves them to others
 *     <--------------------------- give-away          a connection for another worker
 *     adopt ----------------------------> others
 *     <---------------- adopted | declined others     the first to say that it has it reads from it
 *     <------------------------ stepped-in            it takes part by itself: others left a connection waiting
 *     give-figures ---------------------->            what it has counted since its start
 *     <--------------------------- figures
 *     readiness ------------------------->            whether the machine is to get requests, when that changes
 *     prepare --------------------------->            a reload, first half: nothing changes yet
 *     <------------------- prepared (error?)
 *     commit | abandon ------------------>            second half
 *     <------------------------ ask-status            what the pool's other workers know of a tenant, or of all
 *     give-status ----------------------> others
 *     <---------------------------- status others
 *     statuses -------------------------->
 *     <------------------------------ used            what tenants have had of its thread, while others wait
 *     used-elsewhere -------------------->
 *     <------------------------- roll-back            a release fails too often
 *     <-------------------------- runtimes            how its runtimes are, when that changes
 *     drain | stop ---------------------->            ends the worker
 */
import type { WireError } from '../base/errors.ts'
import type { WorkerFigures } from '../base/figures.ts'
import type { Readiness } from '../base/readiness.ts'
import type { Usage } from '../base/usage.ts'

/** Descriptor of the memory in which a pool's workers add up what their writable mounts hold; /dev/null where there is none. */
export const LEDGER_FD = 4
export const LEDGER_BYTES: number = 256 * 1024

/** A listening socket that a worker has inherited. */
export interface SocketGrant {
  /** File descriptor in the worker. */
  readonly fd: number
  /** The address it is bound to, as operators write it; names the socket in `prepare`. */
  readonly address: string
  readonly transport: 'tcp' | 'unix'
}

/** Who is there when a worker ends. */
export interface Remaining {
  /** Whether another one takes its connections. */
  readonly hasHeirs: boolean
  /** The addresses that others accept on. */
  readonly taken: readonly string[]
}

/** In front of a pool's name, where a tenant's is asked for: all of its tenants. Names have no colon. */
export const WHOLE_POOL = ':'

/** `Settings`: the configuration of the worker's pool. */
export type MasterMessage<Settings> =
  | {
      readonly kind: 'start'
      readonly settings: Settings
      /** Whether it shares a pipe or terminal that it has as a standard stream with nobody. */
      readonly ownsStreams: boolean
      readonly sockets: readonly SocketGrant[]
      /** A socket to serve HTTP on; null: none. */
      readonly http: SocketGrant | null
    }
  /** To get ready for new settings. `addresses`: the sockets that stay. `taken`: those that somebody accepts on then, whoever it is. */
  | {
      readonly kind: 'prepare'
      readonly settings: Settings
      readonly addresses: readonly string[]
      readonly taken: readonly string[]
    }
  /** To serve with what was prepared last. */
  | { readonly kind: 'commit' }
  /** To forget what was prepared last. */
  | { readonly kind: 'abandon' }
  /**
   * An open connection of another worker, idle when it was given away; the socket comes with the message. To be answered by
   * `adopted` before anything is read from it, or by `declined`.
   */
  | { readonly kind: 'adopt'; readonly id: number; readonly address: string }
  /** This worker is busy and another one is not: idle connections are better off there. */
  | { readonly kind: 'relieve' }
  /** To accept connections, as at the start. */
  | { readonly kind: 'take-part' }
  /** To leave connections to others, its own too when they are idle. `isWatching`: but not those that the others leave waiting. */
  | { readonly kind: 'stand-by'; readonly isWatching: boolean }
  | { readonly kind: 'reopen-logs' }
  /** To say what it has counted (`figures`). */
  | { readonly kind: 'give-figures' }
  /** Whether the machine is to get requests; before it is said, it is starting. */
  | { readonly kind: 'readiness'; readonly readiness: Readiness }
  /** To answer `status` with the same id. */
  | { readonly kind: 'give-status'; readonly id: number; readonly tenant: string }
  /** The answers to the worker's `ask-status` with that id, as the other workers gave them; and what other logs have dropped. */
  | {
      readonly kind: 'statuses'
      readonly id: number
      readonly statuses: readonly string[]
      readonly droppedLines: ServerDroppedLines
    }
  /** The answer to `used`: what tenants have had of the other workers' threads since the last one. */
  | { readonly kind: 'used-elsewhere'; readonly usage: Usage }
  /**
   * To stop accepting, finish what runs for up to `graceMs`, and end. `hasHeirs`: another worker takes its connections;
   * else they are closed.
   */
  | ({ readonly kind: 'drain'; readonly graceMs: number } & Remaining)

/** Lines that the logs of the processes have dropped that are no workers, since the server's start. */
export interface ServerDroppedLines {
  readonly master: number
  readonly admin: number
}

export interface FailingRelease {
  readonly tenant: string
  readonly handler: string
  /** Digest. */
  readonly release: string
  /** Requests that this worker has seen it answer, and how many of them failed. */
  readonly requests: number
  readonly failures: number
}

/** How a runtime of a worker is. */
export interface RuntimeFacts {
  readonly name: string
  /** `failed`: also while the one before goes on. */
  readonly state: 'booting' | 'ready' | 'failed'
  /** How long it took to be ready, or to fail; undefined: it is not yet. */
  readonly tookMs?: number | undefined
  /** Why it has failed. */
  readonly reason?: string | undefined
}

export type WorkerMessage =
  | { readonly kind: 'ready' }
  /** It cannot start. */
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'prepared'; readonly error: WireError | undefined }
  /**
   * `load`: share of the time since the last one in which it had work. `isActive`: whether there was a request. `isWorn`: it has compiled
   * so much that another one is to take its place.
   */
  | {
      readonly kind: 'beat'
      readonly load: number
      readonly isActive: boolean
      readonly isWorn: boolean
    }
  /** It takes part by itself. */
  | { readonly kind: 'stepped-in' }
  /** An idle connection for another worker; the socket comes with the message. `address`: the one it came in by. */
  | { readonly kind: 'give-away'; readonly address: string }
  /** The worker has the connection that came with that id; nobody else is to get it. */
  | { readonly kind: 'adopted'; readonly id: number }
  /** The worker is about to end, and has not read from the connection. */
  | { readonly kind: 'declined'; readonly id: number }
  /** A request that comes now has to wait for others. `doGuestsWait`: for guests that have used up a slice. */
  | { readonly kind: 'busy'; readonly doGuestsWait: boolean }
  /** `id`: a number of its own, for the answer. */
  | { readonly kind: 'ask-status'; readonly id: number; readonly tenant: string }
  /** JSON, which the master does not read; undefined: this worker does not serve the tenant. */
  | { readonly kind: 'status'; readonly id: number; readonly status: string | undefined }
  | { readonly kind: 'idle' }
  /** The answer to `give-figures`; and said once more at the end of the worker. */
  | { readonly kind: 'figures'; readonly figures: WorkerFigures }
  /** What tenants have had of its thread since the last one; nothing is said while nobody waits. */
  | { readonly kind: 'used'; readonly usage: Usage }
  /** All of them. */
  | { readonly kind: 'runtimes'; readonly runtimes: readonly RuntimeFacts[] }
  /** A published release fails in more than its share of requests, and wants to go back (`auto_rollback`). */
  | ({ readonly kind: 'roll-back' } & FailingRelease)
