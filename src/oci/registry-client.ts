/**
 * The OCI distribution protocol, as much of it as pulling and pushing one artifact takes (distribution-spec, "Pull" and
 * "Push"). Everything that arrives is checked against its digest before anybody else sees the end of it.
 */

import type { Clock } from '../base/clock.ts'
import { Authorization } from './authorization.ts'
import { type Answer, Connections, type RequestBody } from './connections.ts'
import type { Credentials } from './credentials.ts'
import { OciError, printable } from './errors.ts'
import type { OciLimits } from './limits.ts'
import { MANIFEST_TYPES } from './media-types.ts'
import { type Reference, registryUrl } from './reference.ts'
import { type BlobName, type Digest, DigestMaker, digestOf, isDigest } from './registry-digest.ts'
import { readRetryAfter } from './retries.ts'
import { readTarget } from './transport-rules.ts'

export interface RegistryOptions {
  readonly reference: Reference
  readonly actions: 'pull' | 'pull,push'
  readonly credentials: Credentials | undefined
  readonly plainHttp: boolean
  readonly clock: Clock
  readonly limits: OciLimits
  readonly signal: AbortSignal
}

export interface FetchedManifest {
  readonly bytes: Buffer
  readonly digest: Digest
  /** As the registry says. */
  readonly mediaType: string
}

interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
}

/** One artifact's registry. Each method is one try; `close` when done. */
export class RegistryClient {
  readonly #options: RegistryOptions
  readonly #root: URL
  readonly #connections: Connections
  readonly #authorization: Authorization

