/** Futures that the host has an end of: it gives their value, or takes it. */
import { Channel, type Items } from '../channel.ts'
import { FOR_HOST } from '../lift-bounds.ts'
import type { ValueType } from '../plan.ts'
import type { Value } from '../value.ts'

/** What is copied between the host and a guest is lifted and lowered by the guest's type. */
const ANY: ValueType = { kind: 'tuple', fields: [] }
const UNHEARD = { owner: undefined, onProgress: () => undefined }

/** One that the guest reads, with no value yet. */
export function makeFuture(): Channel {
  return new Channel(true)
}

/** Gives it its value. Once. */
export function resolveFuture(channel: Channel, value: Value): void {
  let remain = 1
  const buffer = {
    ...{ element: ANY, isEmpty: false },
    get remain(): number {
      return remain
    },
    read: (): Items => {
      remain = 0
      return [value]
    },
  }
  channel.start({ side: 'write', buffer, ...UNHEARD, onDone: () => undefined })
}

/** `onValue`: told what the guest gives it. */
export function takeFuture(channel: Channel, onValue: (value: Value) => void): void {
  let remain = 1
  const buffer = {
    ...{ element: ANY, isEmpty: false, bounds: FOR_HOST },
    get remain(): number {
      return remain
    },
    write: ([value]: Items) => {
      remain = 0
      onValue(value)
    },
  }
  channel.start({ side: 'read', buffer, ...UNHEARD, onDone: () => undefined })
}
