/**
 * Waiting for several things at once (preview 1: poll_oneoff). Sleeping is a poll with one clock.
 *
 *     subscription: | userdata u64 | tag u8 | 7 unused | clock: id u32, 4 unused, timeout u64, precision u64, flags u16
 *                                                      | fd_read, fd_write: fd u32
 *     event:        | userdata u64 | errno u16 | type u8 | 5 unused | nbytes u64 | flags u16 | 6 unused |
 */
import { EVENT_BYTES, Eventtype, SUBSCRIPTION_BYTES } from './abi.ts'
import type { CallContext } from './call-context.ts'
import { timeOf } from './clock-calls.ts'
import { Errno } from './errno.ts'
import type { OpenStream } from './filesystem.ts'
import { Right } from './rights.ts'

/** Bit of `subclockflags`: the timeout is a point in time. */
const ABSTIME = 1
/** Bit of `eventrwflags`: the stream has ended. */
const HANGUP = 1

interface Event {
  readonly userdata: bigint
  readonly type: number
  readonly errno: number
  readonly bytes: number
  readonly flags: number
}

/** One thing to wait for: when it has happened `check` says so. */
interface Subscription {
  readonly userdata: bigint
  readonly type: number
  /** Of a clock: when, on the monotonic clock. */
  readonly deadlineNs: bigint | undefined
  readonly stream: OpenStream | undefined
  /** What is known at once: an errno, or a file that is always ready. */
  readonly outcome: Pick<Event, 'errno' | 'bytes' | 'flags'> | undefined
}

/** What one subscription takes: a file of the host's is asked for its size. */
const SUBSCRIPTION_WORK = 3_000

export const POLL_CALLS = {
  /**
   * Suspends the guest until at least one subscription has an event. A bad subscription is an event with an errno of
   * its own: BADF, NOTCAPABLE (no right to poll), INVAL (no such clock or kind).
   *
   * - INVAL: no subscriptions, or more than `limits.subscriptions`
   * - FAULT: the subscriptions, the events or the result are not inside memory
   */
  poll_oneoff:
    (host: CallContext) => (input: number, output: number, count: number, result: number) => {
      host.enter()
      const start = input >>> 0
      const events = output >>> 0
      const length = count >>> 0
      if (length === 0 || length > host.grants.limits.subscriptions) return Errno.INVAL
      if (!host.has(start, length * SUBSCRIPTION_BYTES)) return Errno.FAULT
      if (!host.has(events, length * EVENT_BYTES)) return Errno.FAULT
      if (!host.has(result >>> 0, 4)) return Errno.FAULT
      host.charge(length * SUBSCRIPTION_WORK)
      const subscriptions = Array.from({ length }, (_, index) =>
        readSubscription(host, start + index * SUBSCRIPTION_BYTES),
      )
      return poll(host, subscriptions, events, result)
    },
}

/** Of those who ask for none. */
const NO_STREAMS = new Set<OpenStream>()

function poll(
  host: CallContext,
  subscriptions: readonly Subscription[],
  output: number,
  result: number,
): number | Promise<number> {
  const asksForSinks = subscriptions.some(({ type }) => type === Eventtype.FdWrite)
  const writable = asksForSinks ? new Set<OpenStream>() : NO_STREAMS
  const proceed = (): number | undefined => {
    const events = happened(host, subscriptions, writable)
    if (events.length === 0) return undefined
    host.cancelTimer()
    events.forEach((event, index) => {
      storeEvent(host, output + index * EVENT_BYTES, event)
    })
    return host.storeU32(result, events.length)
  }
  // A sink only tells that it can be written to by calling back, perhaps at once.
  for (const { type, stream } of subscriptions) {
    if (type === Eventtype.FdWrite) stream?.sink?.onWritable(() => writable.add(stream))
  }
  return proceed() ?? host.wait((wake) => arm(host, subscriptions, writable, wake), proceed)
}

function arm(
  host: CallContext,
  subscriptions: readonly Subscription[],
  writable: Set<OpenStream>,
  wake: () => void,
): void {
  let deadline: bigint | undefined
  for (const { type, stream, deadlineNs } of subscriptions) {
    if (type === Eventtype.FdRead) stream?.source?.onReadable(wake)
    if (type === Eventtype.FdWrite) {
      stream?.sink?.onWritable(() => {
        writable.add(stream)
        wake()
      })
    }
    if (deadlineNs !== undefined && (deadline === undefined || deadlineNs < deadline)) {
      deadline = deadlineNs
    }
  }
  if (deadline === undefined) return
  const left = Number(deadline - host.grants.clock.monotonicNs()) / 1e6
  host.setTimer(Math.max(Math.ceil(left), 0), wake)
}

