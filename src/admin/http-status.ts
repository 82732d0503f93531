/** From error codes to HTTP status: the only such table of the admin API. */
import type { AdminErrorCode } from './errors.ts'

const ADMIN: Readonly<Record<AdminErrorCode, number>> = {
  ADMIN_NO_TOKEN: 401,
  ADMIN_BAD_TOKEN: 401,
  ADMIN_EXPIRED_TOKEN: 401,
  ADMIN_FORBIDDEN: 403,
  ADMIN_MISSING_SCOPE: 403,
  ADMIN_UNKNOWN_TENANT: 404,
  ADMIN_UNKNOWN_PATH: 404,
  ADMIN_UNKNOWN_TOKEN: 404,
  ADMIN_BAD_METHOD: 405,
  ADMIN_BAD_REQUEST: 400,
  ADMIN_BAD_MEDIA_TYPE: 415,
  ADMIN_BODY_TOO_LARGE: 413,
  ADMIN_BODY_TIMEOUT: 408,
  ADMIN_BODY_CUT: 400,
  ADMIN_BAD_ARCHIVE: 400,
  ADMIN_BAD_ENTRY: 422,
  ADMIN_ARCHIVE_LIMIT: 413,
  ADMIN_RATE_LIMIT: 429,
  ADMIN_BUSY: 503,
  ADMIN_TOKEN_FILE: 503,
  ADMIN_TOO_MANY_TOKENS: 409,
  ADMIN_NO_MASTER: 503,
  ADMIN_UNREACHABLE: 502,
  ADMIN_STRANGE_ANSWER: 502,
  ADMIN_OTHER_RELEASE: 502,
}

/** Codes of other folders that come through here; others of theirs by the start of their name. */
const OTHERS: ReadonlyMap<string, number> = new Map([
  ['STORE_BAD_NAME', 400],
  ['STORE_LIMIT_EXCEEDED', 413],
  ['STORE_ROUTE_TAKEN', 409],
  ['STORE_NO_OLDER_RELEASE', 409],
  ['STORE_BAD_CANARY', 409],
  ['STORE_NO_CANARY', 409],
  ['STORE_UNKNOWN_RELEASE', 404],
  ['STORE_UNKNOWN_HANDLER', 404],
  ['STORE_BUSY', 503],
  ['STORE_FULL', 507],
  ['STORE_BAD_MANIFEST', 422],
  ['STORE_BAD_FILE', 422],
  ['STORE_OVER_TENANT_LIMIT', 422],
  ['STORE_UNREADABLE', 422],
  ['STORE_PUBLISHER_TIMEOUT', 422],
  ['STORE_PUBLISHER_MEMORY', 422],
  ['CONFIG_UNKNOWN_TENANT', 404],
  ['CONFIG_NOT_WRITABLE', 500],
  ['CONFIG_NOT_READABLE', 500],
  ['MASTER_BUSY', 503],
  ['LOGS_NO_FILE', 404],
  ['LOGS_UNREADABLE', 503],
])

const BY_START: ReadonlyArray<readonly [start: string, status: number]> = [
  ['PUBLISHER_', 422],
  ['COMPONENT_', 422],
  ['GUEST_', 422],
  ['WASM_', 422],
  // A signature that a tenant demands.
  ['STORE_BAD_SIGNATURE', 422],
  ['STORE_UNSIGNED', 422],
  ['CONFIG_', 409],
]

/** 500 for what is nobody's fault but ours. */
export function statusOf(code: string): number {
  if (isAdminCode(code)) return ADMIN[code]
  return OTHERS.get(code) ?? BY_START.find(([start]) => code.startsWith(start))?.[1] ?? 500
}

function isAdminCode(code: string): code is AdminErrorCode {
  return Object.hasOwn(ADMIN, code)
}
