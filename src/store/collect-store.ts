/**
 * Removes what no release names. Called by whoever holds the store's lock.
 *
 * A worker that takes up a release writes its lease first and then looks whether the release is still live; here the
 * pointers are read before the leases. So one of the two always sees the other.
 */
import { join } from 'node:path'
import { type Digest, isDigest } from './digest.ts'
import { type Layout, parseSignatureName } from './layout.ts'
import { surveyLeases } from './leases.ts'
import { namedContents } from './named-contents.ts'
import { parseOwner, stateOf, thisOwner } from './owner.ts'
import type { Collected, CollectOptions } from './release-store.ts'
import { draftPath, makeReserve } from './replace-file.ts'
import type { StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'
import { type LivePointer, newestFirst, type PublishedEntry } from './tenant-state.ts'

/** A temporary folder from another machine is left alone for so long, in milliseconds. */
const FOREIGN_TMP_MS = 24 * 3_600_000

export interface CollectContext extends CollectOptions {
  /** Since 1970. */
  readonly nowMs: number
}

/** Rejects with STORE_DAMAGED, and removes nothing, when it cannot tell what is named. */
export async function collectStore(
  layout: Layout,
  files: StoreFiles,
  { keep, nowMs }: CollectContext,
): Promise<Collected> {
  const reading = new StoreReading(layout, files)
  const pointers = new Map<string, readonly LivePointer[]>()
  const tenants = await reading.tenants()
  for (const tenant of tenants) {
    pointers.set(tenant, Object.values((await reading.state(tenant)).handlers))
  }
  const { used, stale } = await surveyLeases(layout, files, nowMs)
  const named = new Set([...[...pointers.values()].flat().flatMap(answering), ...used])
  const given: string[] = []
  for (const tenant of tenants) {
    const counts = new Map<string, number>()
    const entries = (await reading.entries(tenant)).toSorted(newestFirst)
    const needed = neededOf(pointers.get(tenant) ?? [], entries)
    // A number that nobody has any more would be given once more.
    const lastNumber = Math.max(...entries.map(({ number }) => number))
    for (const { release, handler, number } of entries) {
      if (!needed.has(release) && !used.has(release)) {
        const count = (counts.get(handler) ?? 0) + 1
        counts.set(handler, count)
        if (keep !== undefined && count > keep && number !== lastNumber) {
          given.push(layout.published(tenant, release))
          continue
        }
      }
      named.add(release)
    }
  }
  // Before anything is removed: rejects when a record cannot be read.
  const contents = await namedContents(reading, layout, files, named)
  const remover = new Remover(files, layout)
  for (const path of given) await remover.removeFile(path)
  const signatures = await sweepSignatures(layout, files, named)
  for (const tenant of tenants) await files.syncFolder(layout.tenant(tenant)).catch(() => undefined)
  const releases = await remover.sweep(layout.kind('releases'), (name) =>
    named.has(name.replace(/\.json$/, '')),
  )
  const images = await remover.sweep(layout.kind('images'), (name) => contents.images.has(name))
  const blobs = await remover.sweep(layout.kind('blobs'), (name) => contents.blobs.has(name))
  for (const path of stale) await remover.removeFile(path)
  const leftovers = await sweepTemporary(layout, files, nowMs)
  await makeReserve(layout, files).catch(() => undefined) // next time
  return {
    entries: given.length,
    releases: releases.count,
    images: images.count,
    blobs: blobs.count,
    signatures,
    leases: stale.length,
    leftovers,
    bytes: blobs.bytes,
  }
}

/** What answers requests. */
function answering({ release, canary }: LivePointer): readonly Digest[] {
  return canary === undefined ? [release] : [release, canary.release]
}

/** What answers requests, and what rolling back goes to: that must be there when it is needed. */
function neededOf(
  pointers: readonly LivePointer[],
  entries: readonly PublishedEntry[],
): ReadonlySet<Digest> {
  const listed = new Set(entries.map(({ release }) => release))
  const before = pointers.map(({ past }) => past?.findLast((release) => listed.has(release)))
  return new Set([
    ...pointers.flatMap(answering),
    ...before.filter((release) => release !== undefined),
  ])
}

class Remover {
  readonly #files: StoreFiles
  readonly #layout: Layout

  constructor(files: StoreFiles, layout: Layout) {
    this.#files = files
    this.#layout = layout
  }

  async removeFile(path: string): Promise<void> {
    await this.#files.remove(path)
  }

  /** Removes what is not kept from the folders `ab` of a kind. */
  async sweep(
    folder: string,
    isKept: (name: string) => boolean,
  ): Promise<{ readonly count: number; readonly bytes: number }> {
    let [count, bytes] = [0, 0]
    for (const { name: part, kind } of await this.#files.list(folder)) {
      if (kind !== 'folder') continue
      const before = count
      for (const { name, kind: entryKind } of await this.#files.list(join(folder, part))) {
        if (!isDigest(name.replace(/\.json$/, '')) || isKept(name)) continue
        const path = join(folder, part, name)
        if (entryKind === 'file') {
          bytes += (await this.#files.status(path))?.bytes ?? 0
          await this.#files.remove(path)
        } else {
          await this.#removeFolder(path)
        }
        count += 1
      }
      // Releases are gone for good before what they name is touched.
      if (count > before) await this.#files.syncFolder(join(folder, part))
    }
    return { count, bytes }
  }

  /** In one step: half an image under its name would be taken for a whole one. */
  async #removeFolder(path: string): Promise<void> {
    const away = draftPath(this.#layout)
    await this.#files.rename(path, away)
    await this.#files.removeAll(away)
  }
}

/** Removes the signatures of releases that are gone. */
async function sweepSignatures(
  layout: Layout,
  files: StoreFiles,
  named: ReadonlySet<Digest>,
): Promise<number> {
  let count = 0
  for (const { name: tenant } of await files.list(layout.signatures)) {
    const folder = join(layout.signatures, tenant)
    for (const { name } of await files.list(folder)) {
      const signature = parseSignatureName(name)
      if (signature === undefined || named.has(signature.release)) continue
      await files.remove(join(folder, name))
      count += 1
    }
  }
  return count
}

/** Removes what dead processes have left in `tmp` and `lock`. */
async function sweepTemporary(layout: Layout, files: StoreFiles, nowMs: number): Promise<number> {
  const self = thisOwner()
  let count = 0
  for (const folder of [layout.tmp, layout.lock, layout.leases]) {
    for (const { name } of await files.list(folder)) {
      const path = join(folder, name)
      const owner = parseOwner(name)
      if (owner === undefined) continue
      if (folder === layout.leases && !name.endsWith('.draft')) continue
      const state = stateOf(owner, self)
      if (state === 'alive') continue
      const modifiedMs = (await files.status(path))?.modifiedMs ?? nowMs
      if (state === 'unknown' && nowMs - modifiedMs < FOREIGN_TMP_MS) continue
      await files.removeAll(path)
      count += 1
    }
  }
  return count
}
