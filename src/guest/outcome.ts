/** How a run of a guest ended. A value, not an exception: a guest that misbehaves is an ordinary event. */

export type TrapKind =
  | 'unreachable'
  | 'out-of-bounds'
  | 'stack-overflow'
  | 'out-of-memory'
  | 'arithmetic'
  | 'bad-call'
  | 'exception'
  | 'other'

/** Why the runtime stopped a guest. */
export type KillReason =
  /** It used up its CPU time. */
  | 'cpu'
  /** It was still there when its wall-clock time was over. */
  | 'wall'
  /** The web server gave the request up. */
  | 'aborted'
  /** Its request or its answer broke a rule or a limit; whoever killed it knows which. */
  | 'rejected'
  /** The worker is stopping. */
  | 'stopping'

export type Outcome =
  | { readonly kind: 'exited'; readonly code: number }
  | {
      readonly kind: 'trapped'
      readonly trap: TrapKind
      /** The engine's words and the guest's back trace, for the log; never for the client. */
      readonly message: string
      readonly backtrace: readonly string[]
    }
  | { readonly kind: 'killed'; readonly reason: KillReason }

/** Whether the guest is to blame: it trapped, or used up its time. */
export function isFault(outcome: Outcome): boolean {
  if (outcome.kind === 'killed') return outcome.reason === 'cpu' || outcome.reason === 'wall'
  return outcome.kind === 'trapped'
}

const TRAP_PATTERNS: ReadonlyArray<readonly [RegExp, TrapKind]> = [
  [/unreachable/, 'unreachable'],
  [/stack size exceeded/i, 'stack-overflow'],
  [/out of bounds/, 'out-of-bounds'],
  [/divide|remainder|float unrepresentable/, 'arithmetic'],
  [/null function|signature mismatch|table index/, 'bad-call'],
  [/allocat|out of memory/i, 'out-of-memory'],
]

/** Reads what V8 threw out of a guest. `memoryIsFull`: the guest's memory stood at its limit, which is why it gave up. */
export function outcomeOfThrow(thrown: unknown, memoryIsFull: boolean): Outcome {
  const error = thrown instanceof Error ? thrown : undefined
  const message = error === undefined ? 'uncaught WebAssembly exception' : error.message
  return {
    kind: 'trapped',
    trap: trapKind(error, message, memoryIsFull),
    message,
    backtrace: guestFrames(error?.stack ?? ''),
  }
}

function trapKind(error: Error | undefined, message: string, memoryIsFull: boolean): TrapKind {
  if (error === undefined) return 'exception'
  const kind = TRAP_PATTERNS.find(([pattern]) => pattern.test(message))?.[1] ?? 'other'
  return memoryIsFull && kind === 'unreachable' ? 'out-of-memory' : kind
}

/** The most lines of a back trace that are kept. */
export const MAX_FRAMES = 20

/** The guest's own functions in a stack, innermost first: `name (function 12, offset 0x1f3)`. */
export function guestFrames(stack: string, maxFrames: number = MAX_FRAMES): string[] {
  const frames: string[] = []
  const pattern = /at (?:(.*?) \()?wasm:\/\/[^:]*:wasm-function\[(\d+)\]:(0x[0-9a-f]+)\)?/
  for (const line of stack.split('\n')) {
    const match = pattern.exec(line)
    if (match === null) continue
    const name = (match[1] ?? '').replace(/^.*?\.wasm\./, '')
    frames.push(`${name || '?'} (function ${match[2]}, offset ${match[3]})`)
    if (frames.length === maxFrames) break
  }
  return frames
}
