/** wasi:io/poll: waiting for several things at once. */
import { fault } from '../guest-fault.ts'
import { HostResource } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { type Interface, plain, waiting } from './host-function.ts'
import { after, type Wish } from './preview1-calls.ts'

/** Of one call: to look at one may be to try to write what it holds. The same one may be named again and again. */
export const MAX_POLLED = 256

export class Pollable extends HostResource {
  readonly wish: Wish | Wishes | undefined

  /** Undefined: it is ready, now and for ever. */
  constructor(wish: Wish | Wishes | undefined) {
    super()
    this.wish = wish
  }
}

/** What has to be waited for; undefined: it is ready. What comes may not be enough: then it has others. */
export type Wishes = () => readonly Wish[] | undefined

function wishesOf({ wish }: Pollable): readonly Wish[] | undefined {
  if (wish === undefined) return undefined
  return typeof wish === 'function' ? wish() : [wish]
}

/** The indices of those that are ready. If `waits`, there is one. */
function poll(
  host: ComponentHost,
  pollables: readonly Pollable[],
  waits: boolean,
): number[] | Promise<number[]> {
  const ready: number[] = []
  const asked: number[] = []
  const wishes: Wish[] = []
  for (const [index, pollable] of pollables.entries()) {
    const own = wishesOf(pollable)
    if (own === undefined) ready.push(index)
    for (const wish of own ?? []) {
      asked.push(index)
      wishes.push(wish)
    }
  }
  if (wishes.length === 0) return ready
  const mustWait = waits && ready.length === 0
  return after(host.calls.poll(wishes, mustWait), (come) => {
    if (come === undefined) throw fault(`${wishes.length} things to wait for are too many`)
    const all = [...new Set([...ready, ...come.map((index) => asked[index] ?? 0)])]
    // A stream that can be written to has to write first what it holds, and a head is more than one packet.
    const still = all.filter((index) => isReady(pollables[index]))
    return waits && still.length === 0 ? poll(host, pollables, waits) : still.sort((a, b) => a - b)
  })
}

function isReady(pollable: Pollable | undefined): boolean {
  const wish = pollable?.wish
  return typeof wish !== 'function' || wish() === undefined
}

export const POLL: Interface = {
  '[method]pollable.ready': plain('(borrow<$pollable>) -> bool', (host) => (self: Pollable) => {
    const ready = poll(host, [self], false)
    return !(ready instanceof Promise) && ready.length > 0
  }),
  '[method]pollable.block': waiting(
    '(borrow<$pollable>) -> ()',
    (host) => (self: Pollable) => after(poll(host, [self], true), () => undefined),
  ),
  poll: waiting('(list<borrow<$pollable>>) -> list<u32>', (host) => (all: readonly Pollable[]) => {
    if (all.length === 0) throw fault('poll was asked to wait for nothing')
    if (all.length > MAX_POLLED)
      throw fault(`poll was asked to wait for ${all.length} things, wanted at most ${MAX_POLLED}`)
    return poll(host, all, true)
  }),
}
