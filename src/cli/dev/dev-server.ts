/**
 * A server for one handler under development: the real master and a real worker, with one tenant for every host, the HTTP
 * front, and a store of its own that goes away with it. Nobody can connect before there is something to answer with.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { createLogger } from '../../base/logger.ts'
import type { Config, TenantConfig } from '../../config/config.ts'
import { parseConfig } from '../../config/parse.ts'
import { publishAllowance } from '../../config/publish-allowance.ts'
import { parseDuration, parseSize } from '../../config/units.ts'
import type { LogEntry } from '../../logs/log-entry.ts'
import { Master } from '../../master/master.ts'
import { createNotifier } from '../../master/sd-notify.ts'
import { bindTcp, type HeldSocket } from '../../master/sockets.ts'
import { DEFAULT_WORKER_LIMITS } from '../../master/worker-process.ts'
import { DirectoryStore } from '../../store/directory-store.ts'
import { type Publication, type PublishProgress, publish } from '../../store/publication.ts'
import { type HttpAddress, parseHttpAddress } from '../http-address.ts'
import { DevLog } from './dev-log.ts'

const TENANT = 'dev'

/** One name whatever the manifest says: a handler that is renamed is still the one that is worked on. */
const HANDLER = 'dev'

/** Releases that are kept: those that may still run. */
const KEEP = 3

export interface DevServerOptions {
  readonly http: HttpAddress
  /** The tenant whose settings hold; undefined: every setting has its default. */
  readonly settings: TenantConfig | undefined
  /** Receives what workers log. */
  readonly show: (entry: LogEntry) => void
}

interface DevServerParts extends Pick<DevServerOptions, 'show'> {
  readonly place: HeldSocket
  readonly folder: string
  readonly store: DirectoryStore
  readonly config: Config
}

export class DevServer {
  /** Where it serves, as bound. */
  readonly address: string
  readonly #folder: string
  readonly #store: DirectoryStore
  readonly #config: Config
  readonly #show: DevServerOptions['show']
  /** Keeps the address until the master has it; nobody listens there. */
  #place: HeldSocket | undefined
  #master: Master | undefined

  /** Takes its address, and lets nobody connect yet. Throws `MasterError` (MASTER_LISTEN_FAILED). */
  static async make({ http, settings, show }: DevServerOptions): Promise<DevServer> {
    const place = await bindTcp(http.host, http.port)
    const folder = mkdtempSync(join(tmpdir(), 'wasm-fpm-dev-'))
    try {
      const store = await DirectoryStore.make(join(folder, 'store'), { clock: systemClock })
      return new DevServer({ place, folder, store, config: configIn(folder, settings), show })
    } catch (error) {
      place.leave()
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }

  private constructor({ place, folder, store, config, show }: DevServerParts) {
    this.address = place.address
    this.#place = place
    this.#folder = folder
    this.#store = store
    this.#config = config
    this.#show = show
  }

  /** Resolves when it answers; what is published later is served as well. Called again, it does nothing. Throws what `Master.start` does. */
  async serve(): Promise<void> {
    if (this.#master !== undefined) return
    this.#place?.leave()
    this.#place = undefined
    const http = parseHttpAddress(this.address)
    const master = makeMaster(this.#config, this.#folder, { http, show: this.#show })
    await master.start()
    this.#master = master
  }

  /** Verifies a module or a folder and makes it live. Rejects with the coded error of what failed: nothing changes then. */
  async publish(source: string, onStep: (progress: PublishProgress) => void): Promise<Publication> {
    const [tenant] = this.#config.tenants
    const publication = await publish(source, {
      store: this.#store,
      tenant: TENANT,
      handler: HANDLER,
      units: { size: parseSize, duration: parseDuration },
      allowance:
        tenant === undefined
          ? undefined
          : (handler) => publishAllowance(tenant, handler, { runtimes: [] }),
      clock: systemClock,
      onStep,
    })
    await this.#store.collect({ keep: KEEP })
    return publication
  }

  /** Ends the worker and removes everything. */
  async close(): Promise<void> {
    this.#place?.leave()
    if (this.#master !== undefined) {
      this.#master.stop(0)
      await this.#master.stopped
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** One tenant for every host, with the settings of `of`. */
function configIn(folder: string, of: TenantConfig | undefined): Config {
  const config = parseConfig(
    `store = "store"
[log]
format = "json"
[[pool]]
name = "dev"
listen = ["./dev.sock"]
workers = 1
[[tenant]]
name = "${TENANT}"
hosts = ["*"]
`,
    join(folder, 'wasm-fpm.toml'),
  )
  if (of === undefined) return config
  // Where it is reached, what it logs, and whose signatures it needs, is the development server's own.
  const { env, mounts, limits, queue, lifetime, engine, trusted, allowedResponseHeaders } = of
  const { pm, maxChildren, startServers, minSpareServers, maxSpareServers, maxRequests } = of
  const { outbound } = of
  const settings = {
    ...{ env, mounts, limits, queue, lifetime, engine, trusted, allowedResponseHeaders },
    ...{ pm, maxChildren, startServers, minSpareServers, maxSpareServers, maxRequests, outbound },
  }
  return { ...config, tenants: config.tenants.map((tenant) => ({ ...tenant, ...settings })) }
}

function makeMaster(
  config: Config,
  folder: string,
  { http, show }: Pick<DevServerOptions, 'http' | 'show'>,
): Master {
  const configFile = join(folder, 'wasm-fpm.toml')
  const errorLog = new DevLog(show)
  // What the master itself has to say is of interest when it is an error.
  const logger = createLogger('error')
  const clock = systemClock
  const notifier = createNotifier({}, { clock, logger })
  const limits = DEFAULT_WORKER_LIMITS
  const logs = { logger, errorLog, droppedLines: () => 0 }
  return new Master(config, { configFile, clock, limits, ...logs, notifier, http })
}
