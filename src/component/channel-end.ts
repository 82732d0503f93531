/** An end of a stream or a future that a component has a handle of: it copies once at a time, and waits for that or goes on. */
import type { Channel, Copy, CopyResult, SourceBuffer, TargetBuffer } from './channel.ts'
import { fault } from './guest-fault.ts'
import type { HandleTable } from './handle-table.ts'
import type { ValueType } from './plan.ts'
import { printType } from './print-type.ts'
import { type GuestEvent, Waitable } from './waitable.ts'

export type Side = 'read' | 'write'
type ChannelType = Extract<ValueType, { readonly kind: 'stream' | 'future' }>

const RESULTS: Readonly<Record<CopyResult, number>> = { completed: 0, dropped: 1, cancelled: 2 }
/** Bits of a payload that say how a copy ended; those above, how many were copied. */
const RESULT_BITS = 4

/** An answer in the place of an event: there is none yet. */
export const BLOCKED = -1

const names = new WeakMap<ChannelType, Readonly<Record<Side, string>>>()

/** What a handle of an end of this type is of. */
export function nameOfEnd(type: ChannelType, side: Side): string {
  let found = names.get(type)
  if (found === undefined) {
    const printed = printType(type)
    found = { read: `the readable end of ${printed}`, write: `the writable end of ${printed}` }
    names.set(type, found)
  }
  return found[side]
}

/** Gives a component an end. Answers its handle. */
export function addEnd(
  handles: HandleTable,
  type: ChannelType,
  { channel, side }: { readonly channel: Channel; readonly side: Side },
): number {
  const end = new ChannelEnd(channel, side)
  end.index = handles.add(nameOfEnd(type, side), end)
  return end.index
}

/** The component gives the readable end of its channel away. */
export function takeReadable(handles: HandleTable, type: ChannelType, index: number): Channel {
  return (handles.take(index, nameOfEnd(type, 'read')) as ChannelEnd).giveAway()
}

export class ChannelEnd extends Waitable {
  readonly #channel: Channel
  readonly #side: Side
  #state: 'idle' | 'copying' | 'cancelling' | 'done' = 'idle'

  constructor(channel: Channel, side: Side) {
    super()
    this.#channel = channel
    this.#side = side
  }

  /** Afterwards it has an event, or waits for one. `owner`: the component that copies. */
  start(buffer: SourceBuffer | TargetBuffer, owner: number): void {
    if (this.#state !== 'idle') throw fault(`handle ${this.index} is ${this.#busy}`)
    this.#state = 'copying'
    const tell = (result: CopyResult) => {
      this.happen(() => {
        this.#channel.forget(copy)
        return this.#told(result, count - buffer.remain)
      })
    }
    const count = buffer.remain
    const copy = {
      ...{ side: this.#side, owner, buffer },
      onProgress: () => tell('completed'),
      onDone: tell,
    } as Copy
    this.#channel.start(copy)
  }

  /** Wants no more of what it copies. Afterwards it has an event. */
  cancel(): void {
    if (this.#state !== 'copying') throw fault(`handle ${this.index} is cancelled, and is not busy`)
    this.#state = 'cancelling'
    if (!this.hasEvent) this.#channel.cancel()
  }

  giveAway(): Channel {
    if (this.#state !== 'idle')
      throw fault(`handle ${this.index} is given away, and is ${this.#busy}`)
    if (this.isInSet) throw fault(`handle ${this.index} is given away, and is waited for`)
    return this.#channel
  }

  override drop(): void {
    const isFutureWriter = this.#channel.isFuture && this.#side === 'write'
    if (this.#state === 'copying' || this.#state === 'cancelling')
      throw fault(`handle ${this.index} is given up, and is ${this.#busy}`)
    if (isFutureWriter && this.#state !== 'done')
      throw fault(`handle ${this.index} is given up, and its future has no value`)
    this.#channel.drop()
    super.drop()
  }

  get #busy(): string {
    return this.#state === 'done' ? 'at its end' : 'busy'
  }

  #told(result: CopyResult, copied: number): GuestEvent {
    const { isFuture } = this.#channel
    const isOver = result === 'dropped' || (isFuture && result === 'completed')
    this.#state = isOver ? 'done' : 'idle'
    const code = (isFuture ? 4 : 2) + (this.#side === 'read' ? 0 : 1)
    const payload = isFuture ? RESULTS[result] : RESULTS[result] | (copied << RESULT_BITS)
    return [code, this.index, payload]
  }
}
