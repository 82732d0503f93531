/**
 * What a guest opens to connect: `tcp/HOST/PORT`, `tls/HOST/PORT` and `unix/NAME`, below `/dev`. The folders are there and list
 * nothing; so is every name in them that could be one: what is allowed is only said to whoever opens it.
 */
import { isIP } from 'node:net'
import { Filetype } from '../wasi/abi.ts'
import { Errno } from '../wasi/errno.ts'
import type {
  ConnectTarget,
  DirectoryNode,
  FileNode,
  Filestat,
  Node,
  OpenStream,
} from '../wasi/filesystem.ts'
import { NamesReader } from '../wasi/names-reader.ts'
import { ownStat } from '../wasi/own-stat.ts'
import { ReadOnlyDirectory } from '../wasi/read-only-directory.ts'
import type { OutboundRequest } from './outbound-request.ts'
import type { Protocol } from './outbound-rule.ts'

const DEVICE_NUMBER = 0x6f7574n

/** By name. They hold no state: whoever opens something in them has it. */
export function outboundDirectories(request: OutboundRequest): ReadonlyMap<string, DirectoryNode> {
  return new Map([
    ['tcp', new NamesDirectory((host) => portsOf(request, 'tcp', host))],
    ['tls', new NamesDirectory((host) => portsOf(request, 'tls', host))],
    ['unix', new NamesDirectory((name) => new ConnectionNode(() => request.toSocket(name)))],
  ])
}

/** Connects for the host's own HTTP. NOENT: it is no host. */
export function connectTo(request: OutboundRequest, target: ConnectTarget): OpenStream | number {
  const host = canonicalHost(target.host)
  return host === undefined ? Errno.NOENT : request.toHost({ ...target, host })
}

function portsOf(request: OutboundRequest, protocol: Protocol, name: string): Node | number {
  const host = canonicalHost(name)
  if (host === undefined) return Errno.NOENT
  return new NamesDirectory((digits) => {
    const port = /^[1-9][0-9]{0,4}$/.test(digits) ? Number(digits) : Number.NaN
    if (!(port <= 65_535)) return Errno.NOENT
    return new ConnectionNode(() => request.toHost({ protocol, host, port }))
  })
}

/** One form for equal hosts: lower case, no dot at the end, addresses as they are usually written. Undefined: no host. */
function canonicalHost(name: string): string | undefined {
  const host = name.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) === 6) {
    return host.includes('%') ? undefined : new URL(`http://[${host}]/`).hostname.slice(1, -1)
  }
  return /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?$/.test(host)
    ? host.replace(/\.$/, '')
    : undefined
}

class NamesDirectory extends ReadOnlyDirectory {
  readonly #find: (name: string) => Node | number

  constructor(find: (name: string) => Node | number) {
    super()
    this.#find = find
  }

  retain(): void {}

  release(): void {}

  stat(): Filestat {
    return statOf(Filetype.Directory)
  }

  lookup(name: string): Node | number {
    return this.#find(name)
  }

  list(): NamesReader {
    return new NamesReader([], () => Filetype.Unknown)
  }

  inodeOf(): bigint {
    return 0n
  }
}

class ConnectionNode implements FileNode {
  readonly kind = 'file'
  readonly #connect: () => OpenStream | number

  constructor(connect: () => OpenStream | number) {
    this.#connect = connect
  }

  open(): OpenStream | number {
    return this.#connect()
  }

  stat(): Filestat {
    return statOf(Filetype.SocketStream)
  }

  setTimes(): number {
    return Errno.ROFS
  }
}

function statOf(filetype: number): Filestat {
  return ownStat(DEVICE_NUMBER, 1n, filetype)
}
