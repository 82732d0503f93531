/**
 * A host for WASI preview 1 (`wasi_snapshot_preview1`): all 46 functions over virtual files and byte streams, and what it lacks
 * (`wasm_fpm`).
 *
 * One host serves one guest instance at a time, one session at a time. Calls that may have to wait are suspending imports: they
 * can only be called below a `promising` export.
 */
import { ALARM_CALLS } from './alarm-calls.ts'
import { ARGS_CALLS } from './args-calls.ts'
import { CallContext, type ProcessorBudget } from './call-context.ts'
import { CLOCK_CALLS } from './clock-calls.ts'
import { connectFor, connectOutcomeOf } from './connect-for.ts'
import { WasiError } from './errors.ts'
import { FD_IO_CALLS } from './fd-io-calls.ts'
import { FD_STAT_CALLS } from './fd-stat-calls.ts'
import { FD_TABLE_CALLS } from './fd-table-calls.ts'
import { FIBER_CALLS } from './fiber-calls.ts'
import type { FiberHooks } from './fibers.ts'
import type { ConnectTarget } from './filesystem.ts'
import { LOCK_CALLS } from './lock-calls.ts'
import { MODE_CALLS } from './mode-calls.ts'
import { PATH_CALLS } from './path-calls.ts'
import { PATH_OPEN_CALL } from './path-open-call.ts'
import { POLL_CALLS } from './poll-calls.ts'
import { PROC_CALLS } from './proc-calls.ts'
import { RANDOM_CALLS } from './random-calls.ts'
import { READDIR_CALLS } from './readdir-calls.ts'
import { REQUEST_CALLS } from './request-calls.ts'
import { SCHED_CALLS } from './sched-calls.ts'
import type { WasiGrants } from './session.ts'
import { SOCK_CALLS } from './sock-calls.ts'
import { compileWaitShim, type WaitingCall } from './wait-shim.ts'

type Call = (...args: never[]) => number | Promise<number>
type Bind = (host: CallContext) => Call

const PREVIEW1_CALLS: ReadonlyMap<string, Bind> = new Map(
  Object.entries<Bind>({
    ...ARGS_CALLS,
    ...CLOCK_CALLS,
    ...FD_IO_CALLS,
    ...FD_STAT_CALLS,
    ...FD_TABLE_CALLS,
    ...PATH_CALLS,
    ...PATH_OPEN_CALL,
    ...POLL_CALLS,
    ...PROC_CALLS,
    ...RANDOM_CALLS,
    ...READDIR_CALLS,
    ...SCHED_CALLS,
    ...SOCK_CALLS,
  }),
)

const BEYOND_CALLS: ReadonlyMap<string, Bind> = new Map(
  Object.entries<Bind>({
    ...ALARM_CALLS,
    ...FIBER_CALLS,
    ...LOCK_CALLS,
    ...MODE_CALLS,
    ...REQUEST_CALLS,
  }),
)

/** No name is in both. */
const CALLS: ReadonlyMap<string, Bind> = new Map([...PREVIEW1_CALLS, ...BEYOND_CALLS])

/** The functions of preview 1. */
export const WASI_FUNCTIONS: readonly string[] = [...PREVIEW1_CALLS.keys()].sort()

/** The functions of `wasm_fpm`. */
export const BEYOND_FUNCTIONS: readonly string[] = [...BEYOND_CALLS.keys()].sort()

/** Those of them that may suspend the guest, and their parameters. */
const WAITING_CALLS = {
  fd_datasync: 'i',
  fd_pwrite: 'iiiIi',
  fd_read: 'iiii',
  fd_sync: 'i',
  fd_write: 'iiii',
  fiber_switch: 'i',
  flock: 'ii',
  path_open: 'iiiiiIIii',
  poll_oneoff: 'iiii',
  sched_yield: '',
} as const

/** As imports they can only be called below a `promising` export. */
export const SUSPENDING_FUNCTIONS: ReadonlySet<string> = new Set(Object.keys(WAITING_CALLS))

/**
 * What a guest may do and still start over. `fd_write` says itself what of it cannot be undone, and a call that waits leaves a trace
 * because it does. What is not named here leaves one.
 */
const TRACELESS: ReadonlySet<string> = new Set([
  'access',
  'alarm',
  'args_get',
  'args_sizes_get',
  'clock_res_get',
  'clock_time_get',
  'environ_get',
  'environ_sizes_get',
  'fd_fdstat_get',
  'fd_filestat_get',
  'fd_prestat_dir_name',
  'fd_prestat_get',
  'fd_seek',
  'fd_tell',
  'fd_write',
  'fstat',
  'path_filestat_get',
  'path_readlink',
  'proc_exit',
  'random_get',
  'stat',
])

