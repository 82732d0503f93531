/**
 * Makes modules without holding up requests: none of it happens in the thread of the event loop. Small modules have a thread of
 * their own that is there, and warm, from the start; one for large ones is started when one comes and ended when none has come
 * for a while. Who comes first is not decided here: see load-turns.ts.
 */
import { Worker } from 'node:worker_threads'
import { fromWire, type WireError } from '../base/errors.ts'
import type { CompileThreadContext } from './compile.ts'
import type { Compile, CompilePlan, OnNewTypes } from './compiler.ts'
import type { GuestModule } from './guest-module.ts'
import { SMALL_MODULE_BYTES } from './load-turns.ts'
import { type ImageThreadContext, snapshotFile } from './snapshot-file.ts'
import { MOST_TYPES, makeTypeList } from './type-list.ts'

/** How long an idle thread for large modules is kept, in milliseconds. */
const IDLE_MS = 10_000
/** A worker is to be ready first, in milliseconds. */
const WARM_UP_AFTER_MS = 500

const CONTEXT: CompileThreadContext = {
  eagerCompiles: new SharedArrayBuffer(4),
  types: makeTypeList(),
}

/** From so many types of functions on (`type-list.ts`) a process is better replaced. */
const WORN_TYPES = MOST_TYPES / 2

/** Whether this process has compiled so much that another one is to take its place. */
export function isWornOut(): boolean {
  return Atomics.load(new Int32Array(CONTEXT.types, 0, 1), 0) >= WORN_TYPES
}

export type CompileQuestion =
  | 'warm up'
  | { readonly bytes: Uint8Array<ArrayBuffer>; readonly plan: CompilePlan }

/** `newTypes`: of functions, that the process has not seen before. */
export type CompileAnswer = { readonly newTypes: number } & (
  | { readonly module: GuestModule }
  | { readonly error: WireError }
)

interface Waiting {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly plan: CompilePlan
  readonly onNewTypes: OnNewTypes | undefined
  readonly resolve: (module: GuestModule) => void
  readonly reject: (error: unknown) => void
}

/** Starts the thread for small modules. */
export function compileInThreads(): Compile {
  const small = new CompileThread({ isKept: true })
  const large = new CompileThread({ isKept: false })
  return (bytes, plan, onNewTypes) =>
    (bytes.length <= SMALL_MODULE_BYTES ? small : large).compile(bytes, plan, onNewTypes)
}

class CompileThread {
  readonly #isKept: boolean
  #thread: Worker | undefined
  #idleTimer: NodeJS.Timeout | undefined
  /** The first is the one the thread works on. */
  readonly #waiting: Waiting[] = []

  constructor({ isKept }: { readonly isKept: boolean }) {
    this.#isKept = isKept
    if (!isKept) return
    setTimeout(() => this.#warmUp(), WARM_UP_AFTER_MS).unref()
  }

  #warmUp(): void {
    if (this.#thread !== undefined) return // it has had something to do
    this.#thread = this.#start()
    this.#thread.postMessage('warm up' satisfies CompileQuestion)
    this.#thread.unref()
  }

  compile(
    bytes: Uint8Array<ArrayBuffer>,
    plan: CompilePlan,
    onNewTypes: OnNewTypes | undefined,
  ): Promise<GuestModule> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, plan, onNewTypes, resolve, reject })
      if (this.#waiting.length === 1) this.#askNext()
    })
  }

  #askNext(): void {
    clearTimeout(this.#idleTimer)
    const next = this.#waiting[0]
    if (next === undefined) {
      this.#thread?.unref()
      if (!this.#isKept) this.#idleTimer = setTimeout(() => this.#end(), IDLE_MS).unref()
      return
    }
    this.#thread ??= this.#start()
    this.#thread.ref()
    const { bytes, plan } = next
    // Given away, not copied, unless others have a part of the same memory.
    const isWhole = bytes.byteLength === bytes.buffer.byteLength
    this.#thread.postMessage(
      { bytes, plan } satisfies CompileQuestion,
      isWhole ? [bytes.buffer] : [],
    )
  }

  #start(): Worker {
    const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
    const started = new Worker(new URL(`./compile-thread${extension}`, import.meta.url), {
      workerData: { ...CONTEXT, snapshots: snapshotFile() } satisfies CompileThreadContext &
        ImageThreadContext,
    })
    started.on('message', (answer: CompileAnswer) => {
      const done = this.#waiting.shift()
      done?.onNewTypes?.(answer.newTypes)
      // In the next turn: to take a module over and to make the first instance of it add up.
      if ('module' in answer) setImmediate(() => done?.resolve(answer.module))
      else done?.reject(fromWire(answer.error))
      this.#askNext()
    })
    started.on('error', (error) => {
      this.#thread = undefined
      this.#waiting.shift()?.reject(error)
      this.#askNext()
    })
    return started
  }

  #end(): void {
    void this.#thread?.terminate()
    this.#thread = undefined
  }
}
