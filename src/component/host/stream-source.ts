/** A stream that a guest reads of the host's: bytes are fetched as it asks for them. */
import { BYTE, Channel, type Items } from '../channel.ts'
import type { Case } from '../value.ts'
import type { InputStream } from './guest-input.ts'
import type { Activity, HostWork } from './host-work.ts'
import type { IoError } from './io-error.ts'
import { MOVED_BYTES, type Wish } from './preview1-calls.ts'

const NOTHING = new Uint8Array(0)
/** It has come meanwhile. */
const AT_ONCE: readonly Wish[] = [{ kind: 'clock', deadlineNs: 0n }]

export class StreamSource implements Activity {
  readonly channel: Channel = new Channel(false)
  readonly #input: InputStream
  readonly #onEnd: (problem: IoError | undefined) => void
  /** Fetched, and not read yet. */
  #kept: Uint8Array = NOTHING

  /** `onEnd`: told when there is no more, or nobody who wants it; and what was wrong. */
  constructor(work: HostWork, input: InputStream, onEnd: (problem: IoError | undefined) => void) {
    this.#input = input
    this.#onEnd = onEnd
    work.add(this)
  }

  step(): 'idle' | 'moved' | 'over' {
    if (this.channel.isDropped) return this.#end(undefined)
    const { reader } = this.channel
    if (reader === undefined || (reader.remain === 0 && !reader.isEmpty)) return 'idle'
    if (this.#kept.length === 0) {
      const wanted = reader.remain === 0 ? MOVED_BYTES : reader.remain
      const found = this.#input.read(BigInt(wanted), false)
      if (found instanceof Promise) throw new Error('Cannot read: it waits, wanted not to')
      if (found.tag !== 'ok') {
        const { tag, value } = found.value as Case
        return this.#end(tag === 'closed' ? undefined : (value as IoError))
      }
      this.#kept = found.value as Uint8Array
      if (this.#kept.length === 0) return 'idle'
    }
    if (reader.isEmpty) this.channel.ready()
    else {
      const bytes = this.#kept.subarray(0, reader.remain)
      this.channel.start({ side: 'write', owner: undefined, buffer: sourceOf(bytes), ...UNHEARD })
      this.#kept = this.#kept.subarray(bytes.length)
    }
    return 'moved'
  }

  wishes(): readonly Wish[] {
    if ((this.channel.reader?.remain ?? 0) === 0 && this.channel.reader?.isEmpty !== true) return []
    const { wish } = this.#input.subscribe()
    if (wish === undefined) return []
    return typeof wish === 'function' ? (wish() ?? AT_ONCE) : [wish]
  }

  #end(problem: IoError | undefined): 'over' {
    this.channel.drop()
    this.#input.drop()
    this.#onEnd(problem)
    return 'over'
  }
}

/** The reader is there: all is copied before it is told. */
const UNHEARD = { onProgress: () => undefined, onDone: () => undefined }

function sourceOf(bytes: Uint8Array) {
  let at = 0
  return {
    element: BYTE,
    isEmpty: bytes.length === 0,
    get remain(): number {
      return bytes.length - at
    },
    read: (count: number): Items => {
      at += count
      return bytes.subarray(at - count, at)
    },
  }
}
