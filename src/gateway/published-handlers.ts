/**
 * The published handlers of one tenant. Nothing is looked up before its first request; from then on every switch in the
 * store is followed: the new release's module is compiled first, then requests go to it, and those that run end on the
 * old one. A release that cannot be run changes nothing. Of a tenant that has no instances the new one is compiled at its next request.
 */
import type { Timer } from '../base/clock.ts'
import { toWire } from '../base/errors.ts'
import type { CgiRequest } from '../cgi/environment.ts'
import { DEFAULT_RESPONSE_LIMITS } from '../cgi/response-stream.ts'
import type { ModuleHolder } from '../guest/compile-cache.ts'
import type { GuestModule } from '../guest/guest-module.ts'
import { chooseRelease } from '../store/choose-release.ts'
import type { HardenedModule } from '../store/release.ts'
import {
  type Hold,
  type LiveHandler,
  type LiveStatic,
  type LiveTenant,
  releasesOf,
  staticOf,
} from '../store/release-reader.ts'
import { findRoute, routePath } from '../store/route-table.ts'
import type { Watch } from '../store/tenant-watches.ts'
import { watchFor } from '../store/trap-watch.ts'
import { wrongMethodError } from './errors.ts'
import { KeptLoad, pauseAfter, whenToRetry } from './kept-load.ts'
import { closeScripts, type Handler, type Prepared, prepared } from './published-handler.ts'
import type { PublishedHandlersOptions } from './published-parts.ts'
import type { ReleaseScripts, ScriptPath } from './release-scripts.ts'
import { StaticFiles } from './static/static-files.ts'
import type { Target } from './target.ts'

/** After a switch the old release counts as used for this long beyond the time a request may take, in milliseconds. */
const LAST_USE_MS = 60_000

/** A tenant whose releases cannot be read is not asked for again for this long, in milliseconds. */
const RETRY_MS = 1000

/** A lease for which there is no space is tried for again after this long, in milliseconds. */
const RETRY_LEASE_MS = 10_000

/** A file is as long as it is: it was let in when it was published. */
const FILE_RESPONSE = {
  response: { ...DEFAULT_RESPONSE_LIMITS, bodyBytes: Number.POSITIVE_INFINITY },
}

export class PublishedHandlers {
  readonly #options: PublishedHandlersOptions
  #live: LiveTenant | undefined
  /** By release, those that are live. */
  #handlers = new Map<string, Handler>()
  /** What was switched away from of late, a list for each switch: requests may still run on it. */
  readonly #leaving = new Set<readonly string[]>()
  /** Of the first request. */
  #lookedUp: Promise<LiveTenant> | undefined
  #leased: Promise<void> | undefined
  #watch: Watch | undefined
  #following: Promise<void> = Promise.resolve()
  /** Whether a lease that could not be had will be tried for again. */
  #isTakenLater = false
  /** Of switches in a row to the same releases. */
  #switchFailures = 0
  /** The next try. */
  #switching: Timer | undefined
  #isClosed = false

  constructor(options: PublishedHandlersOptions) {
    this.#options = options
  }

