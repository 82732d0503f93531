/**
 * A store that is no more than what it would hold, for many followers in one process: it asks a source for what a real one asks for, reads all
 * of it, and keeps nothing but which releases it has seen.
 */
import type { Digest } from '../../src/store/digest.ts'
import { decodeRelease, modulesOf } from '../../src/store/release.ts'
import { type Replica, releasesOf } from '../../src/store/replica.ts'
import type { ReplicaSource } from '../../src/store/replica-source.ts'
import { decodeState } from '../../src/store/tenant-state.ts'

const MOST_BYTES = 1024 * 1024 * 1024

export class FakeReplica implements Pick<Replica, 'isInStep' | 'follow'> {
  readonly #followed = new Map<string, Uint8Array>()
  /** Each is brought once, however many tenants want it. */
  readonly #releases = new Map<Digest, Promise<number>>()

  async isInStep(tenant: string, live: Uint8Array): Promise<boolean> {
    const before = this.#followed.get(tenant)
    return before !== undefined && Buffer.compare(before, live) === 0
  }

  async follow(source: ReplicaSource, tenant: string, live: Uint8Array): Promise<number> {
    let bytes = 0
    const listed = new Set(await source.list(`tenants/${tenant}`))
    for (const { digest } of releasesOf(decodeState(live, tenant))) {
      if (!listed.has(`${digest}.json`)) continue
      await needed(source.read(`tenants/${tenant}/${digest}.json`, MOST_BYTES))
      bytes += await this.#release(source, digest)
    }
    this.#followed.set(tenant, live)
    return bytes
  }

  #release(source: ReplicaSource, digest: Digest): Promise<number> {
    const known = this.#releases.get(digest)
    if (known !== undefined) return known.then(() => 0)
    const bringing = bring(source, digest)
    this.#releases.set(digest, bringing)
    return bringing.catch((error: unknown) => {
      this.#releases.delete(digest)
      throw error
    })
  }
}

/** Answers how many bytes it has read. */
async function bring(source: ReplicaSource, digest: Digest): Promise<number> {
  const place = `releases/${digest.slice(0, 2)}/${digest}.json`
  const record = await needed(source.read(place, MOST_BYTES))
  let bytes = record.length
  for (const module of modulesOf(decodeRelease(record, digest))) {
    const path = `blobs/${module.digest.slice(0, 2)}/${module.digest}`
    for await (const piece of await needed(source.stream(path, module.bytes))) {
      bytes += piece.length
    }
  }
  return bytes
}

async function needed<Found>(asked: Promise<Found | undefined>): Promise<Found> {
  const found = await asked
  if (found === undefined) throw new Error('what the source names is not there')
  return found
}