function happened(
  host: CallContext,
  subscriptions: readonly Subscription[],
  writable: ReadonlySet<OpenStream>,
): Event[] {
  const events: Event[] = []
  let now: bigint | undefined
  for (const { userdata, type, stream, deadlineNs, outcome } of subscriptions) {
    if (outcome !== undefined) {
      events.push({ userdata, type, ...outcome })
    } else if (deadlineNs !== undefined) {
      now ??= host.grants.clock.monotonicNs()
      if (deadlineNs <= now) events.push({ userdata, type, errno: 0, bytes: 0, flags: 0 })
    } else if (type === Eventtype.FdRead) {
      const bytes = stream?.source?.available() ?? -1
      if (bytes === 0) continue
      const flags = bytes < 0 ? HANGUP : 0
      events.push({ userdata, type, errno: 0, bytes: Math.max(bytes, 0), flags })
    } else if (stream !== undefined && writable.has(stream)) {
      events.push({ userdata, type, errno: 0, bytes: 0, flags: 0 })
    }
  }
  return events
}

function readSubscription(host: CallContext, at: number): Subscription {
  const userdata = host.view.getBigUint64(at, true)
  const type = host.view.getUint8(at + 8)
  const failed = (errno: number): Subscription => ({
    userdata,
    type,
    deadlineNs: undefined,
    stream: undefined,
    outcome: { errno, bytes: 0, flags: 0 },
  })
  if (type === Eventtype.Clock) {
    const deadlineNs = readDeadline(host, at + 16)
    if (deadlineNs === undefined) return failed(Errno.INVAL)
    return { userdata, type, deadlineNs, stream: undefined, outcome: undefined }
  }
  if (type !== Eventtype.FdRead && type !== Eventtype.FdWrite) return failed(Errno.INVAL)
  const descriptor = host.descriptors.get(host.view.getUint32(at + 16, true))
  if (descriptor === undefined) return failed(Errno.BADF)
  const needed = type === Eventtype.FdRead ? Right.FdRead : Right.FdWrite
  // C libraries open files without the right to poll them, and then poll them.
  if ((descriptor.rights & (needed | Right.PollFdReadwrite)) === 0) return failed(Errno.NOTCAPABLE)
  const { open } = descriptor
  if (open.kind === 'directory') return failed(Errno.NOTCAPABLE)
  if (open.kind === 'file') {
    const stat = type === Eventtype.FdRead ? open.stat() : 0
    const left = typeof stat === 'number' ? 0 : Number(stat.size) - descriptor.offset
    const outcome = { errno: Errno.SUCCESS, bytes: Math.max(left, 0), flags: 0 }
    return { userdata, type, deadlineNs: undefined, stream: undefined, outcome }
  }
  const end = type === Eventtype.FdRead ? open.source : open.sink
  if (end === undefined) return failed(Errno.NOTCAPABLE)
  return { userdata, type, deadlineNs: undefined, stream: open, outcome: undefined }
}

/** When a clock subscription is due, on the monotonic clock; `undefined`: there is no such clock. */
function readDeadline(host: CallContext, at: number): bigint | undefined {
  const clock = host.view.getUint32(at, true)
  const timeout = host.view.getBigUint64(at + 8, true)
  const flags = host.view.getUint16(at + 24, true)
  const now = timeOf(host, clock)
  if (now === undefined || (flags & ~ABSTIME) !== 0) return undefined
  const left = (flags & ABSTIME) === 0 ? timeout : timeout - now
  return host.grants.clock.monotonicNs() + left
}

function storeEvent(host: CallContext, at: number, event: Event): void {
  const { view } = host
  view.setBigUint64(at, event.userdata, true)
  view.setUint16(at + 8, event.errno, true)
  host.bytes.fill(0, at + 10, at + EVENT_BYTES)
  view.setUint8(at + 10, event.type)
  view.setBigUint64(at + 16, BigInt(event.bytes), true)
  view.setUint16(at + 24, event.flags, true)
}
