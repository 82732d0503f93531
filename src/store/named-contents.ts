/** Which blobs and images a set of releases is made of. */
import type { Digest } from './digest.ts'
import type { Layout } from './layout.ts'
import { modulesOf } from './release.ts'
import type { StoreFiles } from './store-files.ts'
import type { StoreReading } from './store-reading.ts'

export interface NamedContents {
  readonly blobs: ReadonlySet<Digest>
  readonly images: ReadonlySet<Digest>
}

/** Releases without a record are passed over when nobody could run them anyway; rejects with STORE_DAMAGED for broken ones. */
export async function namedContents(
  reading: StoreReading,
  layout: Layout,
  files: StoreFiles,
  releases: ReadonlySet<Digest>,
): Promise<NamedContents> {
  const blobs = new Set<Digest>()
  const images = new Set<Digest>()
  for (const digest of releases) {
    if ((await files.status(layout.release(digest))) === undefined) continue
    const release = await reading.release(digest)
    const { image } = release
    for (const module of modulesOf(release)) blobs.add(module.digest)
    if (image === undefined) continue
    images.add(image.digest)
    blobs.add(image.digest)
    for (const file of await reading.listing(image.digest)) blobs.add(file.digest)
  }
  return { blobs, images }
}
