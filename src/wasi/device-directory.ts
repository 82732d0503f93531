/**
 * A `/dev` for programs that want one: null, zero, full, random, urandom, stdin, stdout, stderr. Only there if granted.
 *
 * It holds no state: one serves all sessions. The three streams mean the session's own.
 */
import { Filetype } from './abi.ts'
import { Errno } from './errno.ts'
import type {
  ConnectTarget,
  DirectoryNode,
  DirectoryReader,
  FileNode,
  Filestat,
  Node,
  OpenFile,
  OpenStream,
  StandardStream,
} from './filesystem.ts'
import { NamesReader } from './names-reader.ts'
import { ownStat } from './own-stat.ts'
import { ReadOnlyDirectory } from './read-only-directory.ts'

const DEVICE_NUMBER = 0x646576n

type Read = (into: Uint8Array) => number
type Write = (from: Uint8Array) => number

const fillWithZero: Read = (into) => {
  into.fill(0)
  return into.length
}
const takeAll: Write = (from) => from.length

export class DeviceDirectory extends ReadOnlyDirectory {
  readonly #devices: ReadonlyMap<string, FileNode>
  readonly #random: (into: Uint8Array) => void
  readonly #folders: ReadonlyMap<string, DirectoryNode>

  /** Default: there are no connections. */
  readonly connect?: (target: ConnectTarget) => OpenStream | number

  /** `random` fills an array of any length. `folders`: what else is in it; they live as long as it does. */
  constructor(
    random: (into: Uint8Array) => void,
    folders: ReadonlyMap<string, DirectoryNode> = new Map(),
    connect?: (target: ConnectTarget) => OpenStream | number,
  ) {
    super()
    if (connect !== undefined) this.connect = connect
    this.#random = random
    this.#folders = folders
    const readRandom: Read = (into) => {
      random(into)
      return into.length
    }
    this.#devices = new Map<string, FileNode>([
      ['full', new Device(2n, fillWithZero, () => -Errno.NOSPC)],
      ['null', new Device(3n, () => 0, takeAll)],
      ['random', new Device(4n, readRandom, takeAll)],
      ['stderr', new Standard(5n, 2)],
      ['stdin', new Standard(6n, 0)],
      ['stdout', new Standard(7n, 1)],
      ['urandom', new Device(8n, readRandom, takeAll)],
      ['zero', new Device(9n, fillWithZero, takeAll)],
    ])
  }

  /** The same with these folders, and with connections for the host itself. */
  with(
    folders: ReadonlyMap<string, DirectoryNode>,
    connect: (target: ConnectTarget) => OpenStream | number,
  ): DeviceDirectory {
    return new DeviceDirectory(this.#random, folders, connect)
  }

  retain(): void {}

  release(): void {}

  stat(): Filestat {
    return ownStat(DEVICE_NUMBER, 1n, Filetype.Directory)
  }

  lookup(name: string): Node | number {
    return this.#devices.get(name) ?? this.#folders.get(name) ?? Errno.NOENT
  }

  list(): DirectoryReader {
    const names = [...this.#devices.keys(), ...this.#folders.keys()]
    return new NamesReader(names, (name) =>
      this.#devices.has(name) ? Filetype.CharacterDevice : Filetype.Directory,
    )
  }

  inodeOf(name: string): bigint {
    const stat = (this.#devices.get(name) ?? this.#folders.get(name))?.stat()
    return stat === undefined || typeof stat === 'number' ? 0n : stat.ino
  }
}

/** A device without a position; opening it makes nothing new. */
class Device implements FileNode, OpenFile {
  readonly kind = 'file'
  readonly filetype = Filetype.CharacterDevice
  readonly read: Read
  readonly write: Write
  readonly #ino: bigint

  constructor(ino: bigint, read: Read, write: Write) {
    this.#ino = ino
    this.read = read
    this.write = write
  }

  open(): OpenFile {
    return this
  }

  stat(): Filestat {
    return deviceStat(this.#ino)
  }

  setSize(): number {
    return Errno.INVAL
  }

  allocate(): number {
    return Errno.NODEV
  }

  setTimes(): number {
    return Errno.ROFS
  }

  sync(): number {
    return Errno.SUCCESS
  }

  /** There is nothing to guard. */
  lock(): number {
    return Errno.SUCCESS
  }

  close(): void {}
}

class Standard implements FileNode {
  readonly kind = 'file'
  readonly #ino: bigint
  readonly #stream: StandardStream['stream']

  constructor(ino: bigint, stream: StandardStream['stream']) {
    this.#ino = ino
    this.#stream = stream
  }

  open(): StandardStream {
    return { kind: 'standard', stream: this.#stream }
  }

  stat(): Filestat {
    return deviceStat(this.#ino)
  }

  setTimes(): number {
    return Errno.ROFS
  }
}

function deviceStat(ino: bigint): Filestat {
  return ownStat(DEVICE_NUMBER, ino, Filetype.CharacterDevice)
}
