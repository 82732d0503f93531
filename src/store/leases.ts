/**
 * What running workers use, for `collect` to leave alone. One file a worker, with its name in the file's. On a full disk, an
 * empty file for each release, whose name says all: that needs no space.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { canonicalJson } from './canonical-json.ts'
import { type Digest, isDigest } from './digest.ts'
import { StoreError } from './errors.ts'
import type { Layout } from './layout.ts'
import { type Owner, ownerText, parseOwner, stateOf, thisOwner } from './owner.ts'
import type { StoreFiles } from './store-files.ts'

/** A lease from another machine counts for so long after it was last written, in milliseconds. */
const FOREIGN_LEASE_MS = 24 * 3_600_000

/** A quarter of a million releases; a worker uses a few of each tenant. */
const MAX_LEASE_BYTES = 16 * 1024 * 1024

/** How the name of an empty file ends; before it stands the release. */
const NAMED = '.held'

const DIGEST_CHARS = 64

/** One process's lease: all releases it uses. */
export class Lease {
  readonly #files: StoreFiles
  readonly #path: string
  readonly #draft: string
  readonly #name: string
  #releases: ReadonlySet<Digest> = new Set()
  /** Those that have an empty file. */
  readonly #named = new Set<Digest>()

  constructor(layout: Layout, files: StoreFiles) {
    const name = `${ownerText(thisOwner())}-${randomBytes(6).toString('hex')}`
    this.#files = files
    this.#name = join(layout.leases, name)
    this.#path = join(layout.leases, `${name}.json`)
    this.#draft = join(layout.leases, `${name}.draft`)
  }

  get releases(): ReadonlySet<Digest> {
    return this.#releases
  }

  /** Says what is used from now on. Rejects with STORE_NOT_WRITABLE and the like; the lease is then what it was. */
  async write(releases: ReadonlySet<Digest>): Promise<void> {
    const contents = canonicalJson({ format: 1, releases: [...releases].sort() })
    try {
      await this.#files.createFleeting(this.#draft, Buffer.from(contents))
      await this.#files.rename(this.#draft, this.#path)
    } catch (error) {
      await this.#files.remove(this.#draft).catch(() => undefined)
      if (!(error instanceof StoreError) || error.code !== 'STORE_FULL') throw error
      await this.#nameAll(releases)
      // What the file says is what it was: the next change writes it again.
      return
    }
    this.#releases = releases
    await this.#forgetNames()
  }

  async #nameAll(releases: ReadonlySet<Digest>): Promise<void> {
    for (const release of releases) {
      if (this.#named.has(release)) continue
      await this.#files.createFleeting(this.#nameOf(release), new Uint8Array(0))
      this.#named.add(release)
    }
  }

  async #forgetNames(): Promise<void> {
    for (const release of this.#named) await this.#files.remove(this.#nameOf(release))
    this.#named.clear()
  }

  #nameOf(release: Digest): string {
    return `${this.#name}-${release}${NAMED}`
  }

  /** Nothing is used any more. Idempotent. */
  async end(): Promise<void> {
    this.#releases = new Set()
    await this.#forgetNames()
    await this.#files.remove(this.#path)
  }
}

export interface LeaseSurvey {
  /** Releases that processes use. */
  readonly used: ReadonlySet<Digest>
  /** Files of processes that are gone. */
  readonly stale: readonly string[]
}

/** Reads all leases. `nowMs`: since 1970. */
export async function surveyLeases(
  layout: Layout,
  files: StoreFiles,
  nowMs: number,
): Promise<LeaseSurvey> {
  const used = new Set<Digest>()
  const stale: string[] = []
  const self = thisOwner()
  for (const { name, kind } of await files.list(layout.leases)) {
    const path = join(layout.leases, name)
    const owner = parseOwner(name)
    if (kind !== 'file' || owner === undefined) continue
    if (!(await isInForce({ path, owner, self, nowMs }, files))) stale.push(path)
    else for (const release of named(name) ?? (await readLease(files, path))) used.add(release)
  }
  return { used, stale }
}

/** Undefined: what it is of is written in it. */
function named(name: string): readonly Digest[] | undefined {
  if (!name.endsWith(NAMED)) return undefined
  const release = name.slice(0, -NAMED.length).slice(-DIGEST_CHARS)
  return isDigest(release) ? [release] : []
}

interface LeaseFile {
  readonly path: string
  readonly owner: Owner
  readonly self: Owner
  readonly nowMs: number
}

async function isInForce(
  { path, owner, self, nowMs }: LeaseFile,
  files: StoreFiles,
): Promise<boolean> {
  const state = stateOf(owner, self)
  if (state !== 'unknown') return state === 'alive'
  const status = await files.status(path)
  return status !== undefined && nowMs - status.modifiedMs < FOREIGN_LEASE_MS
}

/** A lease that cannot be understood is of nothing: leases are written whole, and anybody may write into their folder. */
async function readLease(files: StoreFiles, path: string): Promise<readonly Digest[]> {
  const bytes = await files.read(path, MAX_LEASE_BYTES).catch(() => undefined)
  try {
    const table = JSON.parse(Buffer.from(bytes ?? []).toString('utf8')) as {
      readonly releases?: unknown
    }
    const releases: readonly unknown[] = Array.isArray(table.releases) ? table.releases : []
    return releases.filter((one): one is Digest => typeof one === 'string' && isDigest(one))
  } catch {
    return []
  }
}
