/** What one request has of connections: it asks for them here, and what it may have of them is counted here. */
import { isIP, type Socket } from 'node:net'
import type { Clock } from '../base/clock.ts'
import { harmless } from '../base/harmless.ts'
import { Errno, errnoOf } from '../wasi/errno.ts'
import { dial, type Place } from './dial.ts'
import type { OutboundCode } from './errors.ts'
import type { NameLookup } from './name-lookup.ts'
import type { Asker, OutboundAccount } from './outbound-account.ts'
import {
  ConnectFailure,
  type ConnectionOwner,
  type ConnectionTimes,
  OutboundConnection,
} from './outbound-connection.ts'
import { type HostRule, type HostTarget, mayReach, ruleFor } from './outbound-rule.ts'

export interface OutboundLimits extends ConnectionTimes {
  /** Open at once, of a request and of a tenant in this worker. */
  readonly requestConnections: number
  readonly tenantConnections: number
  /** Of a request. */
  readonly sentBytes: number
  readonly receivedBytes: number
}

/** What holds for all requests of a tenant. */
export interface OutboundTenant {
  readonly hosts: readonly HostRule[]
  /** Paths of unix sockets, by name. */
  readonly sockets: ReadonlyMap<string, string>
  readonly limits: OutboundLimits
  readonly account: OutboundAccount
  readonly names: NameLookup
  readonly clock: Clock
}

/** More addresses of one name are not tried. */
const ADDRESSES_TRIED = 4

let lastIno = 0n

export class OutboundRequest implements ConnectionOwner {
  readonly #tenant: OutboundTenant
  readonly #asker: Asker
  #open = 0
  #sentBytes = 0
  #receivedBytes = 0

  constructor(tenant: OutboundTenant, asker: Asker) {
    this.#tenant = tenant
    this.#asker = asker
  }

  /** A connection that is being opened, or an errno. */
  toHost(target: HostTarget): OutboundConnection | number {
    const { protocol, host, port, method } = target
    const to = `${protocol}://${isIP(host) === 6 ? `[${host}]` : host}:${port}`
    const rule = ruleFor(this.#tenant.hosts, target)
    if (rule === undefined) return this.#refuseUnlisted(to, method)
    return this.#connect(to, (signal) => this.#reachHost(rule, target, signal))
  }

  toSocket(name: string): OutboundConnection | number {
    const to = `unix:${harmless(name)}`
    const path = this.#tenant.sockets.get(name)
    if (path === undefined) return this.#refuseUnlisted(to)
    return this.#connect(to, (signal) => reach({ kind: 'unix', path }, signal))
  }

  get mayBeSent(): number {
    return this.#tenant.limits.sentBytes - this.#sentBytes
  }

  get mayBeReceived(): number {
    return this.#tenant.limits.receivedBytes - this.#receivedBytes
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes
    this.#tenant.account.sentBytes += bytes
  }

  received(bytes: number): void {
    this.#receivedBytes += bytes
    this.#tenant.account.receivedBytes += bytes
  }

  opened(): void {
    this.#tenant.account.connections += 1
  }

  failed(code: OutboundCode, to: string, message: string): void {
    this.#tenant.account.fail(code, this.#asker, to, message)
  }

  closed(): void {
    this.#open -= 1
  }

  gone(): void {
    this.#tenant.account.open -= 1
  }

  #refuseUnlisted(to: string, method?: string): number {
    const what = method === undefined ? 'it' : method
    this.failed('OUTBOUND_NOT_ALLOWED', to, `no [[tenant.outbound]] allows ${what}`)
    return Errno.ACCES
  }

  #connect(
    to: string,
    establish: (signal: AbortSignal) => Promise<Socket>,
  ): OutboundConnection | number {
    const { limits, account, clock } = this.#tenant
    if (this.#open >= limits.requestConnections) {
      const message = `the request has ${this.#open} connections, wanted at most as many as limits.outbound`
      this.failed('OUTBOUND_REQUEST_FULL', to, message)
      return Errno.MFILE
    }
    if (account.open >= limits.tenantConnections) {
      const message = `the tenant has ${account.open} connections here, wanted at most its share of limits.outbound_tenant`
      this.failed('OUTBOUND_TENANT_FULL', to, message)
      return Errno.AGAIN
    }
    this.#open += 1
    account.open += 1
    const connection = new OutboundConnection(to, this, { ino: ++lastIno, clock, times: limits })
    connection.start(establish)
    return connection
  }

  async #reachHost(rule: HostRule, target: HostTarget, signal: AbortSignal): Promise<Socket> {
    const { host, port, protocol } = target
    const found = isIP(host) === 0 ? await this.#addressesOf(host, signal) : [host]
    const allowed = found.filter((address) => mayReach(rule, address)).slice(0, ADDRESSES_TRIED)
    if (allowed.length === 0) {
      const message = `it is ${found.slice(0, ADDRESSES_TRIED).join(', ')}, wanted a public address, or another entry for it`
      throw new ConnectFailure('OUTBOUND_BAD_ADDRESS', Errno.ACCES, message)
    }
    let failure: unknown
    for (const address of allowed) {
      if (signal.aborted) break
      const place: Place =
        protocol === 'tcp'
          ? { kind: 'tcp', address, port }
          : { kind: 'tls', address, port, host, trust: rule }
      try {
        return await reach(place, signal)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #addressesOf(host: string, signal: AbortSignal): Promise<readonly string[]> {
    const { names, account } = this.#tenant
    try {
      return await names.addressesOf(host, account.tenant, signal)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new ConnectFailure('OUTBOUND_UNKNOWN_NAME', Errno.NOENT, message)
    }
  }
}

async function reach(place: Place, signal: AbortSignal): Promise<Socket> {
  try {
    return await dial(place, signal)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const errno = errnoOf(error)
    // What no system call has said is OpenSSL's or about a certificate.
    const isTls = place.kind === 'tls' && errno === Errno.IO
    throw isTls
      ? new ConnectFailure('OUTBOUND_TLS_FAILED', Errno.PROTO, message)
      : new ConnectFailure('OUTBOUND_CONNECT_FAILED', errno, message)
  }
}
