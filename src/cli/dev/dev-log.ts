/** What workers log, as a developer wants to see it: requests, standard error, traps with their back trace. */
import { StringDecoder } from 'node:string_decoder'
import { type LogEntry, readEntry } from '../../logs/log-entry.ts'

/** pino's number for warnings. */
const WARN = 40

/** Longest unfinished line that is kept. */
const MAX_LINE_CHARS = 256 * 1024

export class DevLog {
  readonly #show: (entry: LogEntry) => void
  readonly #writers = new WeakMap<object, Writer>()

  constructor(show: (entry: LogEntry) => void) {
    this.#show = show
  }

  /** Takes what `writer` has written to its standard error. */
  write(writer: object, chunk: Buffer): void {
    const known = this.#writers.get(writer) ?? { decoder: new StringDecoder('utf8'), rest: '' }
    this.#writers.set(writer, known)
    const lines = (known.rest + known.decoder.write(chunk)).split('\n')
    known.rest = (lines.pop() ?? '').slice(-MAX_LINE_CHARS)
    for (const line of lines) this.#take(line)
  }

  /** There is no file to open anew. */
  reopen(): void {}

  #take(line: string): void {
    if (line.trim() === '') return
    const entry = readEntry(line)
    if (entry.fields === undefined) {
      this.#show(entry)
      return
    }
    const { level, msg, stream, requestId } = asKnown(entry.fields)
    const isLoud = typeof level === 'number' && level >= WARN
    const isRequest = (msg === 'access' || stream === 'stderr') && requestId !== undefined
    if (!isLoud && !isRequest) return
    // There is one tenant and one handler: nobody needs to be told.
    const { tenant: _tenant, handler: _handler, pool: _pool, ...fields } = entry.fields
    this.#show({ ...entry, fields })
  }
}

interface Writer {
  readonly decoder: StringDecoder
  /** Its unfinished last line. */
  rest: string
}

interface Known {
  readonly level?: unknown
  readonly msg?: unknown
  readonly stream?: unknown
  readonly requestId?: unknown
}

function asKnown(fields: Known): Known {
  return fields
}
