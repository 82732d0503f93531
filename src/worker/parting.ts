/** How a worker parts with listeners: what waits there is accepted, and their connections end without losing a request. */
import type { Clock } from '../base/clock.ts'
import type { HttpFront } from '../gateway/http/front.ts'
import type { Listener } from '../gateway/listen/listener.ts'

/** How long idle connections may still bring a request to a worker that ends; then they are closed. */
const LAST_REQUEST_MS = 300

export interface Parting {
  readonly clock: Clock
  /** The addresses that others accept on. */
  readonly taken: readonly string[]
  /** Whether connections that would be closed go to other workers. */
  readonly givesAway: () => boolean
}

/** Stops accepting; resolves when the connections are gone. */
export async function leave(listeners: readonly Listener[], parting: Parting): Promise<void> {
  const isTaken = (listener: Listener): boolean => parting.taken.includes(listener.address)
  await Promise.all(listeners.map((one) => (isTaken(one) ? one.close() : one.finish())))
  dismiss(listeners, parting)
  await drained(listeners)
}

/** The same for the HTTP front, whose connections go to nobody. */
export async function leaveFront(
  front: HttpFront | undefined,
  { clock, hasHeirs }: { readonly clock: Clock; readonly hasHeirs: boolean },
): Promise<void> {
  if (front === undefined) return
  await (hasHeirs ? front.close() : front.finish(clock))
  await front.drained()
}

/** Gives their connections away as they become idle, or has their last requests answered. */
export function dismiss(
  listeners: readonly Listener[],
  { clock, givesAway }: Omit<Parting, 'taken'>,
): void {
  for (const listener of listeners) {
    if (givesAway()) listener.closeIdle()
    else listener.closeAfterAnswer()
  }
  if (givesAway()) return
  clock.after(LAST_REQUEST_MS, () =>
    setImmediate(() => {
      for (const listener of listeners) listener.closeIdle()
    }),
  )
}

/** Resolves when none of them has connections. */
export async function drained(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.drained()))
}