/** Metering checks of the guest's runner: they may suspend it too, and share its one shim. */
export interface MeterChecks {
  /** Answers a number that is not -1, or a promise of one. */
  readonly check: () => number | Promise<number>
  /** Never suspends. */
  readonly plainCheck: () => number
}

const NO_CHECKS: MeterChecks = { check: () => 0, plainCheck: () => 0 }

type WaitingName = keyof typeof WAITING_CALLS
type Shim = ReturnType<typeof compileWaitShim<string>>

const WAITING_NAMES = Object.keys(WAITING_CALLS) as WaitingName[]

/** By the waiting calls they have, of which there are few. */
const shims = new Map<string, Shim>()

/** What a module does not import costs its instances nothing. */
function shimFor(waiting: readonly WaitingName[]): Shim {
  const key = waiting.join()
  let shim = shims.get(key)
  if (shim === undefined) {
    const parameters: Record<string, string> = { check: '', plainCheck: '' }
    for (const name of waiting) parameters[name] = WAITING_CALLS[name]
    shim = compileWaitShim(parameters)
    shims.set(key, shim)
  }
  return shim
}

/** Looks at the time when the call has ended. No call has more parameters, and a list of them would cost more than the look. */
function leaving(context: CallContext, call: Call, leavesTrace = false): Call {
  const called = call as (...args: unknown[]) => number | Promise<number>
  return (a?, b?, c?, d?, e?, f?, g?, h?, i?) => {
    if (leavesTrace) context.traces.leave()
    const answer = called(a, b, c, d, e, f, g, h, i)
    if (typeof answer === 'number') context.leave()
    return answer
  }
}

export class WasiHost {
  /** Of both modules. */
  readonly imports: WebAssembly.ModuleImports
  /** `checks` as Wasm functions, which can sit in a table. */
  readonly checks: {
    readonly check: WebAssembly.ExportValue
    readonly plainCheck: WebAssembly.ExportValue
  }
  readonly #context = new CallContext()

