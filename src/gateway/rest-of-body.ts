/**
 * The rest of a request's body, read and thrown away before a short answer is sent.
 *
 * Apache hands on a piece of an answer, then waits for the client's next piece of body before it looks for the answer's end: a
 * client that stops sending when it sees an error page never gets it whole. Others (h2o 2.2.5 ends itself) do no better.
 * So an answer that would come early, and of which nothing has been sent, waits for the body: as long as it comes, and not for ever.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { FastCgiRequest } from '../fastcgi/request.ts'

/** A body of which nothing has come for so long is waited for no more. */
export const REST_QUIET_MS = 3_000
/** The longest wait for a body that comes. */
export const REST_MAX_MS = 30_000

const PIECE_BYTES = 65_536

/** Calls `done` when `wantedBytes` or STDIN's end have come, the peer has given up, or the wait was too long: maybe at once. */
export function whenRestIsRead(
  request: FastCgiRequest,
  { wantedBytes, clock }: { readonly wantedBytes: number; readonly clock: Clock },
  done: () => void,
): void {
  let [bytes, seenBytes, waitedMs] = [0, 0, 0]
  let isOver = false
  let timer: Timer | undefined
  const finish = (): void => {
    if (isOver) return
    isOver = true
    timer?.cancel()
    done()
  }
  const read = (): void => {
    while (!isOver) {
      const piece = request.stdin.read(PIECE_BYTES)
      bytes += piece?.length ?? 0
      if (piece === undefined || bytes >= wantedBytes) finish()
      else if (piece.length === 0) {
        request.stdin.onReadable(read)
        return
      }
    }
  }
  const look = (): void => {
    waitedMs += REST_QUIET_MS
    const isQuiet = bytes === seenBytes
    seenBytes = bytes
    if (isQuiet || waitedMs >= REST_MAX_MS) finish()
    else timer = clock.after(REST_QUIET_MS, look)
  }
  read()
  if (!isOver) request.onAbort(finish)
  if (!isOver) timer = clock.after(REST_QUIET_MS, look)
}