  /**
   * What answers a request; undefined: nothing that was published. A promise for the first request only, and the first of a release of
   * scripts. Throws or rejects with GATEWAY_WRONG_METHOD, GATEWAY_UNKNOWN_HANDLER, `StoreError`, `GuestError`, `CgiError`.
   */
  find(cgi: CgiRequest): Target | undefined | Promise<Target | undefined> {
    if (this.#live !== undefined) return this.#match(cgi, this.#live)
    return this.#findFirst(cgi)
  }

  /**
   * Of what is live those modules that are wanted, loaded before anybody has asked for them. Where none is, the tenant's first request
   * looks it up as if this had not been called. Rejects as `find`.
   */
  async prepare(isWanted: (module: HardenedModule) => boolean): Promise<readonly Prepared[]> {
    this.#lookedUp ??= this.#options.reader.current(this.#options.tenant)
    try {
      const found = await this.#lookedUp
      const wanted = found.handlers.filter(
        ({ release: { hardened } }) => hardened !== undefined && isWanted(hardened),
      )
      if (wanted.length === 0) {
        if (this.#leased === undefined) this.#lookedUp = undefined
        return []
      }
      this.#leased ??= this.#takeUp(found)
      await this.#leased
      return await Promise.all(wanted.map((one) => prepared(this.#handlerOf(one))))
    } catch (error) {
      this.#tryAgainLater()
      throw error
    }
  }

  /** No request comes any more; those that run go on, and keep what they run on. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#watch?.close()
    this.#switching?.cancel()
    for (const handler of this.#handlers.values()) closeScripts(handler)
    const { clock, wallMs, reader } = this.#options
    if (this.#lookedUp === undefined) return
    clock.after(wallMs + LAST_USE_MS, () => void reader.drop(this).catch(() => undefined))
  }

  #match(
    cgi: CgiRequest,
    { routes }: LiveTenant,
  ): Target | undefined | Promise<Target | undefined> {
    if (routes.byPath.size === 0) return undefined
    const { variables, method } = cgi
    const path = routePath(
      variables.get('SCRIPT_NAME') ?? '',
      variables.get('PATH_INFO') ?? '',
      cgi.path,
    )
    if (path === undefined) return undefined
    const match = findRoute(routes, method, path)
    if (match.kind === 'none') return undefined
    if (match.kind === 'wrong-method') throw wrongMethodError(cgi, match.allow)
    const chosen = chooseRelease(match.handler, Math.random, variables.get('REMOTE_ADDR'))
    const handler = this.#handlerOf(chosen)
    const { scriptName, pathInfo } = match
    const place = staticOf(chosen, scriptName)
    if (chosen.release.manifest.runtime !== undefined) {
      const scripts = handler.scripts.get()
      const asked = { cgi, match, place }
      return scripts instanceof Promise
        ? scripts.then((loaded) => this.#script(handler, loaded, asked))
        : this.#script(handler, scripts, asked)
    }
    if (place !== undefined) return this.#files(handler, place, match)
    return {
      kind: 'guest',
      handler: match.handler.name,
      module: handler.module.get(),
      settings: handler.settings,
      onRun: handler.onRun,
      paths: {
        documentRoot: '/',
        scriptFilename: scriptName === '' ? '/' : scriptName,
        scriptName,
        pathInfo,
        pathTranslated: pathInfo,
      },
    }
  }

  #script(handler: Handler, scripts: ReleaseScripts, { cgi, match, place }: Asked): Target {
    const { live, settings, onRun } = handler
    const answer = scripts.answer(cgi, match, place)
    if (answer.kind === 'file') return this.#files(handler, answer.place, match)
    const { runtime } = scripts
    return {
      ...{ kind: 'guest', handler: live.name, settings, paths: answer.paths },
      module: runtime.module(),
      onRun,
      onFile: runtime.opened,
    }
  }

  /** Resolves when the next request need not wait for it. */
  async #ready(handler: Handler): Promise<void> {
    if (handler.live.release.manifest.runtime === undefined) await handler.module.get()
    else await (await handler.scripts.get()).runtime.ready()
  }

  #handlerOf(live: LiveHandler): Handler {
    let handler = this.#handlers.get(live.digest)
    if (handler === undefined) {
      const { tenant, clock, settingsOf, verify, load, scriptsOf } = this.#options
      const settings = settingsOf(live)
      const holder: ModuleHolder = {
        tenant,
        // The worker keeps no more modules: the next request reads it anew.
        dropped: () => made.module.forget(),
      }
      const loadModule = (): Promise<GuestModule> => verify(live).then(() => load(live, holder))
      const made: Handler = {
        live,
        settings,
        module: new KeptLoad({ clock, load: loadModule, retry: whenToRetry }),
        scripts: new KeptLoad({ clock, load: () => scriptsOf(live, settings) }),
        onRun: this.#onRunOf(live, () => made.scripts.kept),
        files: new Map(),
      }
      handler = made
      this.#handlers.set(live.digest, handler)
    }
    return handler
  }

  #files(handler: Handler, place: LiveStatic, { pathInfo }: Pick<ScriptPath, 'pathInfo'>): Target {
    const { live } = handler
    const files = this.#filesOf(handler, place)
    return { kind: 'files', handler: live.name, files, pathInfo, settings: FILE_RESPONSE }
  }

  #filesOf({ live, files, scripts }: Handler, place: LiveStatic): StaticFiles {
    let found = files.get(place.path)
    if (found === undefined) {
      const { reader, fileReader, verify } = this.#options
      found = new StaticFiles({
        ...place,
        imageRoot: live.imageRoot ?? '',
        listing: async () => {
          if (scripts.kept !== undefined) return (await scripts.kept).others
          await verify(live)
          return reader.listing(live)
        },
        reader: fileReader,
      })
      files.set(place.path, found)
    }
    return found
  }

  /** Counts the runs of a release that wants to go back when it fails; scripts are told of the end. */
  #onRunOf(live: LiveHandler, scripts: () => Handler['scripts']['kept']): Handler['onRun'] {
    const { clock, onFailing } = this.#options
    const nowMs = (): number => Number(clock.realtimeNs() / 1_000_000n)
    const counts = watchFor(live, nowMs())
    const hasScripts = live.release.manifest.runtime !== undefined
    if (counts === undefined && !hasScripts) return undefined
    return (hasFailed) => {
      if (counts?.count(hasFailed, nowMs())) onFailing(live, counts)
      const loaded = scripts()
      if (loaded !== undefined && !(loaded instanceof Promise)) loaded.runtime.ended()
    }
  }

  /** The first request does not wait for the lease before its module is read: only before it runs. */
  async #findFirst(cgi: CgiRequest): Promise<Target | undefined> {
    const { reader, tenant } = this.#options
    this.#lookedUp ??= reader.current(tenant)
    try {
      const found = await this.#lookedUp
      const target = await this.#match(cgi, this.#live ?? found)
      this.#leased ??= this.#takeUp(found)
      if (target?.kind !== 'guest') {
        await this.#leased
        return target
      }
      const both = Promise.all([target.module, this.#leased])
      return { ...target, module: both.then(([module]) => module) }
    } catch (error) {
      this.#tryAgainLater()
      throw error
    }
  }

  #tryAgainLater(): void {
    if (this.#live !== undefined) return
    this.#options.clock.after(RETRY_MS, () => {
      if (this.#live !== undefined) return
      this.#lookedUp = undefined
      this.#leased = undefined
    })
  }

