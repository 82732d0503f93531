/**
 * What is live of a tenant and what leads there, in one piece: its pointer, its entries for the releases that the pointer names, and their
 * signatures. Everything else of a release has a digest for a name. So a registry or a server of messages needs to hold two kinds of things:
 * records, which change, and bytes by digest, which do not.
 */
import { type Digest, isDigest } from '../store/digest.ts'
import { isName, parseSignatureName } from '../store/layout.ts'
import { strangeAnswer } from './errors.ts'

export interface TenantRecord {
  /** The file of its pointer. */
  readonly live: string
  /** Its entries: the file of each, by the release's digest. */
  readonly published: Readonly<Record<Digest, string>>
  /** The file of each signature, by its name. */
  readonly signatures: Readonly<Record<string, string>>
}

/** Throws `FollowError` (FOLLOW_STRANGE_ANSWER). `source`: its name. */
export function readRecord(text: string, source: string): TenantRecord {
  const value = parse(text, source, 'a record')
  if (isRecord(value)) return value
  throw strangeAnswer(source, 'a record is none')
}

/** The records of all tenants. Throws `FollowError` (FOLLOW_STRANGE_ANSWER). `source`: its name. */
export function readRecords(text: string, source: string): ReadonlyMap<string, TenantRecord> {
  const value = parse(text, source, 'the list of tenants')
  const records = new Map<string, TenantRecord>()
  const tenants = isTable(value) && value['format'] === 1 ? value['tenants'] : undefined
  if (!isTable(tenants)) throw strangeAnswer(source, 'the list of tenants has another format')
  for (const [tenant, record] of Object.entries(tenants)) {
    if (!isName(tenant) || !isRecord(record)) {
      throw strangeAnswer(source, 'the list of tenants has one that is none')
    }
    records.set(tenant, record)
  }
  return records
}

/** The same records give the same text. */
export function encodeRecords(records: ReadonlyMap<string, TenantRecord>): string {
  const sorted = [...records].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify({ format: 1, tenants: Object.fromEntries(sorted) })
}

function parse(text: string, source: string, what: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw strangeAnswer(source, `${what} is no JSON`)
  }
}

function isRecord(value: unknown): value is TenantRecord {
  return (
    isTable(value) &&
    typeof value['live'] === 'string' &&
    isTexts(value['published'], isDigest) &&
    isTexts(value['signatures'], (name) => parseSignatureName(name) !== undefined)
  )
}

function isTexts(value: unknown, isKey: (key: string) => boolean): boolean {
  const isGood = ([key, text]: readonly [string, unknown]): boolean =>
    isKey(key) && typeof text === 'string'
  return isTable(value) && Object.entries(value).every(isGood)
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
