/**
 * Bearer tokens of the admin API.
 *
 *     wfpm_0123456789ab_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
 *          id           secret: 256 random bits, base64url
 *
 * The id finds the record and is no secret. Of the rest the server keeps a SHA-256 only: that suffices for a secret that
 * nobody can guess, however fast the hash.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

export const SCOPES = ['publish', 'read', 'operate'] as const
export type Scope = (typeof SCOPES)[number]

/** What the server knows of a token. */
export interface TokenRecord {
  readonly id: string
  /** For people: whose it is, what for. */
  readonly name: string
  /** Undefined: an operator's, good for every tenant. */
  readonly tenant: string | undefined
  readonly scopes: readonly Scope[]
  /** SHA-256 of the whole token, in hexadecimal. */
  readonly hash: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** ISO 8601, UTC; undefined: it is good until it is revoked. */
  readonly expiresAt: string | undefined
}

export interface NewToken {
  readonly name: string
  readonly tenant: string | undefined
  readonly scopes: readonly Scope[]
  /** In milliseconds since 1970. */
  readonly nowMs: number
  /** Milliseconds from now; undefined: for ever. */
  readonly lifeMs: number | undefined
}

const ID_BYTES = 6
const SECRET_BYTES = 32
const TOKEN = /^wfpm_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/

/** Makes a token: the text to hand out, which is kept nowhere, and the record to keep. */
export function mintToken({ name, tenant, scopes, nowMs, lifeMs }: NewToken): {
  readonly token: string
  readonly record: TokenRecord
} {
  const id = randomBytes(ID_BYTES).toString('hex')
  const token = `wfpm_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`
  const expiresAt = lifeMs === undefined ? undefined : new Date(nowMs + lifeMs).toISOString()
  const createdAt = new Date(nowMs).toISOString()
  const sorted = SCOPES.filter((scope) => scopes.includes(scope))
  return {
    token,
    record: { id, name, tenant, scopes: sorted, hash: hashOf(token), createdAt, expiresAt },
  }
}

/** SHA-256 of a token's text, in hexadecimal. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** The id within what may be a token; undefined: it is none. */
export function idOf(token: string): string | undefined {
  return TOKEN.exec(token)?.[1]
}

/** Whether `token` is the one the record was made of. Takes as long for every wrong one. */
export function isTokenOf(token: string, record: Pick<TokenRecord, 'hash'>): boolean {
  const [given, known] = [Buffer.from(hashOf(token), 'hex'), Buffer.from(record.hash, 'hex')]
  return given.length === known.length && timingSafeEqual(given, known)
}

/** `nowMs`: milliseconds since 1970. */
export function isExpired({ expiresAt }: Pick<TokenRecord, 'expiresAt'>, nowMs: number): boolean {
  // A time that cannot be read is over.
  return expiresAt !== undefined && !(Date.parse(expiresAt) > nowMs)
}
