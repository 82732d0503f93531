/**
 * Brings a store in step with another one: what a release is made of first, checked by its digests, its entry in the tenant's list then,
 * and the pointer last, by a rename. At every moment the store is whole; what is in the way of a release leaves the pointer
 * where it was. The other store decides what is live until somebody here says otherwise, and again when it changes.
 *
 * Many tenants may be brought at once: what each needs is fetched, and those that are ready at a time are written together.
 */
import type { Clock } from '../base/clock.ts'
import { Turns } from '../base/turns.ts'
import { type Digest, digestOf } from './digest.ts'
import { DirectoryStore } from './directory-store.ts'
import { StoreError } from './errors.ts'
import { damaged, needed, ReleaseFetcher } from './fetch-release.ts'
import { type Layout, parseSignatureName } from './layout.ts'
import { DEFAULT_STORE_LIMITS, MAX_OWN_FILE_BYTES, type StoreLimits } from './limits.ts'
import type { Workspace } from './release-store.ts'
import type { Replacement } from './replace-file.ts'
import type { ReplicaSource } from './replica-source.ts'
import { ReplicaWriter, type TenantChange } from './replica-writer.ts'
import { filesAtOnce, type StoreFiles } from './store-files.ts'
import { decodeEntry, decodeState, type TenantState } from './tenant-state.ts'

export interface ReplicaOptions {
  readonly clock: Clock
  readonly files?: StoreFiles
  readonly limits?: StoreLimits
}

/** So many tenants ask the source for something at the same time. */
const FETCHING_AT_ONCE = 16

const NOTE_CHARS = 40

/** So many are written in one turn of the lock, which others wait for. */
export const WRITTEN_AT_ONCE = 2500

interface Waiting {
  readonly change: TenantChange
  readonly resolve: (newBytes: number) => void
  readonly reject: (error: unknown) => void
}

export class Replica {
  readonly #store: DirectoryStore
  readonly #layout: Layout
  readonly #files: StoreFiles
  readonly #fetching = new Turns(FETCHING_AT_ONCE)
  readonly #fetcher: ReleaseFetcher
  readonly #writer: ReplicaWriter
  /** What waits to be written. */
  #waiting: Waiting[] = []
  #isWriting = false
  /** Of those that are brought now. */
  #workspace: Promise<Workspace> | undefined
  readonly #verified = new Set<Digest>()
  /** Releases that were seen here. */
  readonly #here = new Set<Digest>()
  #running = 0

  /** Opens the store in `folder`, or makes one. */
  static async make(folder: string, options: ReplicaOptions): Promise<Replica> {
    const { files = filesAtOnce } = options
    return new Replica(await DirectoryStore.make(folder, { ...options, files }), files, options)
  }

