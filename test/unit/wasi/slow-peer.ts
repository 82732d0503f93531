/** A directory in which every name is a connection that is being opened until somebody says what becomes of it. */
import { Filetype } from '../../../src/wasi/abi.ts'
import { Errno } from '../../../src/wasi/errno.ts'
import type { Filestat, Node, OpenStream } from '../../../src/wasi/filesystem.ts'
import { NamesReader } from '../../../src/wasi/names-reader.ts'
import { ownStat } from '../../../src/wasi/own-stat.ts'
import { ReadOnlyDirectory } from '../../../src/wasi/read-only-directory.ts'

export class SlowPeer extends ReadOnlyDirectory {
  /** Descriptors that were closed. */
  closed = 0
  #outcome: number | undefined
  #wake: () => void = () => undefined

  /** The connection is open, or fails. */
  answer(errno: number = Errno.SUCCESS): void {
    this.#outcome = errno
    this.#wake()
  }

  retain(): void {}

  release(): void {}

  stat(): Filestat {
    return ownStat(1n, 1n, Filetype.Directory)
  }

  lookup(): Node {
    return {
      kind: 'file',
      stat: () => ownStat(1n, 1n, Filetype.SocketStream),
      open: () => this.#connect(),
      setTimes: () => Errno.ROFS,
    }
  }

  list(): NamesReader {
    return new NamesReader([], () => undefined)
  }

  inodeOf(): bigint {
    return 0n
  }

  #connect(): OpenStream {
    return {
      ...{ kind: 'stream', source: undefined, sink: undefined, isTerminal: false, ino: 1n },
      filetype: Filetype.SocketStream,
      opening: {
        outcome: () => this.#outcome,
        onOutcome: (wake) => {
          this.#wake = wake
        },
      },
      close: () => {
        this.closed += 1
      },
    }
  }
}
