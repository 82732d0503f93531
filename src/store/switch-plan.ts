/**
 * What a switch makes of a tenant's pointers: decides, and writes nothing. Used by whoever holds the store's lock, who
 * then writes what came out.
 */
import type { Digest } from './digest.ts'
import { StoreError } from './errors.ts'
import { checkName } from './layout.ts'
import type { StoreLimits } from './limits.ts'
import type { Manifest } from './manifest.ts'
import { refuseConflict, sameRoutes } from './release-routes.ts'
import type { CanaryOptions, Switched } from './release-store.ts'
import type { StoreReading } from './store-reading.ts'
import {
  type CanaryPointer,
  isWeight,
  type LivePointer,
  MAX_PAST,
  newestFirst,
  type PublishedEntry,
  type TenantState,
} from './tenant-state.ts'

export interface SwitchContext {
  readonly reading: StoreReading
  readonly limits: StoreLimits
  /** ISO 8601, UTC. */
  readonly now: string
  /** Rejects for a release that must not answer. */
  readonly approve: (release: Digest) => Promise<void>
}

/** Undefined: nothing is to be written. */
export interface Planned<Result> {
  readonly next: TenantState | undefined
  readonly result: Result
}

interface Named {
  readonly name: string
  readonly pointer: LivePointer
}

export class SwitchPlan {
  readonly #tenant: string
  readonly #reading: StoreReading
  readonly #limits: StoreLimits
  readonly #now: string
  readonly #approve: (release: Digest) => Promise<void>

  constructor(tenant: string, { reading, limits, now, approve }: SwitchContext) {
    this.#tenant = tenant
    this.#reading = reading
    this.#limits = limits
    this.#now = now
    this.#approve = approve
  }

  async switchTo(release: Digest): Promise<Planned<Switched>> {
    const { handler } = await this.entry(release)
    const state = await this.#state()
    const before = state.handlers[handler]
    const past =
      before === undefined || before.release === release
        ? (before?.past ?? [])
        : [...(before.past ?? []), before.release].filter((one) => one !== release)
    const pointer = { release, switchedAt: this.#now, past: past.slice(-MAX_PAST) }
    return this.#planned(state, handler, pointer)
  }

  async setCanary(release: Digest, { weight, sticky }: CanaryOptions): Promise<Planned<Switched>> {
    const { handler } = await this.entry(release)
    if (!isWeight(weight)) {
      throw this.#badCanary(handler, `its weight is ${weight}`, 'a whole number from 1 to 99')
    }
    const { manifest } = await this.#reading.release(release)
    const { state, pointer } = await this.checkCanary({ ...manifest, name: handler })
    if (pointer.release === release) {
      throw this.#badCanary(handler, `${release.slice(0, 12)} is live`, 'another release')
    }
    const since = pointer.canary?.release === release ? pointer.canary.since : this.#now
    const canary: CanaryPointer = { release, weight, sticky, since }
    return this.#planned(state, handler, { ...pointer, canary })
  }

  /** Rejects with STORE_BAD_CANARY when a release with this manifest cannot be one. */
  async checkCanary(
    manifest: Manifest,
  ): Promise<{ readonly state: TenantState; readonly pointer: LivePointer }> {
    const { name } = manifest
    const state = await this.#state()
    const pointer = state.handlers[name]
    if (pointer === undefined) {
      throw this.#badCanary(name, 'nothing is live', 'a live release for it to stand beside')
    }
    const live = await this.#reading.release(pointer.release)
    if (sameRoutes(live.manifest, manifest)) return { state, pointer }
    throw this.#badCanary(name, 'its routes are others', 'those of the live release')
  }

  async promote(wanted: string | undefined): Promise<Planned<Switched>> {
    const { canary } = this.#withCanary(await this.#state(), wanted)
    return this.switchTo(canary.release)
  }

  async weighCanary(weight: number, wanted: string | undefined): Promise<Planned<Switched>> {
    const { canary } = this.#withCanary(await this.#state(), wanted)
    return this.setCanary(canary.release, { weight, sticky: canary.sticky })
  }

  async dropCanary(wanted: string | undefined): Promise<Planned<Switched>> {
    const state = await this.#state()
    const { name, pointer } = this.#withCanary(state, wanted)
    return this.#planned(state, name, { ...pointer, canary: undefined })
  }

  async rollBack(wanted: string | undefined): Promise<Planned<Switched>> {
    const state = await this.#state()
    const { name, pointer } = this.#liveHandler(state, wanted)
    if (pointer.canary !== undefined) {
      return this.#planned(state, name, { ...pointer, canary: undefined })
    }
    return this.#goBack(state, { name, pointer })
  }

  async rollBackFrom(handler: string, release: Digest): Promise<Planned<Switched | undefined>> {
    const state = await this.#state()
    const pointer = state.handlers[checkName('handler', handler)]
    if (pointer?.release === release) return this.#goBack(state, { name: handler, pointer })
    if (pointer?.canary?.release !== release) return { next: undefined, result: undefined }
    return this.#planned(state, handler, { ...pointer, canary: undefined })
  }

  async withdraw(wanted: string): Promise<Planned<LivePointer>> {
    const state = await this.#state()
    const { name, pointer } = this.#liveHandler(state, wanted)
    const handlers = Object.fromEntries(
      Object.entries(state.handlers).filter(([other]) => other !== name),
    )
    return { next: { ...state, sequence: state.sequence + 1, handlers }, result: pointer }
  }

  #state(): Promise<TenantState> {
    return this.#reading.state(this.#tenant)
  }

