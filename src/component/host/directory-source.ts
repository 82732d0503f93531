/** The entries of a folder as a stream: some at a time, as the guest asks for them. */
import { Channel, type Items } from '../channel.ts'
import type { Case, Value } from '../value.ts'
import type { DirectoryEntryStream } from './file-descriptor.ts'
import { typeName } from './file-functions.ts'
import type { Activity } from './host-work.ts'
import { IoError } from './io-error.ts'
import type { Wish } from './preview1-calls.ts'

const AT_ONCE = 256

interface EntryUse {
  /** What a type of files is called. */
  readonly named: (type: string) => Case
  /** Told when there are no more, or nobody who wants them; and what was wrong. */
  readonly onEnd: (problem: IoError | undefined) => void
}

export class DirectorySource implements Activity {
  readonly channel: Channel = new Channel(false)
  readonly #entries: DirectoryEntryStream
  readonly #use: EntryUse
  #next: Value[] = []

  constructor(entries: DirectoryEntryStream, use: EntryUse) {
    this.#entries = entries
    this.#use = use
  }

  step(): 'idle' | 'moved' | 'over' {
    if (this.channel.isDropped) return this.#end(undefined)
    const { reader } = this.channel
    if (reader === undefined || (reader.remain === 0 && !reader.isEmpty)) return 'idle'
    while (this.#next.length < Math.min(Math.max(reader.remain, 1), AT_ONCE)) {
      const entry = this.#entries.next()
      if (entry === undefined || typeof entry === 'number') {
        if (this.#next.length > 0) break
        return this.#end(entry === undefined ? undefined : new IoError(entry))
      }
      this.#next.push([this.#use.named(typeName(entry.filetype)), entry.name])
    }
    if (reader.isEmpty) {
      this.channel.ready()
      return 'moved'
    }
    const items = this.#next.splice(0, reader.remain)
    let remain = items.length
    const buffer = {
      ...{ element: reader.element, isEmpty: false },
      get remain(): number {
        return remain
      },
      read: (count: number): Items => {
        remain -= count
        return items.splice(0, count)
      },
    }
    const unheard = { onProgress: () => undefined, onDone: () => undefined }
    this.channel.start({ side: 'write', owner: undefined, buffer, ...unheard })
    return 'moved'
  }

  /** What is in a folder is there at once. */
  wishes(): readonly Wish[] {
    return []
  }

  #end(problem: IoError | undefined): 'over' {
    this.channel.drop()
    this.#entries.drop()
    this.#use.onEnd(problem)
    return 'over'
  }
}
