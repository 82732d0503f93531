/** Looks at everything in a store and says what is not as it should be. Changes nothing; reads every byte once. */
import { join } from 'node:path'
import { CodedError } from '../base/errors.ts'
import { checkImage } from './check-image.ts'
import { type Digest, digestOf, isDigest } from './digest.ts'
import { type Layout, parseSignatureName } from './layout.ts'
import { parseOwner, stateOf, thisOwner } from './owner.ts'
import { modulesOf, type Release, type StoredBytes } from './release.ts'
import type { StoreCheck, StoreProblem } from './release-store.ts'
import { decodeSignature, isSignedBy, MAX_SIGNATURE_FILE_BYTES } from './signature.ts'
import type { StoreFiles } from './store-files.ts'
import { StoreReading } from './store-reading.ts'

/** To be called with the store's lock, or while nobody changes it. */
export async function checkStore(layout: Layout, files: StoreFiles): Promise<StoreCheck> {
  const check = new Checker(layout, files)
  await check.tenants()
  await check.releases()
  await check.signatures()
  return { ...check.result(), leftovers: await check.leftovers() }
}

class Checker {
  readonly #layout: Layout
  readonly #files: StoreFiles
  readonly #reading: StoreReading
  readonly #problems: StoreProblem[] = []
  /** Releases that tenants name. */
  readonly #named = new Set<Digest>()
  /** Blobs looked at, and the size of the good ones. */
  readonly #blobs = new Map<Digest, number | undefined>()
  readonly #images = new Set<Digest>()
  #tenants = 0
  #signatures = 0
  #unused = 0

  constructor(layout: Layout, files: StoreFiles) {
    this.#layout = layout
    this.#files = files
    this.#reading = new StoreReading(layout, files)
  }

  async tenants(): Promise<void> {
    for (const tenant of await this.#reading.tenants()) {
      this.#tenants += 1
      const entries = await this.#try(tenant, () => this.#reading.entries(tenant))
      const published = new Set(entries?.map(({ release }) => release))
      for (const release of published) this.#named.add(release)
      const state = await this.#try(tenant, () => this.#reading.state(tenant))
      for (const [handler, { release, canary }] of Object.entries(state?.handlers ?? {})) {
        for (const [what, digest] of [
          ['live release', release],
          ['canary', canary?.release],
        ] as const) {
          if (digest === undefined) continue
          this.#named.add(digest)
          if (entries === undefined || published.has(digest)) continue
          this.#report('missing', `${tenant}/${handler}`, `${what} ${digest} is not listed`)
        }
      }
    }
  }

  async releases(): Promise<void> {
    for (const digest of this.#named) {
      const release = await this.#try(`release ${digest}`, () => this.#reading.release(digest))
      if (release !== undefined) await this.#checkContents(digest, release)
    }
  }

  /** Whether they are what they say they are; whose signature counts is the tenants' business. */
  async signatures(): Promise<void> {
    for (const { name: tenant } of await this.#files.list(this.#layout.signatures)) {
      const folder = join(this.#layout.signatures, tenant)
      for (const { name } of await this.#files.list(folder)) {
        const named = parseSignatureName(name)
        if (named === undefined) continue
        const { release, keyId } = named
        if (!this.#named.has(release)) {
          this.#unused += 1
          continue
        }
        this.#signatures += 1
        const path = join(folder, name)
        const signature = await this.#try(`signature of release ${release}`, async () => {
          const bytes = await this.#files.read(path, MAX_SIGNATURE_FILE_BYTES)
          return decodeSignature(bytes ?? new Uint8Array(0), path)
        })
        if (signature === undefined) continue
        const { publicKey } = signature
        if (publicKey.id === keyId && isSignedBy(publicKey, signature, { tenant, release }))
          continue
        this.#report('damaged', `signature of release ${release}`, `${path} is of something else`)
      }
    }
  }

  /** Things nobody names. */
  async leftovers(): Promise<number> {
    let count = this.#unused
    const isNamed = {
      blobs: (name: string) => this.#blobs.has(name),
      images: (name: string) => this.#images.has(name),
      releases: (name: string) => this.#named.has(name.replace(/\.json$/, '')),
    }
    for (const kind of ['blobs', 'images', 'releases'] as const) {
      const folder = this.#layout.kind(kind)
      for (const { name: part } of await this.#files.list(folder)) {
        for (const { name } of await this.#files.list(join(folder, part))) {
          if (isDigest(name.replace(/\.json$/, '')) && !isNamed[kind](name)) count += 1
        }
      }
    }
    const self = thisOwner()
    for (const { name } of await this.#files.list(this.#layout.tmp)) {
      const owner = parseOwner(name)
      if (owner === undefined || stateOf(owner, self) !== 'alive') count += 1
    }
    return count
  }

  result(): Omit<StoreCheck, 'leftovers'> {
    const sizes = [...this.#blobs.values()].filter((bytes) => bytes !== undefined)
    return {
      problems: this.#problems,
      tenants: this.#tenants,
      releases: this.#named.size,
      signatures: this.#signatures,
      blobs: this.#blobs.size,
      bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
    }
  }

  async #checkContents(digest: Digest, release: Release): Promise<void> {
    const subject = `release ${digest}`
    const { image } = release
    for (const module of modulesOf(release)) await this.#checkBlob(subject, module)
    if (image === undefined || this.#images.has(image.digest)) return
    this.#images.add(image.digest)
    const listing = await this.#try(subject, () => this.#reading.listing(image.digest))
    this.#blobs.set(image.digest, undefined)
    if (listing === undefined) return
    for (const file of listing) await this.#checkBlob(subject, file)
    const problems = await checkImage(this.#files, this.#layout.image(image.digest), listing)
    for (const problem of problems) this.#report('damaged', subject, `its files: ${problem}`)
  }

  async #checkBlob(subject: string, { digest, bytes }: StoredBytes): Promise<void> {
    if (this.#blobs.has(digest)) return
    const path = this.#layout.blob(digest)
    const contents = await this.#try(subject, () => this.#files.read(path, bytes))
    const isGood = contents !== undefined && digestOf(contents) === digest
    this.#blobs.set(digest, isGood ? bytes : undefined)
    if (contents === undefined) this.#report('missing', subject, `blob ${digest} is missing`)
    else if (!isGood) this.#report('damaged', subject, `blob ${digest} has changed`)
  }

  async #try<Result>(subject: string, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      this.#report('damaged', subject, error.message)
      return undefined
    }
  }

  #report(kind: StoreProblem['kind'], subject: string, message: string): void {
    this.#problems.push({ kind, subject, message })
  }
}
