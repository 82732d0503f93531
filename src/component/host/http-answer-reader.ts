/** Reads what a server answers to one request (RFC 9112), piece by piece: the head, then the body as it is asked for. then the trailers. */
import { type Case, caseOf, NONE, some } from '../value.ts'
import type { FieldEntry } from './http-fields.ts'

/** Of a head, of the trailers, and of the line before a chunk. */
export const MAX_ANSWER_HEAD_BYTES: number = 64 * 1024
export const MAX_ANSWER_FIELDS = 1_000
const MAX_CHUNK_LINE_BYTES = 1024

const STATUS_LINE = /^HTTP\/1\.[01] ([1-9][0-9]{2})(?: .*)?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a value must not have
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*?)[ \t]*$/
const CHUNK_LINE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/
/** Between this server and the other one. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
])

export interface AnswerHead {
  readonly status: number
  readonly fields: readonly FieldEntry[]
}

/** `close`: what comes until the connection ends. */
type Framing = 'length' | 'chunked' | 'close'
/** Where in a chunked body it is. */
type Place = 'size' | 'data' | 'behind data' | 'trailers'

export class AnswerReader {
  head: AnswerHead | undefined
  /** Of wasi:http's error codes. Nothing more comes. */
  problem: Case | undefined
  /** The whole body has been taken. */
  isOver = false
  /** All of them, when it is over. */
  readonly trailers: FieldEntry[] = []
  readonly #isHead: boolean
  #rest: Buffer = Buffer.alloc(0)
  #hasEnded = false
  #framing: Framing = 'close'
  /** Bytes of the body, or of the chunk, that have yet to be taken. */
  #left = 0
  #place: Place = 'size'

  /** `isHead`: the answer has no body, whatever its head says. */
  constructor(isHead: boolean) {
    this.#isHead = isHead
  }

