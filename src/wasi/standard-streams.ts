/**
 * Descriptors 0 to 2 of one host: made once, and given the streams of one session after the other. What is granted is asked for
 * when the guest uses it: many never print on standard error.
 */
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import { Descriptor } from './descriptor.ts'
import type { OpenStream } from './filesystem.ts'
import { PeekableSource } from './peekable-source.ts'
import { ALL_RIGHTS, Right } from './rights.ts'

/** The three streams of a session. */
export interface StandardGrants {
  readonly stdin: ByteSource
  readonly stdout: ByteSink
  readonly stderr: ByteSink
  readonly terminals?: readonly [stdin: boolean, stdout: boolean, stderr: boolean]
}

const NO_TERMINALS = [false, false, false] as const

class StandardStream implements OpenStream {
  readonly kind = 'stream'
  readonly ino: bigint
  readonly source: PeekableSource | undefined
  readonly rights: number
  isTerminal = false
  #grants: StandardGrants
  readonly #sinkName: 'stdout' | 'stderr' | undefined

  constructor(number: 0 | 1 | 2, grants: StandardGrants) {
    this.ino = BigInt(number + 1)
    this.source = number === 0 ? new PeekableSource(grants.stdin) : undefined
    this.rights = ALL_RIGHTS & ~(number === 0 ? Right.FdWrite : Right.FdRead)
    this.#sinkName = number === 0 ? undefined : number === 1 ? 'stdout' : 'stderr'
    this.#grants = grants
  }

  get sink(): ByteSink | undefined {
    return this.#sinkName === undefined ? undefined : this.#grants[this.#sinkName]
  }

  begin(grants: StandardGrants, isTerminal: boolean): void {
    this.#grants = grants
    this.isTerminal = isTerminal
    this.source?.begin(grants.stdin)
  }
}

export class StandardStreams {
  readonly streams: readonly [StandardStream, StandardStream, StandardStream]
  /** For the first three places of a session's table. */
  readonly descriptors: readonly Descriptor[]

  constructor(grants: StandardGrants) {
    this.streams = [
      new StandardStream(0, grants),
      new StandardStream(1, grants),
      new StandardStream(2, grants),
    ]
    this.descriptors = this.streams.map((stream) => new Descriptor(stream, stream.rights))
  }

  /** What has been looked ahead at is forgotten. */
  readFrom(source: ByteSource): void {
    this.streams[0].source?.begin(source)
  }

  /** From here on they are those of another session, as if they had been made for it. */
  begin(grants: StandardGrants): void {
    const terminals = grants.terminals ?? NO_TERMINALS
    for (let index = 0; index < 3; index += 1) {
      const stream = this.streams[index]
      stream?.begin(grants, terminals[index] ?? false)
      if (stream !== undefined) this.descriptors[index]?.begin(stream.rights)
    }
  }
}