  private constructor(
    store: DirectoryStore,
    files: StoreFiles,
    { clock, limits = DEFAULT_STORE_LIMITS }: ReplicaOptions,
  ) {
    const { layout } = store
    this.#store = store
    this.#layout = layout
    this.#files = files
    const scratch = async (): Promise<string> => {
      this.#workspace ??= this.#store.makeWorkspace()
      return (await this.#workspace).folder
    }
    const parts = { layout, files, scratch, verified: this.#verified }
    this.#fetcher = new ReleaseFetcher({ ...parts, limits })
    this.#writer = new ReplicaWriter({ ...parts, clock, lockWaitMs: limits.lockWaitMs })
  }

  /** Whether the pointer `live` of the source has been followed already. */
  async isInStep(tenant: string, live: Uint8Array): Promise<boolean> {
    return (await this.#store.state(tenant)).followed === noteOf(live)
  }

  /**
   * Makes live here what is live there: `live` is the pointer's file. Resolves with the bytes that were new here. Rejects with `StoreError`
   * (STORE_DAMAGED: what the source has is not what its digest says, or missing), and what the source rejects with.
   */
  async follow(source: ReplicaSource, tenant: string, live: Uint8Array): Promise<number> {
    const taken: Digest[] = []
    this.#running += 1
    try {
      const change = await this.#fetching.take(() => this.#prepare(source, { tenant, live, taken }))
      return await new Promise((resolve, reject) => {
        this.#waiting.push({ change, resolve, reject })
        this.#writeSoon()
      })
    } finally {
      for (const digest of taken) await this.#fetcher.give(digest)
      this.#running -= 1
      if (this.#running === 0) await this.#tidy()
    }
  }

  /** Nobody needs what has been fetched any more; and others may change the store from here on. */
  async #tidy(): Promise<void> {
    this.#verified.clear()
    this.#here.clear()
    const workspace = this.#workspace
    this.#workspace = undefined
    await workspace?.then(
      (one) => one.remove(),
      () => undefined,
    )
  }

  /** Fetches what is missing. `taken`: releases to be given back. */
  async #prepare(
    source: ReplicaSource,
    { tenant, live, taken }: Preparation,
  ): Promise<TenantChange> {
    const state = decodeState(live, `${source.name}: live/${tenant}.json`)
    let there: ReadonlySet<string> | undefined
    const releases: Array<TenantChange['releases'][number]> = []
    const listed: Replacement[] = []
    for (const { digest, isNeeded } of releasesOf(state)) {
      const path = this.#layout.published(tenant, digest)
      const isHere = (await this.#isThere(path)) && (await this.#hasRelease(digest))
      if (!isNeeded) {
        if (isHere) continue
        // What was live before may have been given up there since.
        there ??= new Set(await source.list(`tenants/${tenant}`))
        if (!there.has(`${digest}.json`)) continue
      }
      const place = `tenants/${tenant}/${digest}.json`
      const entry = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
      const { release, handler } = decodeEntry(entry, `${source.name}: ${place}`)
      if (release !== digest) throw damaged(`${source.name}: ${place}`, `it is about ${release}`)
      if (isHere && (await this.#isSame(path, entry))) continue
      taken.push(digest)
      const fetched = await this.#fetcher.take(source, digest)
      if (fetched.release.manifest.name !== handler) {
        throw damaged(`${source.name}: ${place}`, `its handler is ${handler}`)
      }
      releases.push(fetched)
      listed.push({ folder: this.#layout.tenant(tenant), path, contents: entry })
    }
    const isKnown = async (digest: Digest): Promise<boolean> =>
      taken.includes(digest) || this.#hasRelease(digest)
    listed.push(...(await this.#signatures(source, tenant, isKnown)))
    return { tenant, releases, listed, state: { ...state, followed: noteOf(live) } }
  }

  /** A record is written last, and removed first: where it is, everything is. Many tenants may have the same ones. */
  async #hasRelease(digest: Digest): Promise<boolean> {
    if (this.#here.has(digest)) return true
    const isHere = await this.#isThere(this.#layout.release(digest))
    if (isHere) this.#here.add(digest)
    return isHere
  }

  async #isThere(path: string): Promise<boolean> {
    return (await this.#files.status(path)) !== undefined
  }

  async #isSame(path: string, contents: Uint8Array): Promise<boolean> {
    const before = await this.#files.read(path, MAX_OWN_FILE_BYTES)
    return before !== undefined && Buffer.compare(before, contents) === 0
  }

  async #signatures(
    source: ReplicaSource,
    tenant: string,
    isKnown: (release: Digest) => Promise<boolean>,
  ): Promise<readonly Replacement[]> {
    const folder = this.#layout.signaturesOf(tenant)
    const found: Replacement[] = []
    for (const name of await source.list(`signatures/${tenant}`)) {
      const signature = parseSignatureName(name)
      if (signature === undefined || !(await isKnown(signature.release))) continue
      const { release, keyId } = signature
      const path = this.#layout.signature(tenant, release, keyId)
      const place = `signatures/${tenant}/${name}`
      const contents = await needed(source.read(place, MAX_OWN_FILE_BYTES), source, place)
      if (!(await this.#isSame(path, contents))) found.push({ folder, path, contents })
    }
    return found
  }

  #writeSoon(): void {
    if (this.#isWriting) return
    this.#isWriting = true
    // With those that are ready in the same turn of the event loop.
    setImmediate(() => void this.#writeAll())
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#writeSome(this.#takeGroup())
    this.#isWriting = false
  }

  /** Of different tenants. */
  #takeGroup(): readonly Waiting[] {
    const group = new Map<string, Waiting>()
    const left: Waiting[] = []
    for (const one of this.#waiting) {
      const { tenant } = one.change
      if (group.size === WRITTEN_AT_ONCE || group.has(tenant)) left.push(one)
      else group.set(tenant, one)
    }
    this.#waiting = left
    return [...group.values()]
  }

  /** What cannot be written together is tried one by one: each fails for itself. */
  async #writeSome(group: readonly Waiting[]): Promise<void> {
    try {
      const newBytes = await this.#writer.write(group.map(({ change }) => change))
      for (const [at, { resolve }] of group.entries()) resolve(newBytes[at] ?? 0)
    } catch (error) {
      const [first] = group
      if (group.length > 1) {
        for (const one of group) await this.#writeSome([one])
      } else if (first !== undefined) await this.#writeAlone(first, error)
    }
  }

  async #writeAlone({ change, resolve, reject }: Waiting, error: unknown): Promise<void> {
    const isFull = error instanceof StoreError && error.code === 'STORE_FULL'
    if (!isFull || change.releases.length > 0) reject(error)
    else await this.#writer.writeAlone(change).then(() => resolve(0), reject)
  }
}

/** What is remembered of a pointer. */
function noteOf(live: Uint8Array): string {
  return digestOf(live).slice(0, NOTE_CHARS)
}

interface Preparation {
  readonly tenant: string
  readonly live: Uint8Array
  readonly taken: Digest[]
}

/** What a pointer leads to, and where rolling back goes. */
export function releasesOf({
  handlers,
}: TenantState): ReadonlyArray<{ readonly digest: Digest; readonly isNeeded: boolean }> {
  const needed = new Set<Digest>()
  const past = new Set<Digest>()
  for (const pointer of Object.values(handlers)) {
    needed.add(pointer.release)
    if (pointer.canary !== undefined) needed.add(pointer.canary.release)
    for (const digest of pointer.past ?? []) past.add(digest)
  }
  const others = [...past].filter((digest) => !needed.has(digest))
  return [
    ...others.map((digest) => ({ digest, isNeeded: false })),
    ...[...needed].map((digest) => ({ digest, isNeeded: true })),
  ]
}