  /** More has come. */
  feed(bytes: Uint8Array): void {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes])
    while (this.head === undefined && this.problem === undefined && this.#readHead());
  }

  /** Nothing more will. */
  end(): void {
    this.#hasEnded = true
    if (this.head !== undefined || this.problem !== undefined) return
    this.problem = caseOf(
      this.#rest.length === 0 ? 'connection-terminated' : 'HTTP-response-incomplete',
    )
  }

  /** Up to `most` bytes of the body. None: more has to come, unless it is over or there is a problem. */
  take(most: number): Uint8Array {
    const taken = this.#framing === 'chunked' ? this.#takeChunked(most) : this.#takePlain(most)
    const isCutShort = taken.length === 0 && this.#hasEnded && !this.isOver && most > 0
    if (isCutShort) this.problem ??= caseOf('HTTP-response-incomplete')
    return taken
  }

  #takePlain(most: number): Uint8Array {
    const isOpen = this.#framing === 'close'
    const taken = this.#cut(isOpen ? most : Math.min(most, this.#left))
    if (!isOpen) this.#left -= taken.length
    const isAll = isOpen ? this.#hasEnded && this.#rest.length === 0 : this.#left === 0
    if (isAll) this.isOver = true
    return taken
  }

  #takeChunked(most: number): Uint8Array {
    while (!this.isOver && this.problem === undefined) {
      if (this.#place === 'data') {
        const taken = this.#cut(Math.min(most, this.#left))
        this.#left -= taken.length
        if (this.#left === 0) this.#place = 'behind data'
        if (taken.length > 0) return taken
        if (this.#left > 0) break
      }
      const line = this.#line(
        this.#place === 'trailers' ? MAX_ANSWER_HEAD_BYTES : MAX_CHUNK_LINE_BYTES,
      )
      if (line === undefined) break
      this.#readLine(line)
    }
    return this.#rest.subarray(0, 0)
  }

  /** Of a chunked body. */
  #readLine(line: string): void {
    const protocol = caseOf('HTTP-protocol-error')
    if (this.#place === 'trailers') {
      if (line === '') this.isOver = true
      else this.#readTrailer(line)
    } else if (this.#place === 'behind data') {
      if (line === '') this.#place = 'size'
      else this.problem = protocol
    } else {
      const size = CHUNK_LINE.exec(line)?.[1]
      if (size === undefined) this.problem = protocol
      this.#left = Number.parseInt(size ?? '0', 16)
      this.#place = this.#left === 0 ? 'trailers' : 'data'
    }
  }

  #readTrailer(line: string): void {
    this.#left += line.length
    const field = entryOf(line)
    if (this.#left > MAX_ANSWER_HEAD_BYTES || this.trailers.length === MAX_ANSWER_FIELDS)
      this.problem = caseOf('HTTP-response-trailer-section-size', NONE)
    else if (field === undefined) this.problem = caseOf('HTTP-protocol-error')
    else if (!HOP_BY_HOP.has(field[0]) && field[0] !== 'content-length') this.trailers.push(field)
  }

  /** Without its end; undefined: it has not all come. */
  #line(most: number): string | undefined {
    const end = this.#rest.indexOf('\r\n')
    if (end > most || (end < 0 && this.#rest.length > most)) {
      this.problem = caseOf('HTTP-protocol-error')
      return undefined
    }
    if (end < 0) return undefined
    const line = this.#rest.toString('latin1', 0, end)
    this.#rest = this.#rest.subarray(end + 2)
    return line
  }

  #cut(most: number): Uint8Array {
    const taken = this.#rest.subarray(0, most)
    this.#rest = this.#rest.subarray(taken.length)
    return taken
  }

  /** Whether there was an informational one, behind which the next begins. */
  #readHead(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end > MAX_ANSWER_HEAD_BYTES || (end < 0 && this.#rest.length > MAX_ANSWER_HEAD_BYTES)) {
      this.problem = caseOf('HTTP-response-header-section-size', some(this.#rest.length))
      return false
    }
    if (end < 0) return false
    const [first = '', ...lines] = this.#rest.toString('latin1', 0, end).split('\r\n')
    this.#rest = this.#rest.subarray(end + 4)
    const status = Number(STATUS_LINE.exec(first)?.[1] ?? 0)
    const fields = lines.map(entryOf).filter((entry) => entry !== undefined)
    if (status === 0 || fields.length < lines.length || fields.length > MAX_ANSWER_FIELDS) {
      this.problem = caseOf('HTTP-protocol-error')
      return false
    }
    if (status === 101) this.problem = caseOf('HTTP-upgrade-failed')
    if (status < 200) return this.problem === undefined
    this.#frame(status, fields)
    if (this.problem !== undefined) return false
    this.head = { status, fields: fields.filter(([name]) => !HOP_BY_HOP.has(name)) }
    return false
  }

  /** RFC 9112, section 6.3. */
  #frame(status: number, entries: readonly FieldEntry[]): void {
    const valuesOf = (wanted: string): string[] =>
      entries
        .filter(([name]) => name === wanted)
        .map(([, value]) => Buffer.from(value).toString('latin1'))
    const codings = valuesOf('transfer-encoding').join(', ')
    const lengths = new Set(valuesOf('content-length'))
    const [length] = lengths
    if (this.#isHead || status === 204 || status === 304) this.#framing = 'length'
    else if (codings !== '') {
      if (codings.toLowerCase() === 'chunked' && length === undefined) this.#framing = 'chunked'
      else this.problem = caseOf('HTTP-response-transfer-coding', some(codings.slice(0, 80)))
    } else if (length !== undefined) {
      this.#framing = 'length'
      this.#left = Number(length)
      if (lengths.size > 1 || !/^[0-9]{1,15}$/.test(length))
        this.problem = caseOf('HTTP-protocol-error')
    }
    this.isOver = this.#framing === 'length' && this.#left === 0
  }
}

/** A line of a head, or of the trailers; undefined: it is none. */
function entryOf(line: string): FieldEntry | undefined {
  const [, name, value = ''] = FIELD.exec(line) ?? []
  return name === undefined ? undefined : [name.toLowerCase(), Buffer.from(value, 'latin1')]
}
