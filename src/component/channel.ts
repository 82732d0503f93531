/**
 * A stream or a future (canonical ABI): whoever writes and whoever reads meet in it, and what is copied goes from one to the other.
 * Nothing is kept here. Either may be the guest, or the host.
 *
 *     write ──> waits for a reader ──┐
 *                                    ├──> copied: both are told
 *     read ───> waits for a writer ──┘
 */
import { fault } from './guest-fault.ts'
import type { LiftBounds } from './lift-bounds.ts'
import type { ValueType } from './plan.ts'
import { isNumber, layoutOf } from './type-layout.ts'
import { HostResource, type Value } from './value.ts'

/** How a copy ended. `dropped`: the other end is gone. */
export type CopyResult = 'completed' | 'dropped' | 'cancelled'

/** Numbers are the bytes that they are. */
export type Items = readonly Value[] | Uint8Array

/** What bodies and files are streams of. */
export const BYTE: ValueType = { kind: 'primitive', of: 'u8' }

interface CopyBuffer {
  /** Of a channel without: undefined. */
  readonly element: ValueType | undefined
  /** How many may still be copied. */
  readonly remain: number
  /** Whether there never were any. */
  readonly isEmpty: boolean
}

export interface SourceBuffer extends CopyBuffer {
  /** `bounds`: of who is given them. */
  read(count: number, bounds: LiftBounds): Items
}

export interface TargetBuffer extends CopyBuffer {
  readonly bounds: LiftBounds
  write(items: Items, count: number): void
}

interface CopyParty {
  /** The component that copies; undefined: the host. */
  readonly owner: number | undefined
  /** Some was copied, and more may be. */
  onProgress(): void
  /** It is over. */
  onDone(result: CopyResult): void
}

export type Copy =
  | (CopyParty & { readonly side: 'read'; readonly buffer: TargetBuffer })
  | (CopyParty & { readonly side: 'write'; readonly buffer: SourceBuffer })

/** What is copied at a time. */
const COPIED_BYTES = 65_536
const COPIED_ITEMS = 1_024
/** Values in values counted. */
const COPIED_PARTS = 8_192

export class Channel extends HostResource {
  readonly isFuture: boolean
  #isDropped = false
  #waiting: Copy | undefined

  constructor(isFuture: boolean) {
    super()
    this.isFuture = isFuture
  }

  /** Either end is gone. */
  get isDropped(): boolean {
    return this.#isDropped
  }

  /** Who waits for a writer. */
  get reader(): TargetBuffer | undefined {
    return this.#waiting?.side === 'read' ? this.#waiting.buffer : undefined
  }

  start(copy: Copy): void {
    const other = this.#waiting
    if (this.#isDropped) copy.onDone('dropped')
    else if (other === undefined) this.#waiting = copy
    else if (other.side === copy.side)
      throw fault(`a ${this.#name} is ${copy.side === 'read' ? 'read' : 'written'} twice at a time`)
    else this.#meet(copy, other)
  }

  #meet(copy: Copy, other: Copy): void {
    const { element } = copy.buffer
    const isSimple = element === undefined || isNumber(element)
    if (copy.owner !== undefined && copy.owner === other.owner && !isSimple)
      throw fault(`a component reads from a ${this.#name} what it writes to it`)
    if (other.buffer.remain > 0) {
      const count = Math.min(copy.buffer.remain, other.buffer.remain, mostOf(element))
      if (count > 0) {
        move(copy, other, count)
        if (this.isFuture) this.#tell('completed')
        else other.onProgress()
      }
      copy.onDone('completed')
    } else if (copy.side === 'write' && copy.buffer.isEmpty && other.buffer.isEmpty)
      copy.onDone('completed')
    else {
      this.#tell('completed')
      this.#waiting = copy
    }
  }

  /** Who has waited goes on without it: what was copied is all. */
  forget(copy: Copy): void {
    if (this.#waiting === copy) this.#waiting = undefined
  }

  cancel(): void {
    this.#tell('cancelled')
  }

  /** Tells who asks for nothing that there is something. */
  ready(): void {
    if (this.reader?.isEmpty === true) this.#tell('completed')
  }

  /** An end is gone: the other one is told, now or when it copies. Idempotent. */
  override drop(): void {
    if (this.#isDropped) return
    this.#isDropped = true
    this.#tell('dropped')
  }

  #tell(result: CopyResult): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.onDone(result)
  }

  get #name(): string {
    return this.isFuture ? 'future' : 'stream'
  }
}

function move(one: Copy, other: Copy, count: number): void {
  const [from, to] = one.side === 'write' ? [one, other] : [other, one]
  if (from.side !== 'write' || to.side !== 'read') throw new Error('Cannot copy: two of a side')
  to.buffer.write(from.buffer.read(count, to.buffer.bounds), count)
}

function mostOf(element: ValueType | undefined): number {
  if (element === undefined) return COPIED_ITEMS
  const { parts } = layoutOf(element)
  if (!isNumber(element))
    return Math.max(1, Math.min(COPIED_ITEMS, Math.floor(COPIED_PARTS / parts)))
  return Math.floor(COPIED_BYTES / layoutOf(element).size)
}
