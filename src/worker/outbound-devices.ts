/** A tenant's `/dev`: with connections, if its configuration allows any. */
import { randomFillSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../base/clock.ts'
import { CodedError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { OutboundConfig, TenantConfig } from '../config/config.ts'
import { prepareTls } from '../outbound/dial.ts'
import { NameLookup } from '../outbound/name-lookup.ts'
import { type Asker, OutboundAccount } from '../outbound/outbound-account.ts'
import { connectTo, outboundDirectories } from '../outbound/outbound-directories.ts'
import { OutboundRequest, type OutboundTenant } from '../outbound/outbound-request.ts'
import type { HostRule } from '../outbound/outbound-rule.ts'
import { DeviceDirectory } from '../wasi/device-directory.ts'
import type { DirectoryNode } from '../wasi/filesystem.ts'
import { shareOf } from './shares.ts'

/** Makes what a request sees, or what somebody sees who connects to nothing. */
export type MakeDevices = (asker?: Asker) => DirectoryNode

type OutboundDevicesErrorCode =
  /** A `ca` file cannot be read. */
  'OUTBOUND_CA_UNREADABLE'

class OutboundDevicesError extends CodedError<OutboundDevicesErrorCode> {}

/** Of one worker. */
export class OutboundDevices {
  /** Without connections. */
  readonly devices = new DeviceDirectory((into) => randomFillSync(into))
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #names = new NameLookup()
  readonly #accounts = new Map<string, OutboundAccount>()

  constructor({ clock, logger }: { readonly clock: Clock; readonly logger: Logger }) {
    this.#clock = clock
    this.#logger = logger
  }

  /** Undefined: nothing of the tenant has been allowed so far. */
  accountOf(tenant: string): OutboundAccount | undefined {
    return this.#accounts.get(tenant)
  }

  /** Forgets what it has counted of all others. */
  keep(tenants: ReadonlyMap<string, unknown>): void {
    for (const name of this.#accounts.keys()) if (!tenants.has(name)) this.#accounts.delete(name)
  }

  /** `workers` share what the tenant has together. Throws when a `ca` file cannot be read. */
  makerFor(config: TenantConfig, workers: number): MakeDevices {
    if (config.outbound.length === 0) return () => this.devices
    const tls = config.outbound.filter(isTls)
    if (tls.length > 0) void prepareTls({ trustsMachine: tls.some(({ ca }) => ca === undefined) })
    const { limits, name } = config
    const account = this.#accounts.get(name) ?? new OutboundAccount(name, this.#clock, this.#logger)
    this.#accounts.set(name, account)
    const tenant: OutboundTenant = {
      hosts: config.outbound.flatMap(hostRule),
      sockets: new Map(config.outbound.flatMap(socketOf)),
      limits: {
        requestConnections: limits.outboundConnections,
        tenantConnections: shareOf(limits.outboundTenantConnections, workers),
        connectMs: limits.outboundConnectMs,
        idleMs: limits.outboundIdleMs,
        totalMs: limits.outboundTimeMs,
        sentBytes: limits.outboundSentBytes,
        receivedBytes: limits.outboundReceivedBytes,
      },
      account,
      names: this.#names,
      clock: this.#clock,
    }
    return (asker) => {
      if (asker === undefined) return this.devices
      const request = new OutboundRequest(tenant, asker)
      return this.devices.with(outboundDirectories(request), (target) => connectTo(request, target))
    }
  }
}

function isTls(entry: OutboundConfig): entry is Extract<OutboundConfig, { kind: 'host' }> {
  return entry.kind === 'host' && entry.protocol === 'tls'
}

function hostRule(entry: OutboundConfig): HostRule[] {
  if (entry.kind !== 'host') return []
  return [{ ...entry, ca: entry.ca === undefined ? undefined : readAuthorities(entry.ca) }]
}

function socketOf(entry: OutboundConfig): Array<[name: string, path: string]> {
  return entry.kind === 'unix' ? [[entry.name, entry.path]] : []
}

function readAuthorities(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `Cannot trust the certificates in ${path}: ${reason}, wanted a readable file`
    throw new OutboundDevicesError('OUTBOUND_CA_UNREADABLE', message, { cause })
  }
}
