/** A range of a guest's memory, as a call names it. */
import { fault } from './guest-fault.ts'

/** What a call works in. */
export interface WithMemory {
  readonly memory: WebAssembly.Memory | undefined
  /** Kept by `viewOf` and `contentsOf`; undefined at first. */
  views?: Views | undefined
}

interface Views {
  readonly numbers: DataView<ArrayBuffer>
  readonly bytes: Buffer<ArrayBuffer>
}

/** To make one takes longer than to write a string by it. */
const views = new WeakMap<WebAssembly.Memory, Views>()

/** As it is now: it may have grown. */
export function viewOf(scope: WithMemory): DataView<ArrayBuffer> {
  return viewsOf(scope).numbers
}

/** As of `viewOf`. */
export function contentsOf(scope: WithMemory): Buffer<ArrayBuffer> {
  return viewsOf(scope).bytes
}

function viewsOf(scope: WithMemory): Views {
  const { memory } = scope
  if (memory === undefined) throw fault('a call without a memory')
  let known = scope.views ?? views.get(memory)
  // Those of a memory that has grown since are empty. To ask V8 for its buffer takes as long as to write a string.
  if (known === undefined || known.bytes.length === 0) {
    const buffer = memory.buffer as ArrayBuffer
    known = { numbers: new DataView(buffer), bytes: Buffer.from(buffer) }
    views.set(memory, known)
  }
  scope.views = known
  return known
}

/** Throws where not all of it is there, or where it does not begin at a multiple of `alignment`. No bytes are everywhere. */
export function checkRange(
  scope: WithMemory,
  {
    at,
    bytes,
    alignment,
  }: { readonly at: number; readonly bytes: number; readonly alignment: number },
): void {
  if (bytes === 0) return
  if (at % alignment !== 0) throw fault(`address ${at} is not a multiple of ${alignment}`)
  const size = scope.memory === undefined ? 0 : viewsOf(scope).bytes.length
  if (at + bytes > size) throw fault(`${bytes} bytes at ${at} are out of bounds`)
}
