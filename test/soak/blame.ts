/** Which failed requests may be put down to the death of a worker: those that were under way at that moment, and no more than it could have had. */
import type { Failure } from './loops.ts'
import type { Kill } from './workers.ts'

/** Requests that HAProxy may have on one connection here: as many as ask through it at once. */
export const MUXED_PEER = 'haproxy'

export interface Blame {
  /** Failures by the kill they are put down to. */
  readonly excused: ReadonlyMap<Kill, readonly Failure[]>
  /** Failures nobody can be blamed for but wasm-fpm. */
  readonly lost: readonly Failure[]
}

/** `muxWidth`: requests that may share one of the multiplexing web server's connections. */
export function blame(
  failures: readonly Failure[],
  kills: readonly Kill[],
  muxWidth: number,
): Blame {
  const excused = new Map<Kill, Failure[]>(kills.map((kill) => [kill, []]))
  const lost: Failure[] = []
  for (const failure of failures) {
    // The last of those it may be put down to: a request that took long began when others died of the one before.
    const already = kills
      .filter((kill) => mayHaveRunIn(failure, kill))
      .map((kill) => ({ kill, failures: excused.get(kill) ?? [] }))
      .findLast(({ kill, failures }) => hasRoom(failures, failure, { kill, muxWidth }))
    if (already === undefined) lost.push(failure)
    else already.failures.push(failure)
  }
  return { excused, lost }
}

/** It was sent before the worker was gone, and did not end before it was killed. */
function mayHaveRunIn({ sentMs, endedMs }: Failure, { fromMs, toMs }: Kill): boolean {
  return sentMs <= toMs && endedMs >= fromMs
}

/** One request a connection, but for the web server that puts several on one. */
function hasRoom(
  already: readonly Failure[],
  failure: Failure,
  { kill, muxWidth }: { readonly kill: Kill; readonly muxWidth: number },
): boolean {
  const isMuxed = (one: Failure): boolean => one.peer === MUXED_PEER
  const muxed = [...already, failure].filter(isMuxed).length
  const plain = already.length + 1 - muxed
  return plain + Math.ceil(muxed / muxWidth) <= kill.connections
}
