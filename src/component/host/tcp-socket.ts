/**
 * A TCP socket of a guest's, in each version of wasi:sockets: it connects where its tenant's configuration allows, and does nothing else.
 *
 *     unconnected ──> connecting ──> connected ──> its streams
 *                         └── fails: closed
 */
import { Sdflags } from '../../wasi/abi.ts'
import { Errno } from '../../wasi/errno.ts'
import { type Case, HostResource } from '../value.ts'
import type { ComponentHost } from './component-host.ts'
import { OpenFd } from './open-fd.ts'
import type { Wish } from './preview1-calls.ts'
import { type AddressFamily, isRemote, placeOf } from './socket-address.ts'

/** Why one cannot connect that has not asked for it yet. */
export type ConnectProblem = 'invalid-argument' | 'invalid-state' | 'access-denied'

/** Nothing more is sent by a connection. */
export function endSending({ calls }: ComponentHost, fd: number): void {
  calls.callNow('sock_shutdown', fd, Sdflags.Write)
}

export class TcpSocket extends HostResource {
  readonly family: AddressFamily
  readonly #host: ComponentHost
  #state: 'unconnected' | 'connecting' | 'connected' | 'closed' = 'unconnected'
  #open: OpenFd | undefined
  /** As `ip-socket-address`. */
  #remote: Case | undefined

  constructor(host: ComponentHost, family: AddressFamily) {
    super()
    this.#host = host
    this.family = family
  }

  get state(): 'unconnected' | 'connecting' | 'connected' | 'closed' {
    return this.#state
  }

  /** Undefined: it is not connected. */
  get remote(): Case | undefined {
    return this.#state === 'connected' ? this.#remote : undefined
  }

  /** Begins. Answers why not, or an errno. */
  connect(remote: Case): ConnectProblem | number | undefined {
    if (this.#state !== 'unconnected') return 'invalid-state'
    const place = placeOf(remote)
    if (place.family !== this.family || !isRemote(place)) return 'invalid-argument'
    const host = this.#host.socketNames.hostOf(place.address)
    const fd = this.#host.connect({ protocol: 'tcp', host, port: place.port })
    if (fd < 0) {
      this.#state = 'closed'
      // There are no connections, or it is no host that could be allowed.
      return -fd === Errno.NOENT ? 'access-denied' : -fd
    }
    this.#state = 'connecting'
    this.#open = new OpenFd(this.#host.calls, fd)
    this.#remote = remote
    return undefined
  }

  /** Ends connecting: SUCCESS or an errno; undefined: it is under way. */
  finish(): number | undefined {
    const outcome = this.#host.connectOutcome(this.open.fd)
    if (outcome === Errno.SUCCESS) this.#state = 'connected'
    else if (outcome !== undefined) this.close()
    return outcome
  }

  /** What has to come before it can end; undefined: nothing. */
  readonly wishes = (): readonly Wish[] | undefined => {
    if (this.#state !== 'connecting') return undefined
    const { fd } = this.open
    return this.#host.connectOutcome(fd) === undefined ? [{ kind: 'write', fd }] : undefined
  }

  /** Of a connection. */
  get open(): OpenFd {
    if (this.#open === undefined) throw new Error('Cannot use a socket: it is not connected')
    return this.#open
  }

  close(): void {
    this.#state = 'closed'
    this.#open?.release()
    this.#open = undefined
  }

  override drop(): void {
    this.close()
  }
}