  /** Throws OCI_PLAIN_HTTP. */
  constructor(options: RegistryOptions) {
    const { reference, actions, credentials, plainHttp, clock, limits, signal } = options
    this.#options = options
    const { repository } = reference
    this.#root = new URL(`${repository}/`, registryUrl(reference, plainHttp))
    this.#connections = new Connections({ clock, idleMs: limits.idleMs, signal })
    this.#authorization = new Authorization({
      ...{ connections: this.#connections, limits, repository, actions, credentials, plainHttp },
    })
  }

  /** Idempotent. */
  close(): void {
    this.#connections.close()
  }

  /** `version`: a tag or a digest. */
  async getManifest(version: string): Promise<FetchedManifest> {
    const doing = `pull the manifest of ${version}`
    const answer = await this.#call({
      method: 'GET',
      url: new URL(`manifests/${version}`, this.#root),
      headers: { accept: MANIFEST_TYPES.join(', ') },
    })
    await this.#expect(answer, 200, doing)
    const bytes = await answer.bytes('manifestBytes', this.#options.limits.manifestBytes)
    const digest = digestOf(bytes)
    if (isDigest(version)) refuseOther(doing, digest, version)
    refuseOther(doing, digest, digestHeader(answer))
    const mediaType = (answer.headers['content-type'] ?? '').replace(/;.*$/s, '').trim()
    return { bytes, digest, mediaType }
  }

  /** What a tag stands for now; undefined: the registry does not say without being asked for all of it. */
  async tagDigest(tag: string): Promise<Digest | undefined> {
    const answer = await this.#call({
      method: 'HEAD',
      url: new URL(`manifests/${tag}`, this.#root),
      headers: { accept: MANIFEST_TYPES.join(', ') },
    })
    await this.#expect(answer, 200, `look for ${tag}`)
    await answer.finish()
    const digest = digestHeader(answer)
    return isDigest(digest) ? digest : undefined
  }

  /** The blob's bytes; throws at their end, at the latest, when they are not those that are meant. */
  async *getBlob({ digest, size }: BlobName): AsyncGenerator<Uint8Array> {
    let bytes = 0
    for await (const chunk of this.getBlobWithin(digest, size)) {
      bytes += chunk.length
      yield chunk
    }
    if (bytes !== size) throw wrongLength(digest, String(bytes), size)
  }

  /** The same of a blob of which only the most bytes that it may have are known. */
  async *getBlobWithin(digest: Digest, maxBytes: number): AsyncGenerator<Uint8Array> {
    const doing = `pull ${shortOf(digest)}`
    const answer = await this.#call({ method: 'GET', url: this.#blobUrl(digest) })
    await this.#expect(answer, 200, doing)
    const maker = new DigestMaker()
    for await (const chunk of answer.chunks()) {
      maker.add(chunk)
      if (maker.bytes > maxBytes) throw wrongLength(digest, 'more', maxBytes)
      yield chunk
    }
    refuseOther(doing, maker.digest(), digest)
  }

  /** Whether the registry has the blob already. */
  async hasBlob({ digest, size }: BlobName): Promise<boolean> {
    const doing = `look for ${shortOf(digest)}`
    const answer = await this.#call({ method: 'HEAD', url: this.#blobUrl(digest) })
    if (answer.status === 404) {
      await answer.finish()
      return false
    }
    await this.#expect(answer, 200, doing)
    const { 'content-length': length } = answer.headers
    await answer.finish()
    if (length === undefined || Number(length) === size) return true
    throw new OciError(
      'OCI_DIGEST_MISMATCH',
      `Cannot ${doing}: the registry has ${Number(length)} bytes under that digest, wanted ${size}`,
      { details: { digest } },
    )
  }

  /** Uploads a blob in one piece. */
  async putBlob({ digest }: BlobName, body: RequestBody): Promise<void> {
    const doing = `push ${shortOf(digest)}`
    const start = await this.#call({ method: 'POST', url: new URL('blobs/uploads/', this.#root) })
    await this.#expect(start, 202, doing)
    await start.finish()
    const url = readTarget(start.headers.location, start.url, this.#options.plainHttp)
    // By hand: the query is the registry's, and `searchParams` would write it anew.
    url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`
    const end = await this.#call({
      method: 'PUT',
      url,
      headers: { 'content-type': 'application/octet-stream' },
      body,
    })
    await this.#expect(end, 201, doing)
    await end.finish()
    refuseOther(doing, digest, digestHeader(end))
  }

  /** Names the manifest `version`, a tag. Answers its digest. */
  async putManifest(version: string, bytes: Uint8Array, mediaType: string): Promise<Digest> {
    const doing = `push the manifest as ${version}`
    const answer = await this.#call({
      method: 'PUT',
      url: new URL(`manifests/${version}`, this.#root),
      headers: { 'content-type': mediaType },
      body: { bytes: bytes.length, open: () => once(bytes) },
    })
    await this.#expect(answer, 201, doing)
    await answer.finish()
    const digest = digestOf(bytes)
    refuseOther(doing, digest, digestHeader(answer))
    return digest
  }

  #blobUrl(digest: Digest): URL {
    return new URL(`blobs/${digest}`, this.#root)
  }

  /** One request, with its redirects and, when the registry asks for it, authentication. */
  async #call({ method, url: first, headers = {}, body }: Call): Promise<Answer> {
    const { limits, plainHttp } = this.#options
    let url = first
    let redirects = 0
    let isMet = false
    for (;;) {
      const isRegistry = url.origin === this.#root.origin
      const { header } = this.#authorization
      // Where blobs are kept is often another host: it has no business with what the registry is shown.
      const shown = isRegistry && header !== undefined ? { authorization: header } : {}
      const answer = await this.#connections.send({
        ...{ method, url, body },
        headers: { 'user-agent': 'wasm-fpm', ...headers, ...shown },
      })
      if (answer.status === 401 && isRegistry && !isMet) {
        isMet = true
        await this.#authorization.meet(answer)
        continue
      }
      if (!isRedirect(answer.status, method)) return answer
      await answer.finish()
      redirects += 1
      if (redirects > limits.redirects) {
        throw new OciError(
          'OCI_BAD_ANSWER',
          `Cannot use ${first.host}: it redirects more than ${limits.redirects} times, wanted an answer`,
          { details: { limit: 'redirects' } },
        )
      }
      url = readTarget(answer.headers.location, url, plainHttp)
    }
  }

  /** Rejects, in the registry's own words, unless the answer has that status. */
  async #expect(answer: Answer, status: number, doing: string): Promise<void> {
    if (answer.status === status) return
    const { errorBytes } = this.#options.limits
    const words = await answer.bytes('errorBytes', errorBytes).then(readWords, () => '')
    const { host } = answer.url
    const said = `${host} answers ${answer.status}${words === '' ? '' : ` (${words})`}`
    const retryAfterMs = readRetryAfter(answer.headers['retry-after'], this.#options.clock)
    throw new OciError(codeOf(answer.status), `Cannot ${doing}: ${said}, wanted ${status}`, {
      details: { status: answer.status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    })
  }
}

/** As much of a digest as messages need. */
function shortOf(digest: Digest): string {
  return digest.slice(0, 19)
}

function wrongLength(digest: Digest, actual: string, wanted: number): OciError {
  return new OciError(
    'OCI_DIGEST_MISMATCH',
    `Cannot pull ${shortOf(digest)}: ${actual} bytes came, wanted ${wanted}`,
    { details: { digest } },
  )
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** 303 asks for a GET of something else: nothing here has a use for that. */
function isRedirect(status: number, method: string): boolean {
  if (status === 307 || status === 308) return true
  return (status === 301 || status === 302) && (method === 'GET' || method === 'HEAD')
}

function codeOf(status: number) {
  if (status === 404) return 'OCI_NOT_FOUND'
  if (status === 401 || status === 403) return 'OCI_DENIED'
  return status === 429 || status >= 500 ? 'OCI_BUSY' : 'OCI_REFUSED'
}

function digestHeader({ headers }: Answer): string | undefined {
  return headers['docker-content-digest']?.toString()
}

/** `wanted`: undefined, or of an algorithm that is not checked here, is no claim. */
function refuseOther(doing: string, actual: Digest, wanted: string | undefined): void {
  if (wanted === undefined || !wanted.startsWith('sha256:') || wanted === actual) return
  throw new OciError(
    'OCI_DIGEST_MISMATCH',
    `Cannot ${doing}: digest ${actual}, wanted ${printable(wanted)}`,
    { details: { actual, wanted: printable(wanted) } },
  )
}

/** `CODE: message` of the first error in a registry's answer; empty: it does not say. */
function readWords(bytes: Buffer): string {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    const errors = isTable(value) ? value['errors'] : undefined
    const first: unknown = Array.isArray(errors) ? errors[0] : undefined
    if (!isTable(first)) return ''
    const words = [first['code'], first['message']].filter((word) => typeof word === 'string')
    return printable(words.join(': '))
  } catch {
    return ''
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
