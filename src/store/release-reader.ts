/**
 * What a worker knows of a store: which releases answer for a tenant, where their bytes are, and when that changes
 * (`live-watch.ts`). Reads only, but for its lease.
 */
import type { Clock, Timer } from '../base/clock.ts'
import type { Digest } from './digest.ts'
import type { Layout } from './layout.ts'
import { Lease } from './leases.ts'
import type { LiveWatchOptions } from './live-watch.ts'
import { findStore } from './open-store.ts'
import type { PublicKey } from './public-key.ts'
import type { ImageFile, Release, StoredBytes } from './release.ts'
import { routeBytes, routesOf } from './release-routes.ts'
import { makeRouteTable, type RouteTable } from './route-table.ts'
import { nodeFiles, type StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'
import type { LivePointer, TenantState } from './tenant-state.ts'
import { TenantWatches, type Watch, type WatchCalls } from './tenant-watches.ts'
import { verifyRelease } from './verify-release.ts'

/** A handler as requests meet it. */
export interface LiveHandler {
  readonly tenant: string
  /** The handler's name. */
  readonly name: string
  readonly digest: Digest
  readonly release: Release
  /** Absolute paths; empty: it has scripts and no module. The hardened module is trusted after `readHardened` (read-module.ts), and not for any mark in it. */
  readonly hardenedPath: string
  readonly originalPath: string
  /** The folder the guest sees at `/`; undefined: none. */
  readonly imageRoot: string | undefined
  /** Files that are served directly. Their paths are among the routes: see `staticOf`. */
  readonly statics: readonly LiveStatic[]
  /** When it went live, or became a canary, in milliseconds since 1970. */
  readonly sinceMs: number
  /** A release that takes a share of the requests; a canary has none itself. `chooseRelease` decides. */
  readonly canary: LiveCanary | undefined
}

export interface LiveStatic {
  /** A route, as the route table has it: one char a byte. */
  readonly path: string
  /** Folder of the image, without slashes at its ends; undefined: all of it. */
  readonly folder: string | undefined
  /** File that stands for its folder. */
  readonly index: string
  /** The field's value; undefined: `no-cache`. */
  readonly cacheControl: string | undefined
}

export interface LiveCanary {
  readonly handler: LiveHandler
  /** Percent of the requests, 1 to 99. */
  readonly weight: number
  /** Whether a client stays with the release that answered it first. */
  readonly sticky: boolean
}

export interface LiveTenant {
  /** Grows with every switch. */
  readonly sequence: number
  /** Sorted by name. */
  readonly handlers: readonly LiveHandler[]
  readonly routes: RouteTable<LiveHandler>
}

/** Who uses releases of a tenant. */
export interface Hold {
  /** Any object. What it holds is what it said last. */
  readonly holder: object
  /** Releases that requests still run on besides what is live. */
  readonly inUse?: ReadonlySet<Digest>
  /** What `current` has answered just now; default: it is asked. */
  readonly known?: LiveTenant | undefined
  /** Whether others may have their files read first. Default: it is for somebody who waits. */
  readonly canWait?: boolean
}

export interface ReaderOptions extends LiveWatchOptions {
  readonly files?: StoreFiles
}

/** A lease is written anew so often, in milliseconds, for those who can only go by its age. */
const RENEW_MS = 3_600_000

/** Records that are kept: many tenants may have the same one. */
const KEPT_RELEASES = 256

/**
 * The files that answer a request which matched a handler with this `scriptName` (`findRoute`); undefined: the guest does.
 * A canary has the same routes, so the match holds for both.
 */
export function staticOf({ statics }: LiveHandler, scriptName: string): LiveStatic | undefined {
  const path = scriptName === '' ? '/' : scriptName
  return statics.find((one) => one.path === path)
}

/** The digests of everything that answers a tenant's requests, canaries too. */
export function releasesOf({ handlers }: LiveTenant): readonly Digest[] {
  return handlers.flatMap(({ digest, canary }) =>
    canary === undefined ? [digest] : [digest, canary.handler.digest],
  )
}

export class ReleaseReader {
  readonly #layout: Layout
  readonly #clock: Clock
  readonly #files: StoreFiles
  readonly #reading: StoreReading
  readonly #watches: TenantWatches<LiveTenant>
  /** The one that was asked for last comes last. */
  readonly #releases = new Map<Digest, Release>()
  readonly #lease: Lease
  /** What is used, by holder. */
  readonly #held = new Map<object, ReadonlySet<Digest>>()
  /** The last write of the lease. */
  #leaseWork: Promise<void> = Promise.resolve()
  /** The one after it, which has not begun: it will say all that is held by then. */
  #nextLease: Promise<void> | undefined
  #renewal: Timer | undefined

  /** One that is not there yet is empty, until somebody publishes into it. Rejects with STORE_NOT_A_STORE. */
  static async open(folder: string, options: ReaderOptions): Promise<ReleaseReader> {
    return new ReleaseReader(await findStore(folder, options.files), options)
  }

  private constructor(layout: Layout, options: ReaderOptions) {
    const { clock, files = nodeFiles } = options
    this.#layout = layout
    this.#clock = clock
    this.#files = files
    this.#reading = new StoreReading(layout, files)
    this.#watches = new TenantWatches({
      ...{ ...options, layout, files, reading: this.#reading },
      liveOf: (tenant, state) => this.#liveOf(tenant, state),
    })
    this.#lease = new Lease(layout, files)
  }

  /** What is live for a tenant; no handlers, for one that was never heard of. Rejects with STORE_DAMAGED. */
  async current(tenant: string): Promise<LiveTenant> {
    return this.#liveOf(tenant, await this.#reading.state(tenant))
  }

  async #liveOf(
    tenant: string,
    { sequence, handlers: pointers }: TenantState,
  ): Promise<LiveTenant> {
    const handlers: LiveHandler[] = []
    for (const name of Object.keys(pointers).sort()) {
      const pointer = pointers[name]
      if (pointer !== undefined) handlers.push(await this.#handler({ tenant, name }, pointer))
    }
    const routes = handlers.flatMap((handler) => routesOf(handler.release.manifest, handler))
    return { sequence, handlers, routes: makeRouteTable(routes) }
  }

  /**
   * As `current`, with the lease on what it answers: nothing of it is collected until a later `take` or `drop` of the same
   * holder gives it up. Rejects as well when the lease cannot be written.
   */
  async take(
    tenant: string,
    { holder, inUse = new Set(), known, canWait = false }: Hold,
  ): Promise<LiveTenant> {
    const state = (): Promise<TenantState> => this.#reading.state(tenant)
    for (let looked = known; ; looked = undefined) {
      const live = looked ?? (await this.current(tenant))
      this.#held.set(holder, new Set([...inUse, ...releasesOf(live)]))
      await this.#sayHeld()
      // Still live after the lease was there: whoever collects sees one of the two.
      const { sequence } = await (canWait ? this.#watches.inTurn(state) : state())
      if (sequence === live.sequence) return live
    }
  }

  async #handler(
    { tenant, name }: Pick<LiveHandler, 'tenant' | 'name'>,
    { release: digest, switchedAt, canary }: LivePointer,
  ): Promise<LiveHandler> {
    const release = await this.#release(digest)
    const { original, hardened, image } = release
    const pathOf = (blob: StoredBytes | undefined): string =>
      blob === undefined ? '' : this.#layout.blob(blob.digest)
    const imageRoot = image === undefined ? undefined : this.#layout.image(image.digest)
    return {
      tenant,
      name,
      digest,
      release,
      hardenedPath: pathOf(hardened),
      originalPath: pathOf(original),
      imageRoot,
      statics: imageRoot === undefined ? [] : staticsOf(release),
      sinceMs: Date.parse(switchedAt),
      canary:
        canary === undefined
          ? undefined
          : {
              handler: await this.#handler(
                { tenant, name },
                { release: canary.release, switchedAt: canary.since },
              ),
              weight: canary.weight,
              sticky: canary.sticky,
            },
    }
  }

  async #release(digest: Digest): Promise<Release> {
    const release = this.#releases.get(digest) ?? (await this.#reading.release(digest))
    this.#releases.delete(digest)
    this.#releases.set(digest, release)
    const [oldest] = this.#releases.keys()
    if (oldest !== undefined && this.#releases.size > KEPT_RELEASES) this.#releases.delete(oldest)
    return release
  }

  /**
   * Refuses a release (not its canary: that is another one) that none of `signers` has signed, or that has changed since.
   * To be called once when it is taken up, before anything of it runs: it reads every byte. Rejects with STORE_UNSIGNED,
   * STORE_BAD_SIGNATURE, STORE_DAMAGED.
   */
  verify({ tenant, digest }: LiveHandler, signers: readonly PublicKey[]): Promise<void> {
    return verifyRelease(
      { tenant, release: digest },
      { layout: this.#layout, files: this.#files, reading: this.#reading, signers },
    )
  }

  /** The files of a release's image; none, if it has no image. Rejects with STORE_DAMAGED, STORE_UNREADABLE, STORE_IO. */
  async listing({ release: { image } }: LiveHandler): Promise<readonly ImageFile[]> {
    return image === undefined ? [] : this.#reading.listing(image.digest)
  }

  /** Gives up all that it holds. */
  drop(holder: object): Promise<void> {
    this.#held.delete(holder)
    return this.#sayHeld()
  }

  /** See `TenantWatches`. */
  watch(tenant: string, since: number, calls: WatchCalls<LiveTenant>): Watch {
    return this.#watches.watch(tenant, since, calls)
  }

  /** Ends all watches and the lease. Idempotent. */
  async close(): Promise<void> {
    this.#watches.close()
    this.#renewal?.cancel()
    this.#renewal = undefined
    this.#held.clear()
    await this.#afterOthers(() => this.#lease.end())
  }

  /** Resolves when the lease says all that is held now. One write says what many have come to hold meanwhile. */
  #sayHeld(): Promise<void> {
    this.#nextLease ??= this.#afterOthers(() => {
      this.#nextLease = undefined
      return this.#writeLease()
    })
    return this.#nextLease
  }

  async #writeLease(): Promise<void> {
    const all = this.#inUse()
    const before = this.#lease.releases
    if (all.size === before.size && [...all].every((release) => before.has(release))) return
    await this.#lease.write(all)
    this.#renewal ??= this.#renewLater()
  }

  #renewLater(): Timer {
    return this.#clock.after(RENEW_MS, () => {
      this.#renewal = this.#renewLater()
      // Not now, then next time: it counts for a day.
      this.#afterOthers(() => this.#lease.write(this.#inUse())).catch(() => undefined)
    })
  }

  #inUse(): ReadonlySet<Digest> {
    return new Set([...this.#held.values()].flatMap((releases) => [...releases]))
  }

  #afterOthers(work: () => Promise<void>): Promise<void> {
    const done = this.#leaseWork.then(work)
    this.#leaseWork = done.catch(() => undefined)
    return done
  }
}

function staticsOf({ manifest }: Release): readonly LiveStatic[] {
  return (manifest.statics ?? []).map(({ path, folder, index, cacheControl }) => ({
    path: routeBytes(path),
    folder,
    index,
    cacheControl,
  }))
}
