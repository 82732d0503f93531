/** What one run of a guest is granted. Nothing is granted by default. */
import type { ByteSink, ByteSource } from '../base/byte-stream.ts'
import type { Clock } from '../base/clock.ts'
import type { TextBlock } from '../base/text-block.ts'
import type { DirectoryNode } from './filesystem.ts'

export interface Preopen {
  /** Where the guest sees it, such as `/` or `/tmp`; one char a byte. */
  readonly guestPath: string
  /** Stays the caller's: the session takes its own reference and gives it back at the end. */
  readonly directory: DirectoryNode
  /** It is all the files there are: absolute links in it begin there. Default: no. */
  readonly isWhole?: boolean
}

export interface WasiGrants {
  /** One char a byte (latin1), as are strings in `env`; NUL is not allowed in either. */
  readonly args: readonly string[]
  /** `K=V` each. Read when the guest asks for them: it may be a getter. */
  readonly env: ReadonlyArray<string | Uint8Array>
  /** Puts the same into a block, without strings. Default: there is `env`. */
  readonly putEnv?: ((into: TextBlock) => void) | undefined
  readonly stdin: ByteSource
  readonly stdout: ByteSink
  readonly stderr: ByteSink
  /** Ends the answer, while the guest goes on, with this status. False: it has been ended. Default: there is none. */
  readonly finish?: ((status: number) => boolean) | undefined
  /** From here on `stdin` is FCGI_DATA, or FCGI_STDIN alone. False: the request has no such input. Default: it has no FCGI_DATA. */
  readonly selectInput?: ((isData: boolean) => boolean) | undefined
  /** Which of the three are terminals; default: none, so that C libraries buffer whole blocks. */
  readonly terminals?: readonly [stdin: boolean, stdout: boolean, stderr: boolean]
  /** In order, from descriptor 3 on. Read once, before the guest can use or see them: it may be a getter. */
  readonly preopens: readonly Preopen[]
  /**
   * Is told of each file below the first of these that the guest has opened to read it, or has looked at without following links
   * as one does who finds out where a path leads; by the path it gave. Must not throw.
   */
  readonly onFile?: ((path: string) => void) | undefined
  /** What the operator has set for it, by name. Default: nothing. */
  readonly settings?: Readonly<Record<string, string>>
  /** Which of the preopened folders keep buckets of keys and values: their paths, by the names of the buckets. Default: none. */
  readonly buckets?: ReadonlyMap<string, string>
  readonly clock: Clock
  /** Fills the array with random bytes; called with at most 65,536 at a time. */
  readonly random: (into: Uint8Array) => void
  readonly limits: WasiLimits
}

export interface WasiLimits {
  /** Descriptors open at once, streams and preopens included. */
  readonly openFiles: number
  /** Bytes of one path argument, and of a path with its symbolic links followed. */
  readonly pathBytes: number
  /** Directories one path may lead through. */
  readonly pathDepth: number
  /** Names and `..` that are followed for one path, those of its symbolic links included. */
  readonly pathSteps: number
  /** Buffers of one read or write. */
  readonly iovecs: number
  /** Bytes one read or write moves; the rest is left for the next. */
  readonly transferBytes: number
  /** Bytes one `random_get` may ask for. */
  readonly randomBytes: number
  /** Entries of a directory that one `fd_readdir` tells, or goes over. */
  readonly entries: number
  /** Subscriptions of one `poll_oneoff`. */
  readonly subscriptions: number
}

export const DEFAULT_WASI_LIMITS: WasiLimits = {
  openFiles: 256,
  pathBytes: 4096,
  pathDepth: 128,
  pathSteps: 256,
  iovecs: 1024,
  transferBytes: 1024 * 1024,
  randomBytes: 1024 * 1024,
  entries: 4096,
  subscriptions: 256,
}
