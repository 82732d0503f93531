/** Joins the parts of the admin API: settings, store, tokens, audit log, endpoints, server. */
import { BlockList, isIPv6 } from 'node:net'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import { Turns } from '../base/turns.ts'
import type { AdminConfig, Config } from '../config/config.ts'
import type { AdminMessage, AdminSettings, AdminSocketGrant } from '../ipc/admin-messages.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import { readSigners } from '../store/public-key.ts'
import { AuditLog, type AuditLogParts } from './audit-log.ts'
import { makeEndpoints } from './endpoints.ts'
import { type AdminLimits, DEFAULT_ADMIN_LIMITS } from './limits.ts'
import { MasterLink } from './master-link.ts'
import { AdminServer } from './server.ts'
import { TenantPlaces } from './tenant-places.ts'
import { TokenFile } from './token-file.ts'

export interface AdminApiOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly sinks: AuditLogParts['sinks']
  readonly send: (message: AdminMessage) => void
  readonly limits?: AdminLimits
}

export class AdminApi {
  readonly master: MasterLink
  readonly #options: AdminApiOptions
  #settings: AdminSettings<Config>
  #server: AdminServer | undefined

  /** `settings`: with an `[admin]` table. */
  constructor(settings: AdminSettings<Config>, options: AdminApiOptions) {
    this.#settings = settings
    this.#options = options
    this.master = new MasterLink(options)
  }

  /** Opens the store (makes it, where there is none) and serves. Rejects with what stands in the way. */
  async start(sockets: readonly AdminSocketGrant[]): Promise<void> {
    const { clock, logger, sinks, limits = DEFAULT_ADMIN_LIMITS } = this.#options
    const { settings } = this.#settings
    const admin = adminOf(settings)
    const store = await DirectoryStore.make(settings.store ?? DEFAULT_STORE, {
      clock,
      signersOf: (tenant) => readSigners(this.#signersOf(tenant)),
    })
    const tokens = new TokenFile(admin.tokens, { clock })
    // Said now, and not to the first who asks.
    await tokens.list()
    const server = new AdminServer({
      endpoints: makeEndpoints({
        clock,
        limits,
        store,
        tokens,
        master: this.master,
        slots: new TenantPlaces({
          ...{ doing: 'publish', things: 'publications' },
          ...{ inAll: limits.uploads, ofTenant: limits.tenantPublications },
        }),
        turns: new Turns(limits.publications),
        readers: new TenantPlaces({
          ...{ doing: 'show logs', things: 'readers' },
          ...{ inAll: limits.logReaders, ofTenant: limits.tenantLogReaders },
        }),
        settings: () => this.#settings,
      }),
      tokens,
      audit: new AuditLog(admin.auditLog, { clock, logger, sinks }),
      clock,
      logger,
      limits,
      perMinute: admin.rateLimit,
      isAllowed: allowedClients(admin.allowedClients),
      storeFolder: store.layout.root,
    })
    for (const { fd, transport, isOwnersOnly } of sockets) {
      await server.listen({
        fd,
        transport,
        isOperatorsOwn: transport === 'unix' && isOwnersOnly && !admin.requireToken,
      })
    }
    this.#server = server
  }

  /** Another configuration with the same `[admin]` table and the same store. */
  update(settings: AdminSettings<Config>): void {
    this.#settings = settings
  }

  /** As the configuration has them now. */
  #signersOf(tenant: string): readonly string[] {
    const { tenants } = this.#settings.settings
    return tenants.find(({ name }) => name === tenant)?.signers ?? []
  }

  /** Resolves when what is under way is done, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    await this.#server?.close(graceMs)
  }
}

function adminOf({ admin }: Config): AdminConfig {
  if (admin === undefined) throw new Error('an admin process without [admin]')
  return admin
}

/** Empty: everybody who can connect. */
function allowedClients(entries: readonly string[]): (address: string | undefined) => boolean {
  if (entries.length === 0) return () => true
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return (address) => {
    if (address === undefined) return false
    // How IPv4 peers look on a socket for both.
    const plain = /^::ffff:([0-9.]+)$/i.exec(address)?.[1] ?? address
    return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
  }
}
