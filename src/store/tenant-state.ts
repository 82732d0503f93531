/** The files of a store that change: a tenant's pointer to what is live, and its list of what it has published. */
import { canonicalJson, type Json } from './canonical-json.ts'
import { type Digest, isDigest } from './digest.ts'
import { StoreError } from './errors.ts'
import { isName } from './layout.ts'

/** What answers a tenant's requests now. All handlers are in one file, so that they switch together. */
export interface TenantState {
  /** Grows by one with every switch; 0: nothing was ever published. */
  readonly sequence: number
  /** By the handler's name. */
  readonly handlers: Readonly<Record<string, LivePointer>>
  /** Which pointer of another store was followed last (replica.ts), whatever has been switched here since; undefined: none, or none that it says. */
  readonly followed?: string | undefined
}

export interface LivePointer {
  readonly release: Digest
  /** ISO 8601, UTC. */
  readonly switchedAt: string
  /** What was live before, the last one last: where rolling back goes. Undefined: written before this was kept. */
  readonly past?: readonly Digest[] | undefined
  /** A release that takes a share of the requests. */
  readonly canary?: CanaryPointer | undefined
}

export interface CanaryPointer {
  readonly release: Digest
  /** Percent of the requests, 1 to 99. */
  readonly weight: number
  /** Whether a client stays with the release that answered it first. */
  readonly sticky: boolean
  /** ISO 8601, UTC. */
  readonly since: string
}

/** Releases that a pointer remembers to have been live before. */
export const MAX_PAST = 16

/** A release in a tenant's list. */
export interface PublishedEntry {
  readonly release: Digest
  readonly handler: string
  /** Counts the tenant's releases. One that is published again keeps the number it has. */
  readonly number: number
  /** ISO 8601, UTC: the last time. No two of a tenant's are the same, and a later publication has a later one. */
  readonly publishedAt: string
}

/** For sorting: what was published last comes first. */
export function newestFirst(a: PublishedEntry, b: PublishedEntry): number {
  if (a.publishedAt === b.publishedAt) return b.number - a.number
  return a.publishedAt < b.publishedAt ? 1 : -1
}

/** The entry of a release that is published now (`nowMs`: since 1970) beside those that were before. */
export function nextEntry(
  entries: readonly PublishedEntry[],
  { release, handler }: Pick<PublishedEntry, 'release' | 'handler'>,
  nowMs: number,
): PublishedEntry {
  const same = entries.find((one) => one.release === release)
  const number = same?.number ?? Math.max(0, ...entries.map((one) => one.number)) + 1
  const lastMs = Date.parse(entries.toSorted(newestFirst)[0]?.publishedAt ?? '')
  // A clock that was put back must not make the newest look old.
  const atMs = Number.isNaN(lastMs) ? nowMs : Math.max(nowMs, lastMs + 1)
  return { release, handler, number, publishedAt: new Date(atMs).toISOString() }
}

export const EMPTY_STATE: TenantState = { sequence: 0, handlers: {} }

function toJson({ release, switchedAt, past, canary }: LivePointer): Json {
  const beside =
    canary === undefined
      ? undefined
      : {
          release: canary.release,
          weight: canary.weight,
          sticky: canary.sticky,
          since: canary.since,
        }
  return { release, switchedAt, past: past?.slice(-MAX_PAST), canary: beside }
}

export function encodeState({ sequence, handlers, followed }: TenantState): Uint8Array {
  const pointers = Object.entries(handlers).map(([name, pointer]) => [name, toJson(pointer)])
  return Buffer.from(
    canonicalJson({ format: 1, sequence, handlers: Object.fromEntries(pointers), followed }),
  )
}

/** Throws STORE_DAMAGED. `what`: the file, for the message. */
export function decodeState(bytes: Uint8Array, what: string): TenantState {
  const { format, sequence, handlers, followed } = parse(bytes, what)
  if (format !== 1 || !isCount(sequence) || !isTable(handlers)) throw damaged(what)
  const pointers = Object.entries(handlers).map(([name, pointer]): [string, LivePointer] => {
    if (!isName(name) || !isTable(pointer)) throw damaged(what)
    const { release, switchedAt } = pointer
    const [past, canary] = [readPast(pointer['past']), readCanary(pointer['canary'])]
    if (!isRelease(release) || past === null || canary === null) throw damaged(what)
    return [name, { release, switchedAt: String(switchedAt), past, canary }]
  })
  const state = { sequence, handlers: Object.fromEntries(pointers) }
  return typeof followed === 'string' ? { ...state, followed } : state
}

/** Null: that is none. */
function readPast(value: unknown): readonly Digest[] | undefined | null {
  if (value === undefined) return undefined
  return Array.isArray(value) && value.every(isRelease) ? value : null
}

/** Null: that is none. */
function readCanary(value: unknown): CanaryPointer | undefined | null {
  if (value === undefined) return undefined
  if (!isTable(value)) return null
  const { release, weight, sticky, since } = value
  if (!isRelease(release) || !isWeight(weight) || typeof sticky !== 'boolean') return null
  return { release, weight, sticky, since: String(since) }
}

/** Whether it is a share a canary can have, in percent. */
export function isWeight(value: unknown): value is number {
  return isCount(value) && value >= 1 && value <= 99
}

function isRelease(value: unknown): value is Digest {
  return typeof value === 'string' && isDigest(value)
}

export function encodeEntry({ release, handler, number, publishedAt }: PublishedEntry): Uint8Array {
  return Buffer.from(canonicalJson({ format: 1, release, handler, number, publishedAt }))
}

/** Throws STORE_DAMAGED. `what`: the file, for the message. */
export function decodeEntry(bytes: Uint8Array, what: string): PublishedEntry {
  const { format, release, handler, number, publishedAt } = parse(bytes, what)
  if (format !== 1 || !isCount(number) || typeof handler !== 'string' || !isName(handler)) {
    throw damaged(what)
  }
  if (typeof release !== 'string' || !isDigest(release)) throw damaged(what)
  return { release, handler, number, publishedAt: String(publishedAt) }
}

type Table = { readonly [key: string]: unknown }

function parse(bytes: Uint8Array, what: string): Table {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw damaged(what, cause)
  }
  if (!isTable(value)) throw damaged(what)
  return value
}

function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function damaged(what: string, cause?: unknown): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `Cannot read ${what}: it is not what this program writes, wanted that (format 1)`,
    { cause },
  )
}