  /** The release on the tenant's list. Rejects with STORE_UNKNOWN_RELEASE. */
  async entry(release: Digest): Promise<PublishedEntry> {
    const entries = await this.#reading.entries(this.#tenant)
    const entry = entries.find((one) => one.release === release)
    if (entry !== undefined) return entry
    throw new StoreError(
      'STORE_UNKNOWN_RELEASE',
      `Cannot use release ${release} of ${this.#tenant}: it has published no such release, wanted one of \`wasm-fpm releases\``,
    )
  }

  async #goBack(state: TenantState, { name, pointer }: Named): Promise<Planned<Switched>> {
    const entries = await this.#reading.entries(this.#tenant)
    const own = entries.filter(({ handler }) => handler === name)
    const past = pointer.past ?? publishedBefore(own, pointer.release)
    const listed = new Set(own.map(({ release }) => release))
    // What was collected in the meantime is passed over.
    const kept = past.filter((release) => release !== pointer.release && listed.has(release))
    const older = kept.at(-1)
    if (older === undefined) {
      throw new StoreError(
        'STORE_NO_OLDER_RELEASE',
        `Cannot roll back ${this.#tenant}/${name}: nothing was live before what is live now, wanted a release that was`,
      )
    }
    const next = { release: older, switchedAt: this.#now, past: kept.slice(0, -1) }
    return this.#planned(state, name, next)
  }

  async #planned(
    state: TenantState,
    handler: string,
    pointer: LivePointer,
  ): Promise<Planned<Switched>> {
    const next: TenantState = {
      ...state,
      sequence: state.sequence + 1,
      handlers: { ...state.handlers, [handler]: pointer },
    }
    const before = state.handlers[handler]
    if (before?.release !== pointer.release) {
      await refuseConflict(this.#tenant, next, { reading: this.#reading, limits: this.#limits })
      await this.#approve(pointer.release)
    }
    const gone = before?.canary?.release
    if (pointer.canary !== undefined && pointer.canary.release !== gone) {
      await this.#approve(pointer.canary.release)
    }
    return {
      next,
      result: {
        tenant: this.#tenant,
        handler,
        release: pointer.release,
        previous: before?.release,
        sequence: next.sequence,
        canary: pointer.canary,
        droppedCanary:
          gone === pointer.canary?.release || gone === pointer.release ? undefined : gone,
      },
    }
  }

  #withCanary(state: TenantState, wanted: string | undefined): Named & { canary: CanaryPointer } {
    const all = Object.entries(state.handlers).filter(([, { canary }]) => canary !== undefined)
    // Of several handlers, the only one with a canary need not be named.
    const only = wanted === undefined && all.length === 1 ? all[0]?.[0] : wanted
    const { name, pointer } = this.#liveHandler(state, only)
    const { canary } = pointer
    if (canary !== undefined) return { name, pointer, canary }
    throw new StoreError(
      'STORE_NO_CANARY',
      `Cannot find the canary of ${this.#tenant}/${name}: it has none, wanted one (\`wasm-fpm publish --weight N\` makes one)`,
    )
  }

  #liveHandler({ handlers }: TenantState, wanted: string | undefined): Named {
    const names = Object.keys(handlers)
    const name = wanted === undefined ? names[0] : checkName('handler', wanted)
    const pointer = name === undefined ? undefined : handlers[name]
    const isChosen = wanted !== undefined || names.length === 1
    if (name !== undefined && pointer !== undefined && isChosen) return { name, pointer }
    throw new StoreError(
      'STORE_UNKNOWN_HANDLER',
      `Cannot find the live handler ${wanted === undefined ? '' : `"${wanted}" `}of ${this.#tenant}: it has ${names.join(', ') || 'none'}, wanted ${wanted === undefined && names.length > 1 ? 'one of them to be named' : 'one of these'}`,
    )
  }

  #badCanary(handler: string, actual: string, wanted: string): StoreError {
    return new StoreError(
      'STORE_BAD_CANARY',
      `Cannot make a canary of ${this.#tenant}/${handler}: ${actual}, wanted ${wanted}`,
    )
  }
}

/** For pointers that do not say what was live before: the order of publication. */
function publishedBefore(entries: readonly PublishedEntry[], live: Digest): readonly Digest[] {
  const sorted = entries.toSorted(newestFirst).map(({ release }) => release)
  const at = sorted.indexOf(live)
  return at < 0 ? [] : sorted.slice(at + 1).reverse()
}
