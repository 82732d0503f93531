/**
 * Everything one connection has to send: the records of its requests, taken in turns, and what the socket
 * has been given but not yet confirmed.
 */
import { type RecordWriter, releaseMemory, type TakenBytes, withOneMore } from './record-writer.ts'

/** What one request may send at a time while others wait, headers included. */
const TURN_BYTES = 16_384

/** Content of records while several requests are active: with its header one fills a turn. */
export const SHARED_RECORD_CONTENT = TURN_BYTES - 8

/** Who writes records and wants to know that they have gone. */
export interface Sender {
  readonly records: RecordWriter
  /** The record types of its two streams. */
  readonly streamTypes: readonly [number, number]
  /** How much of `records` the queue has counted; the queue's own, 0 at first. */
  countedBytes: number
  /** So many content bytes of each stream have left. May write again at once. */
  contentWritten(first: number, second: number): void
}

/** Output the driver has taken and not confirmed. */
interface InFlight extends TakenBytes {
  readonly sender: Sender
}

/** The senders with something to send, one a request id, and the bytes in flight. */
export class OutputQueue {
  /** One for each request id, in order of their turns. */
  #ready: Sender[] = []
  /** Taken ahead of its turn. */
  #early: Uint8Array[] = []
  #inFlight: InFlight[] = []
  #heldBytes = 0

  /** Whether `take` would give nothing. */
  get isEmpty(): boolean {
    return this.#ready.length === 0 && this.#early.length === 0
  }

  /** Bytes that wait, and bytes in flight. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Whether anyone but `sender` has output that has not been confirmed. */
  hasOutputOfOthers(sender: Sender): boolean {
    return (
      this.#ready.some((other) => other !== sender) ||
      this.#inFlight.some((taken) => taken.sender !== sender)
    )
  }

  /** Counts what `sender` has written, and gives it turns. */
  add(sender: Sender): void {
    const pending = sender.records.pendingBytes
    if (pending === sender.countedBytes) return
    if (sender.countedBytes === 0) this.#ready = withOneMore(this.#ready, sender)
    this.#heldBytes += pending - sender.countedBytes
    sender.countedBytes = pending
  }

  /** Puts what is left of an earlier request with this id in front, where a new one cannot mix with it. */
  settle(requestId: number): void {
    const sender = this.#ready.find(({ records }) => records.requestId === requestId)
    if (sender === undefined) return
    this.#early = this.#takeFrom(sender, Number.POSITIVE_INFINITY, this.#early)
    this.#ready = this.#ready.filter((other) => other !== sender)
  }

  /** Takes everything, in wire order: a turn each while there are several. */
  take(): Uint8Array[] {
    let parts = this.#early
    this.#early = []
    while (this.#ready.length > 1) {
      for (const sender of this.#ready) parts = this.#takeFrom(sender, TURN_BYTES, parts)
      this.#ready = this.#ready.filter(({ countedBytes }) => countedBytes > 0)
    }
    const last = this.#ready.pop()
    return last === undefined ? parts : this.#takeFrom(last, Number.POSITIVE_INFINITY, parts)
  }

  /** The socket has taken the next `byteCount` bytes. Tells senders, a taken part at a time. */
  written(byteCount: number): void {
    let left = byteCount
    let done = 0
    while (left > 0) {
      const next = this.#inFlight[done]
      if (next === undefined) break
      const count = Math.min(left, next.wire)
      next.wire -= count
      left -= count
      this.#heldBytes -= count
      if (next.wire > 0) break
      releaseMemory(next)
      done++
    }
    // Senders are told last: they may write, and so change what is kept here.
    const gone = this.#inFlight
    this.#inFlight = done === gone.length ? [] : gone.slice(done)
    for (let index = 0; index < done; index += 1) {
      const { sender, content } = gone[index] as InFlight
      sender.contentWritten(content[0], content[1])
    }
  }

  /** Throws everything away. */
  clear(): void {
    for (const sender of this.#ready) {
      sender.records.clear()
      sender.countedBytes = 0
    }
    this.#ready = []
    this.#early = []
    this.#inFlight = []
    this.#heldBytes = 0
  }

  #takeFrom(sender: Sender, maxBytes: number, parts: Uint8Array[]): Uint8Array[] {
    const taken: InFlight = {
      sender,
      wire: 0,
      types: sender.streamTypes,
      content: [0, 0],
      emptied: undefined,
    }
    const result = sender.records.take(parts, maxBytes, taken)
    // Taking pads the record that still grew, so more can leave than was counted.
    const left = sender.records.pendingBytes
    this.#heldBytes += taken.wire + left - sender.countedBytes
    sender.countedBytes = left
    this.#inFlight = withOneMore(this.#inFlight, taken)
    return result
  }
}
