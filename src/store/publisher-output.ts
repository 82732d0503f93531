/** Reads what the publisher's process says: lines of JSON, then a module. It is as trustworthy as what it reads: not at all. */
import { StoreError, storeLimitError } from './errors.ts'
import type {
  JobDone,
  JobFailed,
  JobPrinted,
  ProgressReport,
  PublisherEvent,
  StepReport,
} from './publisher-protocol.ts'

export interface OutputLimits {
  /** Bytes of all lines. */
  readonly talkBytes: number
  readonly moduleBytes: number
}

/** Who wants to know, while it goes on. */
export interface OutputListener {
  readonly onStep: (step: StepReport) => void
  readonly onProgress?: ((progress: ProgressReport) => void) | undefined
}

export class OutputReader {
  done: JobDone | undefined
  hasImported = false
  printed: JobPrinted | undefined
  failure: JobFailed | undefined
  readonly #limits: OutputLimits
  readonly #listener: OutputListener
  #talkBytes = 0
  #line: Uint8Array[] = []
  #module: Uint8Array | undefined
  #moduleBytes = 0

  constructor(limits: OutputLimits, listener: OutputListener) {
    this.#limits = limits
    this.#listener = listener
  }

  /** The hardened module, once all of it is there. */
  get module(): Uint8Array | undefined {
    return this.#moduleBytes === this.#module?.length ? this.#module : undefined
  }

  /** Throws STORE_LIMIT_EXCEEDED and STORE_PUBLISHER_FAILED. */
  take(chunk: Uint8Array): void {
    let rest = chunk
    while (rest.length > 0 && this.#module === undefined) {
      const end = rest.indexOf(LINE_FEED)
      const part = rest.subarray(0, end < 0 ? rest.length : end)
      rest = rest.subarray(end < 0 ? rest.length : end + 1)
      this.#talkBytes += part.length
      checkSize('talkBytes', this.#talkBytes, this.#limits.talkBytes)
      this.#line.push(part)
      if (end >= 0) this.#endLine()
    }
    if (this.#module === undefined || rest.length === 0) return
    if (this.#moduleBytes + rest.length > this.#module.length) throw senseless('too long a module')
    this.#module.set(rest, this.#moduleBytes)
    this.#moduleBytes += rest.length
  }

  #endLine(): void {
    const text = Buffer.concat(this.#line).toString('utf8')
    this.#line = []
    const event = parseEvent(text)
    switch (event.event) {
      case 'step':
        this.#listener.onStep(event)
        return
      case 'progress':
        this.#listener.onProgress?.(event)
        return
      case 'failed':
        this.failure ??= event
        return
      case 'imported':
        this.hasImported = true
        return
      case 'printed':
        this.printed ??= event
        return
      case 'done':
        checkSize('hardenedBytes', event.hardened.bytes, this.#limits.moduleBytes)
        this.done = event
        this.#module = new Uint8Array(event.hardened.bytes)
    }
  }
}

const LINE_FEED = 10

function parseEvent(text: string): PublisherEvent {
  let event: unknown
  try {
    event = JSON.parse(text)
  } catch (cause) {
    throw senseless(text.slice(0, 80), cause)
  }
  if (isEvent(event)) return event
  throw senseless(text.slice(0, 80))
}

function isEvent(value: unknown): value is PublisherEvent {
  if (!isTable(value)) return false
  switch (value['event']) {
    case 'step':
      return areTexts(value, ['step', 'note']) && isTable(value['found']) && isSize(value['ms'])
    case 'progress':
      return value['step'] === 'harden' && areCounts(value, ['done', 'total'])
    case 'imported':
      return true
    case 'printed':
      return areTexts(value, ['wit'])
    case 'failed':
      return (
        areTexts(value, ['step']) &&
        isTable(value['error']) &&
        areTexts(value['error'], ['code', 'message'])
      )
    case 'done':
      return isLifetime(value['lifetime']) && isHardened(value['hardened'])
    default:
      return false
  }
}

function isLifetime(value: unknown): boolean {
  return value === 'reset' || value === 'fresh' || value === 'persistent'
}

function isHardened(value: unknown): boolean {
  return (
    isTable(value) &&
    areTexts(value, ['digest']) &&
    areCounts(value, ['bytes', 'contract', 'memoryMaxBytes', 'functionBytes', 'memories']) &&
    typeof value['isResettable'] === 'boolean'
  )
}

type Table = { readonly [key: string]: unknown }

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null
}

function areTexts(table: Table, names: readonly string[]): boolean {
  return names.every((name) => typeof table[name] === 'string')
}

function areCounts(table: Table, names: readonly string[]): boolean {
  return names.every((name) => isSize(table[name]) && Number.isInteger(table[name]))
}

function isSize(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

function checkSize(limit: string, actual: number, wanted: number): void {
  if (actual > wanted) throw storeLimitError('verify the module', { limit, actual, wanted })
}

function senseless(actual: string, cause?: unknown): StoreError {
  return new StoreError(
    'STORE_PUBLISHER_FAILED',
    `Cannot verify the module: the publisher's process said ${JSON.stringify(actual)}, wanted an event`,
    { cause },
  )
}
