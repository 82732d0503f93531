/** A range of a guest's memory, as a call names it. */
import { fault } from './guest-fault.ts'

/** What a call works in. */
export interface WithMemory {
  readonly memory: WebAssembly.Memory | undefined
}

/** As it is now: it may have grown. */
export function viewOf({ memory }: WithMemory): DataView<ArrayBuffer> {
  if (memory === undefined) throw fault('a call without a memory')
  return new DataView(memory.buffer as ArrayBuffer)
}

/** Throws where not all of it is there, or where it does not begin at a multiple of `alignment`. No bytes are everywhere. */
export function checkRange(
  { memory }: WithMemory,
  {
    at,
    bytes,
    alignment,
  }: { readonly at: number; readonly bytes: number; readonly alignment: number },
): void {
  if (bytes === 0) return
  if (at % alignment !== 0) throw fault(`address ${at} is not a multiple of ${alignment}`)
  const size = memory?.buffer.byteLength ?? 0
  if (at + bytes > size) throw fault(`${bytes} bytes at ${at} are out of bounds`)
}
