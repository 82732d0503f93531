/** One run of a guest on `@wasmer/wasi`, from start to end without giving up the thread. */

import type { WASI } from '@wasmer/wasi'
import { BEYOND, PREVIEW1 } from '../../wasi/abi.ts'
import { checkHelperModule } from '../../wasm/check-helper.ts'
import {
  CHECK_TABLE_EXPORT,
  COUNTER_EXPORT,
  END_GUEST,
  GO_ON,
  HELPER_EXPORT,
  HELPER_IMPORT_FIELD,
  HELPER_IMPORT_MODULE,
  PLAIN_SLOT,
  START_EXPORT,
} from '../../wasm/contract.ts'
import { type GuestMemory, makeMemories, memoryImports, sizeOf } from '../guest-memory.ts'
import type { GuestModule } from '../guest-module.ts'
import { type KillReason, type Outcome, outcomeOfThrow } from '../outcome.ts'
import { type CallGuard, guardCalls, type LibraryCalls } from './guarded-calls.ts'
import type { WasmerLibrary } from './library.ts'
import { adaptMemory, MEMORY_ADAPTER } from './memory-adapter.ts'

export interface Program {
  readonly module: GuestModule
  /** UTF-8 in strings of one char a byte, as are those of `env`. */
  readonly args: readonly string[]
  /** `K=V` each. */
  readonly env: ReadonlyArray<string | Uint8Array>
  readonly stdin: Uint8Array
  /** What the guest may print and write to files, all together, in bytes. */
  readonly holdBytes: number
  /** Why the guest has to stop now; undefined: it may go on. Asked before each call and at each check. */
  readonly killReason: () => KillReason | undefined
}

export interface SynchronousResult {
  readonly outcome: Outcome
  readonly stdout: Uint8Array
  readonly stderr: Uint8Array
  /** Of linear memory at the end, all memories together. */
  readonly memoryBytes: number
}

const PAGE_BYTES = 64 * 1024

const checkHelper = new WebAssembly.Module(checkHelperModule())

/** Runs the program from its start function to the end of `_start`. Never throws. */
export function runSynchronously(library: WasmerLibrary, program: Program): SynchronousResult {
  let wasi: WASI | undefined
  const run = new SynchronousRun(program)
  let outcome: Outcome
  try {
    wasi = makeWasi(library, program)
    outcome = run.start(wasi)
  } catch (thrown) {
    outcome = run.outcomeOf(thrown)
  }
  const stdout = take(() => wasi?.getStdoutBuffer())
  const stderr = take(() => wasi?.getStderrBuffer())
  take(() => {
    wasi?.free()
    return undefined
  })
  return { outcome, stdout, stderr, memoryBytes: run.memoryBytes }
}

class SynchronousRun implements CallGuard {
  readonly #program: Program
  readonly #memories: readonly GuestMemory[]
  #exports: WebAssembly.Exports = {}
  #exitCode: number | undefined
  #failure: string | undefined

  constructor(program: Program) {
    this.#program = program
    this.#memories = makeMemories(program.module)
  }

  start(wasi: WASI): Outcome {
    const { module, holdBytes } = this.#program
    const library = wasi.getImports(MEMORY_ADAPTER) as Record<typeof PREVIEW1, LibraryCalls>
    const calls = guardCalls(library[PREVIEW1], {
      names: module.wasiNames,
      holdBytes,
      guard: this,
    })
    const { exports } = new WebAssembly.Instance(module.module, {
      [PREVIEW1]: calls.imports,
      [BEYOND]: calls.imports,
      ...memoryImports(this.#memories),
    })
    this.#exports = exports
    const memory = exports['memory'] as WebAssembly.Memory
    calls.attach(memory)
    wasi.instantiate(adaptMemory(memory, library[PREVIEW1]))
    this.#installCheck()
    for (const name of [START_EXPORT, '_start']) {
      const entry = exports[name]
      if (typeof entry === 'function') entry()
    }
    return { kind: 'exited', code: this.#exitCode ?? 0 }
  }

  /** What it means that the guest threw, or could not be started. */
  outcomeOf(thrown: unknown): Outcome {
    const { module, killReason } = this.#program
    if (this.#exitCode !== undefined) return { kind: 'exited', code: this.#exitCode }
    const reason = killReason()
    if (reason !== undefined) return { kind: 'killed', reason }
    const isFull = this.memoryBytes + PAGE_BYTES > module.memoryMaxBytes
    const outcome = outcomeOfThrow(thrown, isFull)
    const message = this.#failure
    if (message === undefined || outcome.kind !== 'trapped') return outcome
    return { ...outcome, trap: 'other', message }
  }

  get memoryBytes(): number {
    return sizeOf(this.#memories)
  }

  mayGoOn(): boolean {
    const isOver = this.#exitCode !== undefined || this.#failure !== undefined
    if (!isOver && this.#program.killReason() === undefined) return true
    this.#checkSoon()
    return false
  }

  exit(code: number): void {
    this.#exitCode ??= code
    this.#checkSoon()
  }

  fail(call: string, error: unknown): void {
    this.#failure ??= `@wasmer/wasi failed in ${call}: ${String(error)}`
    this.#checkSoon()
  }

  /** The guest may catch what a call throws; its next check ends it all the same. */
  #checkSoon(): void {
    const counter = this.#exports[COUNTER_EXPORT] as WebAssembly.Global | undefined
    if (counter !== undefined) counter.value = -1
  }

  /** The guest cannot be suspended: the slot for that is never called. */
  #installCheck(): void {
    const check = () => (this.mayGoOn() ? GO_ON : END_GUEST)
    const { exports } = new WebAssembly.Instance(checkHelper, {
      [HELPER_IMPORT_MODULE]: { [HELPER_IMPORT_FIELD]: check },
    })
    const table = this.#exports[CHECK_TABLE_EXPORT] as WebAssembly.Table
    table.set(PLAIN_SLOT, exports[HELPER_EXPORT])
  }
}

/** The files the guest sees: an empty file system in memory, with a folder `/tmp`. */
function makeWasi({ WASI: Wasi, MemFS }: WasmerLibrary, { args, env, stdin }: Program): WASI {
  const fs = new MemFS()
  fs.createDir('/tmp')
  const wasi = new Wasi({
    args: args.map(textOf),
    env: Object.fromEntries(env.map(variableOf)),
    preopens: { '/': '/' },
    fs,
  })
  wasi.setStdinBuffer(stdin)
  return wasi
}

/** The package wants text: bytes that are no UTF-8 become U+FFFD. */
function textOf(bytes: string | Uint8Array): string {
  return Buffer.from(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes).toString()
}

function variableOf(entry: string | Uint8Array): readonly [string, string] {
  const text = textOf(entry)
  const end = text.indexOf('=')
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)]
}

/** After a failure of its own the package may fail again; what it still gives away is taken. */
function take(from: () => Uint8Array | undefined): Uint8Array {
  try {
    return from() ?? new Uint8Array(0)
  } catch {
    return new Uint8Array(0)
  }
}
