/**
 * The listening sockets of all pools. The master binds them and keeps them bound for as long as a pool wants them, so that
 * no connection is refused while workers come and go; it never accepts on them. Workers inherit them.
 */

import { lookup } from 'node:dns/promises'
import { closeSync } from 'node:fs'
import { BoundSocket, isIP } from 'node:net'
import { systemCodeOf } from '../base/errors.ts'
import { loadLibc } from '../base/libc.ts'
import { type ListenAddress, printListenAddress } from '../base/listen-address.ts'
import type { PoolConfig } from '../config/config.ts'
import {
  type ActivatedSocket,
  activatedSockets,
  hasInheritedListener,
  inheritedDescriptors,
} from '../gateway/listen/inherited.ts'
import {
  adoptSocketFile,
  createSocketFile,
  type SocketFile,
  type SocketFileOptions,
} from '../gateway/listen/socket-file.ts'
import { findAccount, readAccountSource } from './account.ts'
import { MasterError } from './errors.ts'
import type { InheritedSocket } from './heirloom.ts'

/** A socket that is bound. */
export interface HeldSocket {
  readonly fd: number
  /** As bound, in the form operators write it. */
  readonly address: string
  readonly transport: 'tcp' | 'unix'
  /** Unbinds it, unless somebody else has bound it for us: nobody can connect any more. Workers that have it keep it, and those who wait. */
  close(): void
  /** Parts with it: somebody else has it, too, and goes on. */
  leave(): void
}

/** Whoever listens: a pool, or the admin API. */
export type Listening = Pick<
  PoolConfig,
  'name' | 'listen' | 'listenOwner' | 'listenGroup' | 'listenMode' | 'user' | 'group'
>

/** Where to serve HTTP besides. */
export interface FrontPlace {
  readonly host: string
  readonly port: number
}

/** Its name among inherited sockets: no address is written so. */
const FRONT_KEY = 'http'

/** One that the master before has left to this one. */
interface Adopted {
  readonly fd: number
  readonly kind: ListenAddress['kind']
  readonly address: string
  /** Whether it is this process's to unbind. */
  isOurs: boolean
  file: SocketFile | undefined
}

/** `path` came to Node with 26.9, after its type. */
type BoundSocketOptions = ConstructorParameters<typeof BoundSocket>[0] & { readonly path?: string }

export class Sockets {
  readonly #activated: readonly ActivatedSocket[]
  #inherited: readonly InheritedSocket[]
  readonly #adopted: Adopted[] = []
  readonly #held = new Map<string, HeldSocket[]>()
  #front: HeldSocket | undefined

  /** `inherited`: those of a master that this one follows. */
  constructor(inherited: readonly InheritedSocket[] = []) {
    this.#activated = activatedSockets(process.env, process.pid)
    this.#inherited = inherited
  }

  /** Whether this process was started with a listening socket as file descriptor 0 (FastCGI 1.0, section 2.2). */
  get hasInherited(): boolean {
    return hasInheritedListener()
  }

  /** The open sockets behind `address`. */
  get(address: ListenAddress): readonly HeldSocket[] {
    return this.#held.get(printListenAddress(address)) ?? []
  }

