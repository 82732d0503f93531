/**
 * Prints the records of one request into as few buffers as possible.
 *
 * Small writes to one stream become one record until it is taken; a response written in one go leaves in one
 * buffer together with its end. Every byte of a record is written, padding included, and what leaves ends where the last
 * record does: memory that is used again cannot leak anything.
 */
import { HEADER_BYTES } from './constants.ts'
import { byteAt, uint16At, writeHeader } from './header.ts'
import { givePiece, isKept, SMALL_PIECE_BYTES, takePiece } from './record-memory.ts'

/** Content of our largest records: a multiple of 8, and header and content together fit 32 KiB. */
export const MAX_RECORD_CONTENT = 32_760

const ALIGNMENT = 8
const MAX_PADDING = ALIGNMENT - 1
/** Room behind what is written for the end of a request: two empty records and an END_REQUEST. */
const END_ROOM = MAX_PADDING + 2 * HEADER_BYTES + 16
const MIN_BLOCK_BYTES = SMALL_PIECE_BYTES
/** A stream's record is not begun in the rest of a block that holds less than this of it. */
const MIN_RECORD_CONTENT = 1024

/** A piece of memory filled with records from its start. */
interface Block {
  readonly bytes: Uint8Array
  /** Taken up to here, always the end of a record. */
  taken: number
  /** Filled up to here. */
  end: number
}

/** Content bytes of what was taken, by record type. */
export interface TakenBytes {
  wire: number
  readonly types: readonly [number, number]
  readonly content: [number, number]
  /** Memory that nothing is left in once all of it has been written. */
  emptied: Uint8Array[] | undefined
}

/** The socket has everything that was taken. */
export function releaseMemory({ emptied }: TakenBytes): void {
  if (emptied !== undefined) for (const piece of emptied) givePiece(piece)
}

/** The records of one request that wait to be taken, in order. */
export class RecordWriter {
  readonly requestId: number
  #blocks: Block[] = []
  /** Where in the last block the record starts that still grows; -1: none does. */
  #openAt = -1
  #openType = 0
  #pending = 0

  constructor(requestId: number) {
    this.requestId = requestId
  }

  /** Bytes that wait to be taken, headers included; the record that still grows counts unpadded. */
  get pendingBytes(): number {
    return this.#pending
  }

  /** Adds the first `count` bytes of `bytes` (copied) to the stream of `type`, in records of at most `maxContent`. */
  append(type: number, bytes: Uint8Array, count: number, maxContent: number): void {
    let from = 0
    while (from < count) {
      if (this.#openAt < 0 || this.#openType !== type || this.#roomInOpen(maxContent) <= 0) {
        this.#open(type, count - from, MIN_RECORD_CONTENT)
      }
      const block = this.#lastBlock()
      const end = Math.min(count, from + this.#roomInOpen(maxContent))
      block.bytes.set(
        from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end),
        block.end,
      )
      block.end += end - from
      this.#pending += end - from
      from = end
    }
  }

  /** Adds one whole record, e.g. the empty one that ends a stream. At most 65,528 bytes of content. */
  appendRecord(type: number, content: Uint8Array): void {
    this.#open(type, content.length, content.length)
    const block = this.#lastBlock()
    if (content.length > 0) block.bytes.set(content, block.end)
    block.end += content.length
    this.#pending += content.length
    this.#close()
  }

  /**
   * Moves whole records behind `parts`: everything, or as many as fit `maxBytes` but at least one. Adds what was taken
   * to `taken`. Answers `parts`, or another list in its place.
   */
  take(parts: Uint8Array[], maxBytes: number, taken: TakenBytes): Uint8Array[] {
    this.#close()
    let left = maxBytes
    let isFirst = true
    let into = parts
    while (true) {
      const block = this.#blocks[0]
      if (block === undefined) return into
      const start = block.taken
      let at = start
      while (at < block.end) {
        const content = uint16At(block.bytes, at + 4)
        const length = HEADER_BYTES + content + byteAt(block.bytes, at + 6)
        if (length > left && !isFirst) break
        isFirst = false
        count(taken, byteAt(block.bytes, at + 1), content)
        at += length
        left -= length
      }
      if (at > start) {
        into = withOneMore(into, block.bytes.subarray(start, at))
        block.taken = at
        this.#pending -= at - start
        taken.wire += at - start
      }
      if (at < block.end) return into
      if (this.#blocks.length === 1 && block.bytes.length - block.end >= MIN_BLOCK_BYTES)
        return into
      this.#blocks.shift()
      if (!isKept(block.bytes)) continue
      if (taken.emptied === undefined) taken.emptied = [block.bytes]
      else taken.emptied.push(block.bytes)
    }
  }

  /** Throws away everything that waits. */
  clear(): void {
    this.#blocks = []
    this.#openAt = -1
    this.#pending = 0
  }

  /** How much more content the open record takes. */
  #roomInOpen(maxContent: number): number {
    const block = this.#lastBlock()
    const content = block.end - this.#openAt - HEADER_BYTES
    return Math.min(maxContent - content, block.bytes.length - block.end - MAX_PADDING)
  }

  /** Starts a record for `wanted` bytes, of which it holds at least the smaller of `wanted` and `atLeast`. */
  #open(type: number, wanted: number, atLeast: number): void {
    this.#close()
    const last = this.#blocks.at(-1)
    const room = last === undefined ? 0 : last.bytes.length - last.end
    const needed = HEADER_BYTES + Math.min(wanted, atLeast) + MAX_PADDING
    if (room < needed) this.#addBlock(newBlock(wanted))
    const block = this.#lastBlock()
    this.#openAt = block.end
    this.#openType = type
    block.end += HEADER_BYTES
    this.#pending += HEADER_BYTES
  }

  /** Completes the record that grows: its header, and zeros to a multiple of 8. */
  #close(): void {
    if (this.#openAt < 0) return
    const block = this.#lastBlock()
    const contentLength = block.end - this.#openAt - HEADER_BYTES
    const paddingLength = -contentLength & MAX_PADDING
    writeHeader(block.bytes, this.#openAt, {
      type: this.#openType,
      requestId: this.requestId,
      contentLength,
      paddingLength,
    })
    // A few bytes: `fill` would take longer to call.
    for (let left = paddingLength; left > 0; left -= 1) block.bytes[block.end++] = 0
    this.#pending += paddingLength
    this.#openAt = -1
  }

  #addBlock(block: Block): Block {
    this.#blocks = withOneMore(this.#blocks, block)
    return block
  }

  #lastBlock(): Block {
    const last = this.#blocks.at(-1)
    if (last !== undefined) return last
    return this.#addBlock(newBlock(0))
  }
}

/** A block for `content` bytes: the headers of their records, and the end of the request, fit as well. */
function newBlock(content: number): Block {
  const records = Math.ceil(content / MAX_RECORD_CONTENT)
  const wanted = content + records * (HEADER_BYTES + MAX_PADDING) + END_ROOM
  const size = Math.max(MIN_BLOCK_BYTES, -(-wanted & -ALIGNMENT))
  return { bytes: takePiece(size), taken: 0, end: 0 }
}

/** What is pushed to an array without elements makes it one for seventeen. */
export function withOneMore<Element>(list: Element[], element: Element): Element[] {
  if (list.length === 0) return [element]
  list.push(element)
  return list
}

function count(taken: TakenBytes, type: number, content: number): void {
  if (type === taken.types[0]) taken.content[0] += content
  else if (type === taken.types[1]) taken.content[1] += content
}
