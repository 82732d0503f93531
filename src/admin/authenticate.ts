/** Who asks: the bearer of a token, or the operator at a unix socket that nobody else can reach. */

import { idOf, isExpired, isTokenOf, SCOPES, type Scope, type TokenRecord } from './bearer-token.ts'
import { AdminError } from './errors.ts'

export interface Principal {
  /** The token's id; `local`: no token, the operator's own socket. */
  readonly id: string
  readonly name: string | undefined
  /** Undefined: an operator. */
  readonly tenant: string | undefined
  readonly scopes: ReadonlySet<Scope>
}

export interface Credentials {
  /** All values of the `Authorization` field. */
  readonly authorization: readonly string[]
  /** Whether whoever can connect is the operator. */
  readonly isOperatorsOwn: boolean
}

/** Where tokens are looked up. */
export interface TokenSource {
  find(id: string): Promise<TokenRecord | undefined>
}

const LOCAL: Principal = {
  id: 'local',
  name: undefined,
  tenant: undefined,
  scopes: new Set(SCOPES),
}

/** Compared with where there is no record, so that an unknown id takes as long as a wrong secret. */
const NO_RECORD = { hash: '0'.repeat(64) }

/**
 * `nowMs`: milliseconds since 1970. Rejects with ADMIN_NO_TOKEN, ADMIN_BAD_TOKEN, ADMIN_EXPIRED_TOKEN, and
 * ADMIN_TOKEN_FILE.
 */
export async function authenticate(
  { authorization, isOperatorsOwn }: Credentials,
  tokens: TokenSource,
  nowMs: number,
): Promise<Principal> {
  const [field] = authorization
  if (field === undefined) {
    if (isOperatorsOwn) return LOCAL
    throw new AdminError(
      'ADMIN_NO_TOKEN',
      'Cannot tell who asks: no token, wanted "Authorization: Bearer TOKEN" (`wasm-fpm token create` makes one)',
      {
        details: { wanted: 'Authorization: Bearer TOKEN' },
      },
    )
  }
  const token = authorization.length === 1 ? /^Bearer +(\S+) *$/i.exec(field)?.[1] : undefined
  const id = token === undefined ? undefined : idOf(token)
  if (token === undefined || id === undefined) {
    throw bad('the Authorization field holds none, wanted "Bearer wfpm_..."')
  }
  const record = await tokens.find(id)
  // Not `&&`: the comparison takes place in any case.
  const isRight = isTokenOf(token, record ?? NO_RECORD)
  if (record === undefined || !isRight) throw bad('it is not known, wanted one that is not revoked')
  if (isExpired(record, nowMs)) {
    throw new AdminError(
      'ADMIN_EXPIRED_TOKEN',
      `Cannot accept token ${id}: it has expired at ${record.expiresAt}, wanted a new one`,
    )
  }
  const { name, tenant, scopes } = record
  return { id, name, tenant, scopes: new Set(scopes) }
}

function bad(problem: string): AdminError {
  return new AdminError('ADMIN_BAD_TOKEN', `Cannot accept the token: ${problem}`)
}
