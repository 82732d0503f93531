/**
 * What all host functions work on: the calls of preview 1, and the request with its answer. One for each instance, one run at a
 * time; a run finds nothing of the one before.
 */
import { ExitSignal } from '../../wasi/exit-signal.ts'
import type { ConnectTarget } from '../../wasi/filesystem.ts'
import type { WasiHost } from '../../wasi/host.ts'
import type { WasiGrants } from '../../wasi/session.ts'
import { fault } from '../guest-fault.ts'
import { HandleTable } from '../handle-table.ts'
import type { World } from '../plan.ts'
import type { Task } from '../task.ts'
import { type GuestEvent, NO_EVENT, type WaitableSet } from '../waitable.ts'
import { OutputStream } from './guest-output.ts'
import { HostWork } from './host-work.ts'
import { HttpResponse } from './http-response.ts'
import { OpenFd } from './open-fd.ts'
import { FIRST_PREOPEN, preopenName } from './preopen-name.ts'
import { Preview1Calls } from './preview1-calls.ts'
import { RunVariables } from './run-variables.ts'
import { SocketNames } from './socket-address.ts'

/** What a call takes beside what it charges for itself, in nanoseconds, about. */
const CALL_WORK = 1_000

/** Looking at a waitable of a set, in nanoseconds, about. */
const MEMBER_WORK = 20

const NO_SETTINGS: Readonly<Record<string, string>> = {}

export interface HostUse {
  /** How many instances of components there are. */
  readonly owners: number
  readonly world: World
  /** Looks at the time that the guest has taken, and lets others have their turn; rejects where it may not go on. Default: it may. */
  readonly look?: () => Promise<void>
}

const unlooked = (): Promise<void> => Promise.resolve()

export class ComponentHost {
  readonly calls: Preview1Calls
  readonly world: World
  readonly look: () => Promise<void>
  /** False while code of the guest runs that must not call out: its allocator, most of all. */
  mayLeave = true
  /** Of the run. */
  response: HttpResponse
  /** Components of the run that were called and have not answered, by their owner. */
  readonly entered: Set<number> = new Set<number>()
  /** Of the run: those that were called, each by the one before. */
  readonly tasks: Task[] = []
  /** Of the run: what holds off calls of a component, by its owner. */
  readonly backpressure: Map<number, number> = new Map<number, number>()
  /** Of the run. */
  work: HostWork
  /** What the run was told to seed its generators with, if it has asked. */
  seed: readonly [bigint, bigint] | undefined
  readonly #wasi: WasiHost
  readonly #tables: HandleTable[]
  /** What the guest prints to, by descriptor. */
  readonly #printers = new Map<number, OutputStream>()
  #grants: WasiGrants | undefined
  #variables: RunVariables | undefined
  #socketNames: SocketNames | undefined
  #fault: Error | undefined

  constructor(
    wasi: WasiHost,
    counter: Pick<WebAssembly.Global, 'value'>,
    { owners, world, look = unlooked }: HostUse,
  ) {
    this.look = look
    this.#wasi = wasi
    this.world = world
    this.calls = new Preview1Calls(wasi, counter)
    this.#tables = Array.from({ length: owners }, () => new HandleTable())
    this.response = new HttpResponse(this.calls)
    this.work = new HostWork(this)
  }

  begin(grants: WasiGrants): void {
    this.end()
    this.#grants = grants
    this.calls.begin()
  }

  /** Forgets the run: its handles, and all that they led to. */
  end(): void {
    this.#grants = undefined
    this.#variables = undefined
    this.#fault = undefined
    this.seed = undefined
    this.mayLeave = true
    this.entered.clear()
    this.tasks.length = 0
    this.backpressure.clear()
    this.work = new HostWork(this)
    this.#printers.clear()
    this.#socketNames = undefined
    this.response = new HttpResponse(this.calls)
    for (const index of this.#tables.keys()) this.#tables[index] = new HandleTable()
  }

  handles(owner: number): HandleTable {
    const table = this.#tables[owner]
    if (table === undefined) throw fault('a component without handles')
    return table
  }

  /** What is written to a descriptor for printing: one for all that ask for it. */
  printer(fd: number): OutputStream {
    const printer = this.#printers.get(fd) ?? new OutputStream(this.calls, { fd })
    this.#printers.set(fd, printer)
    return printer
  }

  /** All that was printed goes out. */
  async flush(): Promise<void> {
    for (const printer of this.#printers.values()) await printer.flush(true)
  }

  get variables(): RunVariables {
    this.#variables ??= new RunVariables(this.#grants)
    return this.#variables
  }

  /** Of the run: names that addresses stand for. */
  get socketNames(): SocketNames {
    this.#socketNames ??= new SocketNames()
    return this.#socketNames
  }

  /** What the operator has set for it, by name. */
  get settings(): Readonly<Record<string, string>> {
    return this.#grants?.settings ?? NO_SETTINGS
  }

  /** The folder that was granted for this bucket; undefined: there is none. It is there as long as the run. */
  bucketFolder(identifier: string): OpenFd | undefined {
    const path = this.#grants?.buckets?.get(identifier)
    if (path === undefined) return undefined
    for (let fd = FIRST_PREOPEN; ; fd++) {
      const name = preopenName(this.calls, fd)
      if (name === path) return new OpenFd(this.calls, fd).retain()
      if (name === undefined) return undefined
    }
  }

  get arguments(): readonly string[] {
    return this.#grants?.args ?? []
  }

  /** Starts a call: throws when the guest has ended, has trapped, or must not make any. */
  enter(): void {
    this.#wasi.enter()
    this.#wasi.charge(CALL_WORK)
    if (!this.mayLeave) throw fault('a call of the host while it was being given memory')
  }

  /** As of `WasiHost`. */
  connect(target: ConnectTarget): number {
    const fd = this.#wasi.connect(target)
    if (fd >= 0) this.calls.impatient(fd)
    return fd
  }

  /** As of `WasiHost`. */
  connectOutcome(fd: number): number | undefined {
    return this.#wasi.connectOutcome(fd)
  }

  readonly charge = (work: number): void => this.#wasi.charge(work)

  /** What a host function has thrown: the guest gets no further, even if it catches that. Answers what to throw. */
  trap(error: unknown): unknown {
    if (error instanceof ExitSignal) return error
    this.#fault ??= error instanceof Error ? error : new Error(String(error))
    this.#wasi.poison()
    return error
  }

  /** The guest gets no further when a promise of a call is rejected. */
  settled<Result>(promise: Promise<Result>): Promise<Result> {
    return promise.catch((error: unknown) => {
      throw this.trap(error)
    })
  }

  /** Goes on with what is under way until one of a set has something to tell. */
  waitFor(set: WaitableSet): GuestEvent | Promise<GuestEvent> {
    const tell = (): GuestEvent => set.takeEvent() ?? NO_EVENT
    const waited = this.work.until(() => {
      this.charge(set.members.size * MEMBER_WORK)
      return set.hasEvent
    })
    return waited instanceof Promise ? waited.then(tell) : tell()
  }

  /** What has made it trap, caught or not. */
  get fault(): Error | undefined {
    return this.#fault
  }
}