  /**
   * Opens what `pools` want and is not open yet. When one cannot be opened, those opened by this call are closed again.
   * Returns how to take it back. Throws `ListenError`, `MasterError` (MASTER_LISTEN_FAILED).
   */
  async open(pools: readonly Listening[]): Promise<() => void> {
    const opened: string[] = []
    const undo = (): void => {
      for (const key of opened) this.#close(key)
    }
    try {
      for (const pool of pools) {
        for (const address of pool.listen) {
          const key = printListenAddress(address)
          if (this.#held.has(key)) continue
          this.#held.set(key, await this.#bind(address, pool))
          opened.push(key)
        }
      }
    } catch (error) {
      undo()
      throw error
    }
    return undo
  }

  /** Opens the socket of the HTTP front, which stays for life. `host` is a name or an address; port 0: the kernel chooses. */
  async openFront({ host, port }: FrontPlace): Promise<void> {
    const inherited = this.#inherited.find(({ key }) => key === FRONT_KEY)
    this.#front = inherited ? this.#adopt(inherited, 'tcp') : await bindTcp(host, port)
  }

  get front(): HeldSocket | undefined {
    return this.#front
  }

  /** All that are open, for a master that is to follow this one. */
  get all(): readonly InheritedSocket[] {
    const front = this.#front === undefined ? [] : [[FRONT_KEY, [this.#front]] as const]
    return [...this.#held, ...front].flatMap(([key, sockets]) =>
      sockets.map(({ fd, address, transport }) => ({ key, fd, address, transport })),
    )
  }

  /** What the master before has left is this one's alone; what it has no use for is let go. */
  inherit(): void {
    const used = new Set(this.#adopted.map(({ fd }) => fd))
    for (const { fd } of this.#inherited) if (!used.has(fd)) closeSync(fd)
    this.#inherited = []
    for (const adopted of this.#adopted) {
      adopted.isOurs = true
      if (adopted.kind === 'unix') adopted.file = adoptSocketFile(adopted.address)
    }
  }

  /** Parts with those of `addresses`, as bound, and closes all others. */
  leave(addresses: readonly string[]): void {
    for (const socket of [...this.#held.values(), this.#front ?? []].flat()) {
      if (addresses.includes(socket.address)) socket.leave()
      else socket.close()
    }
    this.#held.clear()
    this.#front = undefined
  }

  /** Closes what `pools` do not want. */
  keep(pools: readonly Listening[]): void {
    const wanted = new Set(pools.flatMap(({ listen }) => listen.map(printListenAddress)))
    for (const key of [...this.#held.keys()]) if (!wanted.has(key)) this.#close(key)
  }

  /** Closes everything. Idempotent. */
  close(): void {
    for (const key of [...this.#held.keys()]) this.#close(key)
    this.#front?.close()
    this.#front = undefined
  }

  #close(key: string): void {
    for (const socket of this.#held.get(key) ?? []) socket.close()
    this.#held.delete(key)
  }

  async #bind(address: ListenAddress, pool: Listening): Promise<HeldSocket[]> {
    const key = printListenAddress(address)
    const inherited = this.#inherited.filter((one) => one.key === key)
    if (inherited.length > 0) return inherited.map((one) => this.#adopt(one, address.kind))
    switch (address.kind) {
      case 'unix':
        return [await bindUnix(address.path, ownerOf(pool))]
      case 'tcp':
        return [await bindTcp(address.host, address.port)]
      case 'fd':
      case 'systemd': {
        const descriptors = inheritedDescriptors(address, this.#activated) ?? []
        return descriptors.map((fd) => ({
          fd,
          address: printListenAddress(address),
          transport: 'unix',
          close: () => undefined,
          leave: () => undefined,
        }))
      }
    }
  }

  #adopt({ fd, address, transport }: InheritedSocket, kind: Adopted['kind']): HeldSocket {
    const adopted: Adopted = { fd, kind, address, isOurs: false, file: undefined }
    this.#adopted.push(adopted)
    return {
      ...{ fd, address, transport },
      close: () => {
        if (adopted.isOurs && kind === 'tcp') loadLibc()?.refuseNew(fd)
        adopted.file?.remove()
        closeSync(fd)
      },
      leave: () => {
        adopted.file?.leave()
        closeSync(fd)
      },
    }
  }
}

/** Binds a TCP socket, on which nobody listens yet. `host` is a name or an address; port 0: the kernel chooses. Throws as `open`. */
export async function bindTcp(host: string, port: number): Promise<HeldSocket> {
  const numeric = await resolveHost(host, port)
  const bound = bind({ host: numeric, port }, `${host}:${port}`)
  const { address, port: boundPort } = bound.address()
  return {
    fd: bound.fd(),
    address: printListenAddress({ kind: 'tcp', host: address, port: boundPort }),
    transport: 'tcp',
    close: () => {
      // Workers that accept there take those who wait.
      loadLibc()?.refuseNew(bound.fd())
      bound.close()
    },
    leave: () => bound.close(),
  }
}

async function bindUnix(path: string, owner: SocketFileOptions): Promise<HeldSocket> {
  let bound: BoundSocket | undefined
  const file = await createSocketFile(path, owner, async (temporary) => {
    bound = bind({ path: temporary }, path)
  })
  if (bound === undefined) throw listenFailed(path, 'it was not bound')
  const socket = bound
  return {
    fd: socket.fd(),
    address: path,
    transport: 'unix',
    close: () => {
      file.remove()
      socket.close()
    },
    leave: () => {
      file.leave()
      socket.close()
    },
  }
}

function bind(options: BoundSocketOptions, address: string): BoundSocket {
  try {
    return new BoundSocket(options)
  } catch (cause) {
    const isTaken = systemCodeOf(cause) === 'EADDRINUSE'
    const reason = cause instanceof Error ? cause.message : String(cause)
    const problem = isTaken ? 'somebody listens there, wanted a free address' : reason
    throw listenFailed(address, problem, cause)
  }
}

async function resolveHost(host: string, port: number): Promise<string> {
  if (isIP(host) !== 0) return host
  try {
    return (await lookup(host)).address
  } catch (cause) {
    throw listenFailed(`${host}:${port}`, `the name cannot be resolved: ${String(cause)}`, cause)
  }
}

/** A socket that nobody claims belongs to the pool's user, who would else be shut out of its own pool. */
function ownerOf(pool: Listening): SocketFileOptions {
  const account = findAccount(pool, readAccountSource())
  return {
    owner: pool.listenOwner ?? account?.uid.toString(),
    group: pool.listenGroup ?? account?.gid.toString(),
    mode: pool.listenMode,
  }
}

function listenFailed(address: string, problem: string, cause?: unknown): MasterError {
  return new MasterError('MASTER_LISTEN_FAILED', `Cannot listen on ${address}: ${problem}`, {
    cause,
  })
}
