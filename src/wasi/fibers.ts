/**
 * The stacks of a guest beside that of its entry (module `wasm_fpm`: fiber_new, fiber_switch). Each is a call of its own of what the
 * guest exports for that, suspended (JSPI) while another one has the guest; one of them runs at a time.
 *
 *     fiber_new ──> made ── fiber_switch ──> running <── fiber_switch ──> suspended
 *                                              └── returns who goes on ──> gone
 *
 * A switch hands over nothing but the thread: the guest's run, its time and its memory are those of all its stacks together.
 */
import { Errno } from './errno.ts'
import { ExitSignal } from './exit-signal.ts'
import { promising } from './jspi.ts'

/** Of one guest at once. */
export const MAX_FIBERS = 512
/** Of a guest's memory for each: a stack of this process takes up to this. */
const FIBER_BYTES = 1024 * 1024
/** Of all guests of a process: each takes two of its mappings. */
export const MAX_FIBERS_OF_ALL = 4_096
/** Stacks that unwind in one turn of the event loop: a deep one takes 0.3 ms. */
const UNWOUND_AT_ONCE = 4

/** What a guest exports: begins a fiber with the number it was made with, and answers which one goes on when it has ended. */
export const FIBER_EXPORT = 'wasm_fpm_fiber'

export interface FiberHooks {
  /** Another stack goes on, in a turn of its own. */
  readonly onSwitch: () => void
  /** One has thrown what ends the guest. */
  readonly onThrow: (thrown: unknown) => void
  /** A session's last one has ended after it. */
  readonly onGone: () => void
}

const NO_HOOKS: FiberHooks = {
  onSwitch: () => undefined,
  onThrow: () => undefined,
  onGone: () => undefined,
}

/** Of all guests of this thread. */
let ofAll = 0

interface Waiting {
  readonly resume: (errno: number) => void
  readonly abandon: (why: ExitSignal) => void
}

interface Fiber {
  readonly argument: number
  /** While it is suspended. */
  waits: Waiting | undefined
}

/** The fibers of one session. */
interface Group {
  readonly all: Map<number, Fiber>
  current: number
  next: number
  /** Calls that have not returned. */
  onStack: number
  isOver: boolean
}

const newGroup = (): Group => ({
  all: new Map([[0, { argument: 0, waits: undefined }]]),
  current: 0,
  next: 1,
  onStack: 0,
  isOver: false,
})

export class Fibers {
  hooks: FiberHooks = NO_HOOKS
  #entry: ((argument: number) => Promise<number>) | undefined
  #most = 0
  #group = newGroup()
  /** Calls that have not returned, of sessions that are over. */
  #left = 0

  /** `exported`: what a guest has under `FIBER_EXPORT`, `memoryBytes`: what it may have. */
  attach(exported: WebAssembly.ExportValue | undefined, memoryBytes: number): void {
    this.#most = Math.min(Math.ceil(memoryBytes / FIBER_BYTES), MAX_FIBERS)
    this.#entry =
      typeof exported === 'function'
        ? promising(exported as unknown as (argument: number) => number)
        : undefined
  }

  /** Whether any have been made since the latest `end`. */
  get areThere(): boolean {
    return this.#group.next > 1
  }

  /** Whether stacks of sessions that are over have yet to unwind. */
  get areLeft(): boolean {
    return this.#left > 0
  }

  /** A number from 1 on; 0: there are too many; undefined: the guest has not said what a fiber does. */
  make(argument: number): number | undefined {
    if (this.#entry === undefined) return undefined
    const { all, next } = this.#group
    if (all.size > this.#most || ofAll >= MAX_FIBERS_OF_ALL) return 0
    all.set(next, { argument, waits: undefined })
    this.#group.next = next + 1
    ofAll += 1
    return next
  }

  /** Settles when somebody has switched back to who calls this. Rejects when the session ends. */
  switchTo(id: number): Promise<number> | number {
    const group = this.#group
    const { all, current } = group
    const to = all.get(id)
    const from = all.get(current)
    if (to === undefined || from === undefined || id === current) return Errno.INVAL
    return new Promise((resume, abandon) => {
      from.waits = { resume, abandon }
      this.#goOn(group, id, to)
    })
  }

  /** Forgets all of them. Those that are suspended unwind, as does the entry if it is: V8 never frees a stack that is left. */
  end(): void {
    const group = this.#group
    if (!this.areThere) return
    group.isOver = true
    this.#group = newGroup()
    this.#left += group.onStack
    ofAll -= group.all.size - 1 - group.onStack
    const waiting = [...group.all.values()].flatMap(({ waits }) => waits ?? [])
    group.all.clear()
    this.#abandon(waiting)
  }

  #abandon(waiting: Waiting[]): void {
    for (const { abandon } of waiting.splice(0, UNWOUND_AT_ONCE)) abandon(new ExitSignal(undefined))
    if (waiting.length > 0) setImmediate(() => this.#abandon(waiting))
  }

  /** Only promises are settled here, and calls made later: who calls this may be on one of the stacks. */
  #goOn(group: Group, id: number, fiber: Fiber): void {
    const { waits } = fiber
    group.current = id
    this.hooks.onSwitch()
    if (waits === undefined) queueMicrotask(() => this.#begin(group, id, fiber))
    else {
      fiber.waits = undefined
      waits.resume(Errno.SUCCESS)
    }
  }

  #begin(group: Group, id: number, { argument }: Fiber): void {
    const entry = this.#entry
    if (group.isOver || entry === undefined) return
    group.onStack += 1
    entry(argument).then(
      (next) => this.#ended(group, id, next),
      (thrown) => this.#threw(group, thrown),
    )
  }

  #ended(group: Group, id: number, next: number): void {
    if (this.#leave(group)) return
    group.all.delete(id)
    ofAll -= 1
    const to = group.all.get(next >>> 0)
    if (to === undefined)
      this.hooks.onThrow(
        new Error(`fiber ${id} has ended and names ${next >>> 0}, which there is not`),
      )
    else this.#goOn(group, next >>> 0, to)
  }

  #threw(group: Group, thrown: unknown): void {
    if (!this.#leave(group)) this.hooks.onThrow(thrown)
  }

  /** Whether its session is over. */
  #leave(group: Group): boolean {
    group.onStack -= 1
    if (!group.isOver) return false
    this.#left -= 1
    ofAll -= 1
    if (this.#left === 0) this.hooks.onGone()
    return true
  }
}
