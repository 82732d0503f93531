/** Puts blobs and images where they belong: once, whole, and so that they last. Used by whoever holds the store's lock. */
import { dirname, join } from 'node:path'
import { checkImage } from './check-image.ts'
import { type Digest, digestOf } from './digest.ts'
import type { Layout } from './layout.ts'
import type { ImageFile, StoredBytes } from './release.ts'
import type { StoreFiles } from './store-files.ts'

export class BlobWriter {
  blobs = 0
  sharedBlobs = 0
  newBytes = 0
  readonly #layout: Layout
  readonly #files: StoreFiles
  /** A folder of our own, on the same file system as the store. */
  readonly #scratch: string
  readonly #unsynced = new Set<string>()
  readonly #verified: Set<Digest>
  #names = 0

  /** `verified`: blobs and images that are known to be whole, and need not be read again; what is put is added. */
  constructor(
    layout: Layout,
    files: StoreFiles,
    {
      scratch,
      verified = new Set(),
    }: { readonly scratch: string; readonly verified?: Set<Digest> },
  ) {
    this.#layout = layout
    this.#files = files
    this.#scratch = scratch
    this.#verified = verified
  }

  /** Makes `path`, a synced file with that digest, a blob. Lasting after `sync`. */
  async putBlob(path: string, { digest, bytes }: StoredBytes): Promise<void> {
    const folder = this.#layout.blobFolder(digest)
    const blob = this.#layout.blob(digest)
    await this.#prepareFolder('blobs', folder)
    this.blobs += 1
    if (await this.#files.link(path, blob)) {
      this.#verified.add(digest)
      this.newBytes += bytes
      return
    }
    if (await this.#isGood(blob, { digest, bytes })) {
      this.#verified.add(digest)
      this.sharedBlobs += 1
      return
    }
    // What was there has been damaged since.
    const draft = this.#scratchName()
    await this.#files.link(path, draft)
    await this.#files.rename(draft, blob)
    this.newBytes += bytes
  }

  /** Moves a folder of blobs' files to its place among the images. Lasting after `sync`. */
  async putImage(from: string, digest: Digest, imageFiles: readonly ImageFile[]): Promise<void> {
    const folder = this.#layout.imageFolder(digest)
    const image = this.#layout.image(digest)
    await this.#prepareFolder('images', folder)
    if ((await this.#files.status(image)) !== undefined) {
      const isGood = this.#verified.has(`image ${digest}`)
      if (isGood || (await checkImage(this.#files, image, imageFiles)).length === 0) return
      await this.#files.rename(image, this.#scratchName())
    }
    for (const { path, digest: blob } of imageFiles) {
      // One file on disk, and in the caches of memory, for all who have the same.
      const draft = this.#scratchName()
      await this.#files.link(this.#layout.blob(blob), draft)
      await this.#files.rename(draft, join(from, path))
    }
    await this.#files.rename(from, image)
    for (const inner of foldersOf(imageFiles)) this.#unsynced.add(join(image, inner))
    this.#verified.add(`image ${digest}`)
  }

  /** Writes a file of a digest's name that is no blob. Lasting after `sync`. */
  async putFile(kind: 'releases', path: string, contents: Uint8Array): Promise<void> {
    const draft = this.#scratchName()
    await this.#files.create(draft, contents)
    await this.moveFile(kind, draft, path)
  }

  /** The same with a synced file. Lasting after `sync`. */
  async moveFile(kind: 'releases', from: string, path: string): Promise<void> {
    await this.#prepareFolder(kind, dirname(path))
    await this.#files.rename(from, path)
  }

  /** Makes everything put so far last. */
  async sync(): Promise<void> {
    await this.#files.syncAll([...this.#unsynced])
    this.#unsynced.clear()
  }

  async #prepareFolder(kind: 'blobs' | 'images' | 'releases', folder: string): Promise<void> {
    if (this.#unsynced.has(folder)) return
    await this.#files.makeFolder(folder)
    // Also what was there before: its maker may have been killed before this.
    this.#unsynced.add(folder)
    this.#unsynced.add(this.#layout.kind(kind))
  }

  async #isGood(blob: string, { digest, bytes }: StoredBytes): Promise<boolean> {
    const status = await this.#files.status(blob)
    if (status?.kind !== 'file' || status.bytes !== bytes) return false
    if (this.#verified.has(digest)) return true
    const contents = await this.#files.read(blob, bytes)
    return contents !== undefined && digestOf(contents) === digest
  }

  #scratchName(): string {
    this.#names += 1
    return join(this.#scratch, `put-${this.#names}`)
  }
}

/** All folders of an image, the inner ones first, the root (empty) last. */
function foldersOf(files: readonly ImageFile[]): readonly string[] {
  const folders = new Set<string>([''])
  for (const { path } of files) {
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      folders.add(path.slice(0, at))
    }
  }
  return [...folders].sort((a, b) => b.length - a.length)
}
