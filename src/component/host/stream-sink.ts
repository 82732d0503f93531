/** A stream that the host reads of a guest's: its bytes go to an output, and no more are taken than that has room for. */
import { BYTE, type Channel, type Copy, type Items } from '../channel.ts'
import { FOR_HOST } from '../lift-bounds.ts'
import type { Case } from '../value.ts'
import type { OutputStream } from './guest-output.ts'
import type { Activity } from './host-work.ts'
import type { IoError } from './io-error.ts'
import type { Wish } from './preview1-calls.ts'

export class StreamSink implements Activity {
  readonly #channel: Channel
  readonly #output: OutputStream
  readonly #onEnd: (problem: IoError | undefined) => void
  #copy: Copy | undefined
  #parts: Uint8Array[] = []
  #hasEnded = false

  /** `onEnd`: told when all of it is written, or why it is not. */
  constructor(
    channel: Channel,
    output: OutputStream,
    onEnd: (problem: IoError | undefined) => void,
  ) {
    this.#channel = channel
    this.#output = output
    this.#onEnd = onEnd
  }

  step(): 'idle' | 'moved' | 'over' {
    const hasMoved = this.#write()
    const room = this.#output.check()
    if (room.tag !== 'ok') return this.#end((room.value as Case).value as IoError)
    if (this.#hasEnded) {
      if (this.#parts.length > 0 || this.#output.isBehind) return hasMoved ? 'moved' : 'idle'
      return this.#end(undefined)
    }
    if (this.#copy === undefined && room.value !== 0n) {
      this.#copy = this.#start(Number(room.value))
      this.#channel.start(this.#copy)
      return this.#hasEnded || this.#parts.length > 0 ? 'moved' : 'idle'
    }
    return hasMoved ? 'moved' : 'idle'
  }

  wishes(): readonly Wish[] {
    return this.#output.wishes() ?? []
  }

  /** Nobody wants it any more. */
  close(): void {
    if (this.#copy !== undefined) this.#channel.forget(this.#copy)
    this.#channel.drop()
  }

  /** Passes on what has come. */
  #write(): boolean {
    if (this.#parts.length === 0) return false
    const bytes = Buffer.concat(this.#parts)
    this.#parts = []
    if (this.#copy !== undefined) this.#channel.forget(this.#copy)
    this.#copy = undefined
    void this.#output.write(bytes, false)
    return true
  }

  #end(problem: IoError | undefined): 'over' {
    this.close()
    this.#onEnd(problem)
    return 'over'
  }

  #start(room: number): Copy {
    const parts = this.#parts
    let taken = 0
    return {
      side: 'read',
      owner: undefined,
      buffer: {
        ...{ element: BYTE, isEmpty: false, bounds: FOR_HOST },
        get remain(): number {
          return room - taken
        },
        write: (items: Items, count: number) => {
          taken += count
          parts.push(items as Uint8Array)
        },
      },
      onProgress: () => undefined,
      onDone: (result) => {
        this.#copy = undefined
        this.#hasEnded ||= result === 'dropped'
      },
    }
  }
}