  async #takeUp(found: LiveTenant): Promise<void> {
    try {
      this.#live = await this.#take(releasesOf(found), { known: found })
      this.#follow(this.#live.sequence)
    } catch (error) {
      this.#tryAgainLater()
      throw error
    }
  }

  /**
   * What is live, with the lease on it and on what is used besides. Where no lease can be written, without: it may then be
   * collected too early; on a full disk it is tried for again. `known`: what was live just now.
   */
  async #take(
    inUse: readonly string[] = this.#inUse(),
    more: Pick<Hold, 'known' | 'canWait'> = { canWait: true },
  ): Promise<LiveTenant> {
    const { reader, tenant, logger } = this.#options
    try {
      return await reader.take(tenant, { holder: this, inUse: new Set(inUse), ...more })
    } catch (error) {
      const code = toWire(error).code
      if (code !== 'STORE_NOT_WRITABLE' && code !== 'STORE_FULL') throw error
      if (code === 'STORE_FULL') this.#takeLater()
      logger.warn({ tenant }, `no lease on the releases in use: ${String(error)}`)
      return reader.current(tenant)
    }
  }

  #takeLater(): void {
    if (this.#isTakenLater) return
    this.#isTakenLater = true
    this.#options.clock.after(RETRY_LEASE_MS, () => {
      this.#isTakenLater = false
      if (!this.#isClosed) void this.#take().catch(() => undefined)
    })
  }

  #inUse(): readonly string[] {
    return [...this.#handlers.keys(), ...[...this.#leaving].flat()]
  }

  #follow(since: number): void {
    if (this.#isClosed) return
    const { reader, tenant, logger } = this.#options
    this.#watch = reader.watch(tenant, since, {
      onChange: (known) => {
        this.#switchFailures = 0
        this.#switchInTurn(known)
      },
      onError: (error) => logger.error({ tenant, code: toWire(error).code }, String(error)),
    })
  }

  #switchInTurn(known?: LiveTenant): void {
    this.#following = this.#following.then(() => this.#switch(known))
  }

  /** Goes over to what is live now, once it can run; what cannot is tried again later, for it may be for want of something else. */
  async #switch(known: LiveTenant | undefined): Promise<void> {
    const { clock, tenant, logger } = this.#options
    const startMs = clock.nowMs()
    try {
      this.#switching?.cancel()
      const live = await this.#take(this.#inUse(), { known, canWait: true })
      if (live.sequence === this.#live?.sequence || this.#isClosed) return
      await Promise.all(this.#usedIn(live).map((one) => this.#ready(this.#handlerOf(one))))
      this.#live = live
      const names = live.handlers.map(({ name, digest }) => `${name} ${digest.slice(0, 12)}`)
      logger.info({ tenant, sequence: live.sequence, live: names }, 'releases switched')
    } catch (error) {
      logger.error(
        { tenant, code: toWire(error).code },
        `releases are not switched, the ones before go on: ${String(error)}`,
      )
      this.#switchFailures += 1
      this.#switchLater(pauseAfter(this.#switchFailures, clock.nowMs() - startMs))
    }
    this.#forgetOthers()
  }

  #switchLater(pauseMs: number): void {
    if (this.#isClosed) return
    this.#switching?.cancel()
    this.#switching = this.#options.clock.after(pauseMs, () => this.#switchInTurn())
  }

  /**
   * Those of `live` whose names have had requests: the next one must not wait for a module. Of a tenant that has no instances only what is
   * to be warm: with the others, nobody knows when there will be a next one.
   */
  #usedIn({ handlers }: LiveTenant): readonly LiveHandler[] {
    const isActive = this.#options.isActive()
    const used = new Set([...this.#handlers.values()].map(({ live }) => live.name))
    return handlers
      .filter(({ name }) => used.has(name))
      .flatMap((one) => (one.canary === undefined ? [one] : [one, one.canary.handler]))
      .filter(({ release }) => isActive || (release.manifest.warm ?? []).length > 0)
  }

  #forgetOthers(): void {
    if (this.#live === undefined) return
    const live = new Set(releasesOf(this.#live))
    const others = [...this.#handlers.keys()].filter((digest) => !live.has(digest))
    if (others.length === 0) return
    for (const digest of others) {
      closeScripts(this.#handlers.get(digest))
      this.#handlers.delete(digest)
    }
    this.#leaving.add(others)
    const { clock, wallMs } = this.#options
    clock.after(wallMs + LAST_USE_MS, () => {
      this.#leaving.delete(others)
      // What is closed gives up everything at once, later.
      if (this.#isClosed) return
      void this.#take().catch(() => undefined)
    })
  }
}

/** What is asked of a release of scripts. */
interface Asked {
  readonly cgi: CgiRequest
  readonly match: ScriptPath
  readonly place: LiveStatic | undefined
}
