/** A store in a registry of OCI artifacts, as `wasm-fpm export` writes it there. Whether something is new is asked by the digest of a tag. */
import { buffer } from 'node:stream/consumers'
import type { Clock } from '../base/clock.ts'
import type { Credentials } from '../oci/credentials.ts'
import { OciError, type OciErrorCode } from '../oci/errors.ts'
import { DEFAULT_OCI_LIMITS, type OciLimits } from '../oci/limits.ts'
import { formatReference, type Reference } from '../oci/reference.ts'
import { RegistryClient } from '../oci/registry-client.ts'
import type { Digest } from '../oci/registry-digest.ts'
import { noSource, strangeAnswer } from './errors.ts'
import { MAX_INDEX_BYTES } from './export-index.ts'
import type { RecordShelf, SeenRecords } from './record-source.ts'
import { RECORDS_TITLE, readConfigName, readStoreIndex } from './store-artifact.ts'
import { readRecords } from './tenant-record.ts'

export interface RegistryShelfOptions {
  readonly clock: Clock
  /** Undefined: anonymous. */
  readonly credentials?: Credentials | undefined
  readonly limits?: OciLimits | undefined
}

/** What it means that the registry does not let us in, or is not there. All else is something that it must not say. */
const ABSENT: ReadonlySet<OciErrorCode> = new Set([
  ...(['OCI_UNREACHABLE', 'OCI_TIMEOUT', 'OCI_BUSY', 'OCI_DENIED'] as const),
  ...(['OCI_NOT_FOUND', 'OCI_REFUSED', 'OCI_PLAIN_HTTP'] as const),
])

export class RegistryShelf implements RecordShelf {
  readonly name: string
  readonly #client: RegistryClient
  readonly #tag: string
  #digest: Digest | undefined

  /** `reference`: with a tag. Throws OCI_PLAIN_HTTP. */
  constructor(
    reference: Reference,
    { clock, credentials, limits = DEFAULT_OCI_LIMITS }: RegistryShelfOptions,
  ) {
    this.name = formatReference(reference)
    this.#tag = reference.tag ?? 'latest'
    this.#client = new RegistryClient({
      ...{ reference, credentials, clock, limits, actions: 'pull', plainHttp: false },
      // Its own silence ends a request; nothing else does.
      signal: new AbortController().signal,
    })
  }

  async records(): Promise<SeenRecords | undefined> {
    try {
      const now = await this.#client.tagDigest(this.#tag)
      if (now !== undefined && now === this.#digest) return undefined
      const index = await this.#client.getManifest(this.#tag)
      const first = readStoreIndex(index.bytes, this.name).get(RECORDS_TITLE)
      if (first === undefined) throw strangeAnswer(this.name, 'it has no records of tenants')
      const manifest = await this.#client.getManifest(first.digest)
      const { digest, size } = readConfigName(manifest.bytes, this.name)
      if (size > MAX_INDEX_BYTES) throw strangeAnswer(this.name, `its records have ${size} bytes`)
      const bytes = await buffer(this.#client.getBlob({ digest, size }))
      const records = readRecords(bytes.toString('utf8'), this.name)
      this.#digest = index.digest
      return { all: records, changed: undefined }
    } catch (error) {
      throw this.#failed(error)
    }
  }

  async bytes(digest: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const pieces = this.#client.getBlobWithin(`sha256:${digest}`, maxBytes)
    try {
      const first = await pieces.next()
      return this.#pieces(first.done === true ? [] : [first.value], pieces)
    } catch (error) {
      if (error instanceof OciError && error.code === 'OCI_NOT_FOUND') return undefined
      throw this.#failed(error)
    }
  }

  async *#pieces(
    first: readonly Uint8Array[],
    rest: AsyncGenerator<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    try {
      yield* first
      yield* rest
    } catch (error) {
      throw this.#failed(error)
    } finally {
      await rest.return(undefined)
    }
  }

  #failed(error: unknown): unknown {
    if (!(error instanceof OciError)) return error
    // "Cannot pull the manifest of latest: registry answers 404, wanted 200"
    const problem = error.message.replace(/^Cannot /, '').replace(/, wanted [^,]*$/, '')
    return ABSENT.has(error.code)
      ? noSource(this.name, problem, error)
      : strangeAnswer(this.name, problem)
  }
}
