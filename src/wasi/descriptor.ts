/** One entry of a guest's descriptor table: what is open and with which rights. */
import { Fdflags, Filetype } from './abi.ts'
import type { DirectoryNode, OpenFile, OpenStream } from './filesystem.ts'
import type { Listing } from './listing.ts'
import { DIRECTORY_RIGHTS, FILE_RIGHTS, STREAM_RIGHTS, TERMINAL_RIGHTS } from './rights.ts'

/** The descriptor owns a reference to the directory. */
export interface OpenDirectory {
  readonly kind: 'directory'
  readonly node: DirectoryNode
}

export type OpenThing = OpenFile | OpenStream | OpenDirectory

export class Descriptor {
  readonly open: OpenThing
  rights: number
  inheriting: number
  fdflags: number
  /** Of a file: where the next read or write happens; a safe integer. */
  offset = 0
  /** Of a directory being read. */
  listing: Listing | undefined = undefined
  /** What `fd_prestat_dir_name` shows, one char a byte; only preopens have one. */
  readonly preopenName: string | undefined

  constructor(open: OpenThing, rights: number, options: DescriptorOptions = {}) {
    this.open = open
    this.rights = rights & applicableRights(open)
    this.inheriting = options.inheriting ?? 0
    this.fdflags = options.fdflags ?? 0
    this.preopenName = options.preopenName
  }

  /** It is open anew, with nothing of what was done with it. */
  begin(rights: number): void {
    this.rights = rights & applicableRights(this.open)
    this.inheriting = 0
    this.fdflags = 0
    this.offset = 0
    this.listing = undefined
  }

  get filetype(): number {
    if (this.open.kind === 'stream') return this.open.filetype ?? Filetype.CharacterDevice
    return this.open.kind === 'directory' ? Filetype.Directory : this.open.filetype
  }

  get isNonblocking(): boolean {
    return (this.fdflags & Fdflags.Nonblock) !== 0
  }

  close(): void {
    this.listing?.close()
    if (this.open.kind === 'directory') this.open.node.release()
    else this.open.close?.()
  }
}

export interface DescriptorOptions {
  readonly inheriting?: number
  readonly fdflags?: number
  readonly preopenName?: string
}

/** The rights that mean something for what is open. */
function applicableRights(open: OpenThing): number {
  if (open.kind === 'directory') return DIRECTORY_RIGHTS
  if (open.kind === 'file') return FILE_RIGHTS
  return open.isTerminal ? TERMINAL_RIGHTS : STREAM_RIGHTS
}
