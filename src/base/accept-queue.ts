/**
 * The connections that wait in the kernel for a listening socket to be accepted on. When the last descriptor of the socket is closed they
 * are reset, and with them requests that their peers take for sent: so new ones are refused first (`refuseNew`, by
 * whoever knows that nobody is going to accept there any more), which web servers answer by asking another machine, and the queue is emptied.
 */
import type { Clock } from './clock.ts'
import { loadLibc } from './libc.ts'

/** Between two looks, in milliseconds. */
const LOOK_MS = 5
/** A queue that has been empty for so long stays so: handshakes that had begun are over, whatever the way is between data centres. */
const QUIET_MS = 50
/** Where new connections are not refused there is no such moment under load: then the first one at which it is empty, from here on. */
const MOST_MS = 500
/** Somebody is not accepting. */
const LAST_MS = 2000

export interface QueueOptions {
  /** Of the listening socket, on which somebody accepts meanwhile. */
  readonly fd: number
  readonly clock: Clock
}

/** Resolves when nobody waits; the socket is to be closed in the same turn of the event loop. */
export async function emptyAcceptQueue({ fd, clock }: QueueOptions): Promise<void> {
  const libc = loadLibc()
  if (libc === undefined) return
  let [quietMs, waitedMs] = [0, 0]
  while (quietMs < QUIET_MS && waitedMs < LAST_MS) {
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve))
    waitedMs += LOOK_MS
    quietMs = libc.isReadable(fd) ? 0 : quietMs + LOOK_MS
    if (quietMs > 0 && waitedMs >= MOST_MS) return
  }
}
