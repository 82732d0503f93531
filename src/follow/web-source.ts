/** A store that a web server has as plain files, as `wasm-fpm export` writes them. Whether something is new is asked by ETag. */
import type { Clock, Timer } from '../base/clock.ts'
import { StoreError } from '../store/errors.ts'
import { FollowError, noSource, strangeAnswer } from './errors.ts'
import { type ExportIndex, INDEX_FILE, MAX_INDEX_BYTES, readIndex } from './export-index.ts'
import type { ReleaseSource, SeenPointers } from './release-source.ts'
import type { SourceCredentials } from './source-secrets.ts'

/** Until the head of an answer is there, and between two pieces of it. */
const SILENCE_MS = 20_000

export class WebSource implements ReleaseSource {
  readonly name: string
  readonly #base: URL
  readonly #clock: Clock
  readonly #login: string | undefined
  #etag: string | undefined
  #index: ExportIndex = { format: 1, tenants: {} }

  constructor(base: URL, clock: Clock, credentials: SourceCredentials | undefined) {
    this.#base = new URL(base.href.endsWith('/') ? base.href : `${base.href}/`)
    this.#clock = clock
    this.#login = credentials && basic(credentials)
    this.name = `${base.origin}${base.pathname}`
  }

  async look(): Promise<SeenPointers | undefined> {
    const known = this.#etag === undefined ? {} : { 'If-None-Match': this.#etag }
    const found = await this.#ask(INDEX_FILE, MAX_INDEX_BYTES, known)
    if (found === undefined) throw noSource(this.name, `there is no ${INDEX_FILE}`)
    const bytes = await wholeOf(found.pieces)
    if (found.answer.status === 304) return undefined
    this.#index = readIndex(Buffer.from(bytes).toString('utf8'), this.name)
    this.#etag = found.answer.headers.get('etag') ?? undefined
    const tenants = Object.entries(this.#index.tenants)
    const all = new Map(tenants.map(([tenant, { live }]) => [tenant, Buffer.from(live)]))
    return { all, changed: undefined }
  }

  async list(folder: string): Promise<readonly string[]> {
    const [kind, tenant = ''] = folder.split('/')
    const { tenants } = this.#index
    const known = Object.hasOwn(tenants, tenant) ? tenants[tenant] : undefined
    if (kind === 'tenants') return known?.published.map((digest) => `${digest}.json`) ?? []
    return kind === 'signatures' ? (known?.signatures ?? []) : []
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const pieces = await this.stream(path, maxBytes)
    return pieces === undefined ? undefined : wholeOf(pieces)
  }

  async stream(path: string, maxBytes: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    return (await this.#ask(path, maxBytes))?.pieces
  }

  /** Undefined: there is no such file. */
  async #ask(
    path: string,
    maxBytes: number,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Found | undefined> {
    const url = new URL(path, this.#base)
    const login = this.#login === undefined ? {} : { Authorization: this.#login }
    const silence = new Silence(this.#clock)
    const { signal } = silence
    try {
      // Where it would lead is not what the operator has named.
      const answer = await fetch(url, { headers: { ...more, ...login }, redirect: 'error', signal })
      const { status } = answer
      if (status === 200 || status === 304) {
        return { answer, pieces: this.#pieces(answer, { silence, maxBytes, path }) }
      }
      await answer.body?.cancel()
      silence.end()
      if (status === 404 || status === 410) return undefined
      throw noSource(this.name, `${path}: status ${status}`)
    } catch (error) {
      silence.end()
      throw this.#failed(path, error)
    }
  }

  async *#pieces(
    answer: Response,
    { silence, maxBytes, path }: { silence: Silence; maxBytes: number; path: string },
  ): AsyncGenerator<Uint8Array> {
    let length = 0
    try {
      for await (const piece of answer.body ?? []) {
        silence.heard()
        length += piece.length
        if (length > maxBytes) {
          throw strangeAnswer(this.name, `${path} has more than ${maxBytes} bytes`)
        }
        yield piece
      }
    } catch (error) {
      throw this.#failed(path, error)
    } finally {
      silence.end()
    }
  }

  #failed(path: string, error: unknown): unknown {
    if (error instanceof FollowError || error instanceof StoreError) return error
    const { cause } = Object(error)
    const { code, message } = Object(cause ?? error)
    return noSource(this.name, `${path}: ${code ?? message}`, error)
  }
}

function basic({ username, password }: SourceCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

interface Found {
  readonly answer: Response
  readonly pieces: AsyncIterable<Uint8Array>
}

/** Breaks off what nothing is heard of. */
class Silence {
  readonly #controller = new AbortController()
  readonly #clock: Clock
  #timer: Timer

  constructor(clock: Clock) {
    this.#clock = clock
    this.#timer = this.#start()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  heard(): void {
    this.#timer.cancel()
    this.#timer = this.#start()
  }

  end(): void {
    this.#timer.cancel()
  }

  #start(): Timer {
    return this.#clock.after(SILENCE_MS, () =>
      this.#controller.abort(new Error(`nothing for ${SILENCE_MS} ms`)),
    )
  }
}

async function wholeOf(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}