  /** `needed`: what the module imports from `wasi_snapshot_preview1` and `wasm_fpm`. Throws WASI_UNKNOWN_IMPORT. */
  constructor(needed: ReadonlySet<string>, checks: MeterChecks = NO_CHECKS) {
    const imports: WebAssembly.ModuleImports = {}
    const waiting = WAITING_NAMES.filter((name) => needed.has(name))
    const calls: Record<string, WaitingCall> = { ...checks }
    for (const name of needed) {
      const bind = CALLS.get(name)
      if (bind === undefined) {
        throw new WasiError(
          'WASI_UNKNOWN_IMPORT',
          `Cannot import ${JSON.stringify(name)}: wanted a function of WASI preview 1, or of wasm_fpm`,
        )
      }
      const call = leaving(this.#context, bind(this.#context), !TRACELESS.has(name))
      if (name in WAITING_CALLS) calls[name] = call
      else imports[name] = call as WebAssembly.ImportValue
    }
    const shim = shimFor(waiting)(calls)
    for (const name of waiting) imports[name] = shim[name] as WebAssembly.ExportValue
    this.checks = shim as Record<keyof MeterChecks, WebAssembly.ExportValue>
    this.imports = imports
  }

  /** A call as host code makes it, for a guest of another contract: it answers a promise where it has to wait. */
  call(name: string): Call {
    const bind = CALLS.get(name)
    if (bind === undefined) throw new Error(`Cannot call ${name}: wanted a function of preview 1`)
    return leaving(this.#context, bind(this.#context))
  }

  /** As `connectFor` in connect-for.ts. */
  connect(target: ConnectTarget): number {
    return connectFor(this.#context, target)
  }

  /** As `connectOutcomeOf` in connect-for.ts. */
  connectOutcome(fd: number): number | undefined {
    return connectOutcomeOf(this.#context, fd)
  }

  /** Starts a call that is none of preview 1: throws when the guest has exited or the session is over. */
  enter(): void {
    this.#context.enter()
  }

  /** Charges the guest for what such a call is about to do, in nanoseconds, about. */
  charge(work: number): void {
    this.#context.charge(work)
  }

  /** Says which memory the guest's pointers mean. Until then every call that needs memory returns FAULT. */
  attach(memory: WebAssembly.Memory, counter?: Pick<WebAssembly.Global, 'value'>): void {
    this.#context.attach(memory)
    this.#context.counter = counter
  }

  /** `exported`: what the guest exports for fibers (`fibers.ts`), `memoryBytes`: what its memory may be. */
  attachFibers(exported: WebAssembly.ExportValue | undefined, memoryBytes: number): void {
    this.#context.fibers.attach(exported, memoryBytes)
  }

  /**
   * Starts a session; one that is still open is ended. `isTraceless`: what the guest prints is kept (`staged`), and a call that could
   * not be undone throws, as does every one behind it (`hasLeftTraces`): then the guest has to start over, in another session. Throws
   * WASI_NOT_REUSABLE unless `isReusable`.
   */
  begin(grants: WasiGrants, isTraceless = false, nowMs: number = grants.clock.nowMs()): void {
    this.#context.begin(grants, isTraceless, nowMs)
  }

  /** Whether the session has done what cannot be undone, or, where that is forbidden, has been stopped because it was about to. */
  get hasLeftTraces(): boolean {
    return this.#context.traces.areThere
  }

  /** What the guest does from here on cannot be undone: it has lasted too long. */
  leaveTrace(): void {
    this.#context.traces.leave()
  }

  /** What a guest that leaves no traces has printed; valid until another one runs. */
  get staged(): Uint8Array {
    return this.#context.traces.staged
  }

  /**
   * Ends the session: closes its descriptors, cancels its timer, and unwinds the guest's stack if it is suspended:
   * its call throws. Until the next `begin` every call throws. Idempotent. The streams and preopened directories stay their
   * owner's to end.
   */
  end(): void {
    this.#context.end()
  }

  /**
   * Makes every further call of the session throw, for a guest that is to be stopped while it holds the thread. It keeps
   * its files until `end()`.
   */
  poison(): void {
    this.#context.poison()
  }

  /** Takes `poison` back. */
  cure(): void {
    this.#context.cure()
  }

  set fiberHooks(hooks: FiberHooks) {
    this.#context.fibers.hooks = hooks
  }

  /**
   * Drops the guest's fibers: those that are suspended unwind, and so does its entry if it is, while every call throws. Answers
   * whether there were any; then `cure` lets it make calls again.
   */
  endFibers(): boolean {
    if (!this.#context.fibers.areThere) return false
    this.#context.poison()
    this.#context.fibers.end()
    return true
  }

  /** Whether some that were dropped have yet to unwind. */
  get areFibersLeft(): boolean {
    return this.#context.fibers.areLeft
  }

  /** The guest's time has been looked at. Answers whether a call had asked for that. */
  checked(nowMs: number): boolean {
    return this.#context.checked(nowMs)
  }

  /** How much processor time the guest has used when it is to be told so; undefined: it need not be. */
  get alarmMs(): number | undefined {
    return this.#context.alarm?.usedMs
  }

  /** It has. */
  ring(): void {
    this.#context.ring()
  }

  /** Asked when a guest wants to be told. Default: it may use all there is. */
  set processorTime(hook: () => ProcessorBudget) {
    this.#context.processorTime = hook
  }

  /** What the guest gave to `proc_exit` in the latest session, 0 to 2^32 - 1; `undefined`: it has not exited. */
  get exitCode(): number | undefined {
    return this.#context.exitCode
  }

  /** Whether the guest is parked in one of our calls. */
  get isSuspended(): boolean {
    return this.#context.isSuspended
  }

  /**
   * Whether another session may begin. False after an `end()` that found the guest suspended or about to resume: its stack still
   * has to unwind, so the guest's instance must be thrown away. Then `renew` makes it true.
   */
  get isReusable(): boolean {
    return this.#context.isReusable
  }

  /** The stack of the session before has unwound, and the guest is gone: another one may have the host. */
  renew(): void {
    this.#context.renew()
  }

  /** Called when the guest gives up the thread in one of our calls. */
  set beforeWait(hook: (() => void) | undefined) {
    this.#context.beforeWait = hook
  }

  /** Called when it is about to get the thread back. */
  set afterWait(hook: (() => void) | undefined) {
    this.#context.afterWait = hook
  }

  /** Asked when what the guest waited for has come: calls `resume` when it is its turn. Default: at once. */
  set takeTurn(hook: ((resume: () => void) => void) | undefined) {
    this.#context.takeTurn = hook
  }
}
