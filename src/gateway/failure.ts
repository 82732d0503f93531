/**
 * The only table from what went wrong to what the web server is told and how loudly the log says it
 * (shared by everything that answers requests). Before the response header is out a failure is a complete CGI response;
 * web servers ignore FCGI_END_REQUEST's status, so that one is only an extra.
 */
import type { CgiErrorCode } from '../cgi/errors.ts'
import type { ComponentErrorCode } from '../component/errors.ts'
import { ProtocolStatus } from '../fastcgi/constants.ts'
import type { FastCgiErrorCode } from '../fastcgi/errors.ts'
import type { GuestErrorCode } from '../guest/errors.ts'
import type { Outcome } from '../guest/outcome.ts'
import type { PoolErrorCode } from '../pool/errors.ts'
import type { StoreErrorCode } from '../store/errors.ts'
import type { WasmErrorCode } from '../wasm/errors.ts'
import type { GatewayErrorCode } from './errors.ts'

/** How a run ended, as a code for logs and counters. */
export type OutcomeCode =
  /** The guest trapped. */
  | 'OUTCOME_TRAPPED'
  /** It ended with a non-zero exit code before it had printed a response header. */
  | 'OUTCOME_FAILED'
  /** It ran out of memory. */
  | 'OUTCOME_OUT_OF_MEMORY'
  /** It ran out of stack. */
  | 'OUTCOME_STACK_OVERFLOW'
  /** It used up its CPU time. */
  | 'OUTCOME_CPU_EXCEEDED'
  /** Its wall-clock time was over. */
  | 'OUTCOME_WALL_EXCEEDED'
  /** The client or the web server gave up. */
  | 'OUTCOME_ABORTED'
  /** The worker stopped while it ran. */
  | 'OUTCOME_STOPPED'

export type FailureCode =
  | CgiErrorCode
  | ComponentErrorCode
  | FastCgiErrorCode
  | GatewayErrorCode
  | GuestErrorCode
  | OutcomeCode
  | PoolErrorCode
  | StoreErrorCode
  | WasmErrorCode
  | 'INTERNAL'

export interface FailureRule {
  /** HTTP status of the page sent instead of the guest's answer. */
  readonly status: number
  readonly protocolStatus: ProtocolStatus
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Seconds after which trying again makes sense. */
  readonly retryAfterS?: number
}

const { RequestComplete, Overloaded } = ProtocolStatus

const badRequest: FailureRule = { status: 400, protocolStatus: RequestComplete, level: 'info' }
const badGuest: FailureRule = { status: 500, protocolStatus: RequestComplete, level: 'warn' }
const badResponse: FailureRule = { status: 502, protocolStatus: RequestComplete, level: 'warn' }
/** A release that cannot be read, or is not what was published. */
const badStore: FailureRule = { status: 500, protocolStatus: RequestComplete, level: 'error' }
const busy: FailureRule = {
  status: 503,
  protocolStatus: Overloaded,
  level: 'warn',
  retryAfterS: 1,
}

const RULES: Readonly<Partial<Record<FailureCode, FailureRule>>> = {
  CGI_NO_PARAMS: badRequest,
  CGI_BAD_METHOD: badRequest,
  CGI_BAD_CONTENT_LENGTH: badRequest,
  CGI_BAD_VARIABLE: badRequest,
  CGI_BAD_PATH: badRequest,
  CGI_NO_HEADER: badResponse,
  CGI_BAD_HEADER: badResponse,
  CGI_BAD_STATUS: badResponse,
  CGI_HEADER_TOO_LARGE: badResponse,
  CGI_TOO_MANY_HEADERS: badResponse,
  CGI_BODY_TOO_LARGE: badResponse,
  CGI_SHORT_BODY: badResponse,

  COMPONENT_MALFORMED: badResponse,
  COMPONENT_LIMIT_EXCEEDED: badResponse,
  COMPONENT_UNSUPPORTED: badResponse,
  COMPONENT_IMPORT: badResponse,
  COMPONENT_EXPORT: badResponse,

  FASTCGI_PARAMS_TOO_LARGE: { ...badRequest, status: 431 },

  GATEWAY_UNKNOWN_TENANT: { ...badRequest, status: 404 },
  GATEWAY_UNKNOWN_HANDLER: { ...badRequest, status: 404 },
  GATEWAY_WRONG_METHOD: { ...badRequest, status: 405 },
  GATEWAY_PARAMS_TOO_LARGE: { ...badRequest, status: 431 },
  GATEWAY_BODY_TOO_LARGE: { ...badRequest, status: 413 },
  GATEWAY_BODY_MISMATCH: badRequest,
  GATEWAY_FILE_UNREADABLE: { ...badGuest, level: 'error' },
  GATEWAY_CLIENT_GONE: { ...badGuest, status: 499, level: 'debug' },

  GUEST_UNREADABLE: { ...badRequest, status: 404 },
  GUEST_OUTSIDE_ROOT: { ...badRequest, status: 404, level: 'warn' },
  GUEST_LOADS_WAITING: busy,
  GUEST_TYPES_USED_UP: busy,
  GUEST_INVALID_MODULE: badResponse,
  GUEST_WRONG_CONTRACT: badResponse,
  GUEST_NO_RUNTIME: { ...badGuest, status: 503 },
  GUEST_NO_APPLICATION: badGuest,
  GUEST_BOOT_FAILED: { ...badResponse, level: 'error' },
  GUEST_TOO_LARGE: badResponse,

  OUTCOME_FAILED: badGuest,
  OUTCOME_TRAPPED: badGuest,
  OUTCOME_OUT_OF_MEMORY: badGuest,
  OUTCOME_STACK_OVERFLOW: badGuest,
  OUTCOME_CPU_EXCEEDED: { ...busy, protocolStatus: RequestComplete },
  OUTCOME_WALL_EXCEEDED: { ...badGuest, status: 504 },
  OUTCOME_ABORTED: { ...badGuest, status: 499, level: 'debug' },
  OUTCOME_STOPPED: { ...busy, level: 'info' },

  POOL_QUEUE_FULL: busy,
  POOL_QUEUE_TIMEOUT: busy,
  POOL_ABORTED: { ...badGuest, status: 499, level: 'debug' },
  POOL_STOPPING: { ...busy, level: 'info' },

  INTERNAL: { ...badGuest, level: 'error' },
}

const OTHER: FailureRule = badRequest

/** What to do about `code`. Codes of folders that never reach a request mean a bad request. */
export function failureRule(code: FailureCode): FailureRule {
  if (code.startsWith('WASM_')) return badResponse // a module that cannot be hardened
  if (code.startsWith('STORE_')) return badStore
  return RULES[code] ?? OTHER
}

/** The code of an outcome that is a failure; `undefined` for a guest that ended on its own. */
export function outcomeCode(outcome: Outcome): OutcomeCode | undefined {
  switch (outcome.kind) {
    case 'exited':
      return undefined
    case 'trapped':
      if (outcome.trap === 'out-of-memory') return 'OUTCOME_OUT_OF_MEMORY'
      if (outcome.trap === 'stack-overflow') return 'OUTCOME_STACK_OVERFLOW'
      return 'OUTCOME_TRAPPED'
    case 'killed':
      switch (outcome.reason) {
        case 'cpu':
          return 'OUTCOME_CPU_EXCEEDED'
        case 'wall':
          return 'OUTCOME_WALL_EXCEEDED'
        case 'stopping':
          return 'OUTCOME_STOPPED'
        case 'aborted':
        case 'rejected':
          return 'OUTCOME_ABORTED'
      }
  }
}
