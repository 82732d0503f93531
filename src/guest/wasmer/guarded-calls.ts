/**
 * The calls of `@wasmer/wasi` as a guest gets them: its time is looked at before each, what it makes the package hold is
 * counted, and a failure of the package is not mistaken for one of the guest.
 */
import { Errno } from '../../wasi/errno.ts'
import { ExitSignal } from '../../wasi/exit-signal.ts'

export interface CallGuard {
  /** Whether the guest may go on. */
  mayGoOn(): boolean
  /** The guest called `proc_exit`. */
  exit(code: number): void
  /** The package itself failed in call `name`. */
  fail(name: string, error: unknown): void
}

export interface GuardedCalls {
  readonly imports: WebAssembly.ModuleImports
  /** From here on its pointers mean something. */
  attach(memory: WebAssembly.Memory): void
}

export type LibraryCalls = Readonly<Record<string, (...args: never[]) => unknown>>

/** What an open descriptor, a file, a folder or a link is counted as, in bytes. */
const NODE_BYTES = 256

/** `names`: what the guest imports. `holdBytes`: what it may write and make, in output and files together. */
export function guardCalls(
  calls: LibraryCalls,
  { names, holdBytes, guard }: GuardOptions,
): GuardedCalls {
  let memory: WebAssembly.Memory | undefined
  let heldBytes = 0

  const hold = (bytes: number): boolean => {
    if (heldBytes + bytes > holdBytes) return false
    heldBytes += bytes
    return true
  }
  const ask = (name: string, args: readonly unknown[]): number => {
    const call = calls[name] as ((...args: unknown[]) => unknown) | undefined
    if (call === undefined) return Errno.NOSYS
    try {
      return Number(call(...args))
    } catch (error) {
      guard.fail(name, error)
      throw error
    }
  }
  const guarded = (name: string, cost: Cost | undefined) => {
    return (...args: unknown[]): number => {
      if (!guard.mayGoOn()) throw new ExitSignal(undefined)
      if (cost !== undefined && !hold(cost(args, memory))) return Errno.NOSPC
      return ask(name, args)
    }
  }
  const exit = (code: number): never => {
    guard.exit(code >>> 0)
    throw new ExitSignal(code >>> 0)
  }
  const imports = Object.fromEntries(
    [...names].map((name) => [name, name === 'proc_exit' ? exit : guarded(name, COSTS[name])]),
  )
  return {
    imports,
    attach: (guestMemory) => {
      memory = guestMemory
    },
  }
}

interface GuardOptions {
  readonly names: ReadonlySet<string>
  readonly holdBytes: number
  readonly guard: CallGuard
}

/** What a call may make the package hold, in bytes. */
type Cost = (args: readonly unknown[], memory: WebAssembly.Memory | undefined) => number

const COSTS: Readonly<Record<string, Cost>> = {
  fd_write: (args, memory) => bytesOf(args[1], args[2], memory),
  fd_pwrite: (args, memory) => bytesOf(args[1], args[2], memory),
  fd_allocate: (args) => Number(args[1]) + Number(args[2]),
  fd_filestat_set_size: (args) => Number(args[1]),
  path_open: () => NODE_BYTES,
  path_create_directory: () => NODE_BYTES,
  path_symlink: () => NODE_BYTES,
  path_link: () => NODE_BYTES,
}

/** The bytes of `count` buffers, an array of `{ pointer: u32, length: u32 }` at `at`. */
function bytesOf(at: unknown, count: unknown, memory: WebAssembly.Memory | undefined): number {
  if (memory === undefined) return 0
  const view = new DataView(memory.buffer)
  const [start, length] = [Number(at) >>> 0, Number(count) >>> 0]
  if (start + length * 8 > view.byteLength) return 0 // the package answers
  let bytes = 0
  for (let index = 0; index < length; index += 1)
    bytes += view.getUint32(start + index * 8 + 4, true)
  return bytes
}
