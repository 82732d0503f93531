/**
 * `index.json` of an exported store: what a web server cannot list. It is written last, in one step, so that whoever reads it finds everything
 * that it names.
 */

import { isDigest } from '../store/digest.ts'
import { isName, parseSignatureName } from '../store/layout.ts'
import { strangeAnswer } from './errors.ts'

export const INDEX_FILE = 'index.json'

/** Of 100,000 tenants with some releases each. */
export const MAX_INDEX_BYTES: number = 256 * 1024 * 1024

export interface ExportIndex {
  readonly format: 1
  readonly tenants: Readonly<Record<string, IndexedTenant>>
}

export interface IndexedTenant {
  /** The file of its pointer. */
  readonly live: string
  /** Digests of its releases. */
  readonly published: readonly string[]
  /** Names of its signatures' files. */
  readonly signatures: readonly string[]
}

/** Throws `FollowError` (FOLLOW_STRANGE_ANSWER). `name`: of the source. */
export function readIndex(text: string, name: string): ExportIndex {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw strangeAnswer(name, `${INDEX_FILE} is no JSON`)
  }
  const [format, tenants] = [field(value, 'format'), field(value, 'tenants')]
  if (format !== 1) {
    throw strangeAnswer(name, `${INDEX_FILE} has format ${JSON.stringify(format)?.slice(0, 40)}`)
  }
  const isGood =
    typeof tenants === 'object' &&
    tenants !== null &&
    Object.entries(tenants).every(([tenant, one]) => isName(tenant) && isIndexed(one))
  if (!isGood) throw strangeAnswer(name, `${INDEX_FILE} has a tenant that is none`)
  return { format, tenants: tenants as ExportIndex['tenants'] }
}

function isIndexed(value: unknown): boolean {
  const [live, published] = [field(value, 'live'), field(value, 'published')]
  return (
    typeof live === 'string' &&
    isListOf(published, isDigest) &&
    isListOf(field(value, 'signatures'), (text) => parseSignatureName(text) !== undefined)
  )
}

function isListOf(value: unknown, isGood: (text: string) => boolean): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === 'string' && isGood(one))
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return Reflect.get(value, name)
}
