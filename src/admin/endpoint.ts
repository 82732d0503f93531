/** What the admin API is made of: where an endpoint is, who may use it, what it takes, answers and does. */
import type { z } from 'zod'
import type { Principal } from './authenticate.ts'
import type { Scope } from './bearer-token.ts'
import type { EventStream } from './event-stream.ts'

/**
 * - `open`: everybody, without a token.
 * - `tenant`: operators, and tokens of the tenant that the path names.
 * - `any`: operators and tenants, each seeing what is theirs.
 * - `operator`: operators.
 */
export type Reach = 'open' | 'tenant' | 'any' | 'operator'

export interface QueryParameter {
  readonly name: string
  readonly description: string
}

export interface RequestBody {
  /** Media types it may have. */
  readonly types: readonly string[]
  /** Of a JSON body; undefined: bytes. */
  readonly schema: z.ZodType | undefined
}

export interface ResponseBody {
  readonly status: number
  readonly description: string
  /** Undefined: any JSON. */
  readonly schema: z.ZodType | undefined
}

/** What a call was about, for the audit log; filled in as it becomes known. */
export interface AuditNotes {
  handler?: string | undefined
  release?: string | undefined
  previous?: string | undefined
  token?: string | undefined
  /** Id of the key that signed. */
  key?: string | undefined
  /** False: stored, and nothing live was changed. */
  switched?: boolean | undefined
}

/** A request that may be carried out. */
export interface Call {
  readonly principal: Principal
  /** Of the path; checked names. */
  readonly tenant: string
  readonly handler: string
  readonly tokenId: string
  /** A release's number, or its digest or the start of it. */
  readonly release: string
  /** Of a public key. */
  readonly keyId: string
  readonly query: ReadonlyMap<string, string>
  /** Without parameters, in lower case. */
  readonly mediaType: string
  /** Whether the answer is to come line by line. */
  readonly wantsLines: boolean
  /** Whether it is to come as server-sent events. */
  readonly wantsEvents: boolean
  readonly notes: AuditNotes
  /** The body, bounded; read at most once. */
  body(maxBytes: number): AsyncIterable<Uint8Array>
  /** The body as JSON, checked. An empty one is `{}`. `maxBytes`: default `jsonBytes`. Rejects with ADMIN_BAD_REQUEST. */
  json<Value>(schema: z.ZodType<Value>, maxBytes?: number): Promise<Value>
  /** Sends one line of the answer, before the answer itself. */
  line(value: object): void
  /** Begins an answer of events; what `handle` answers is its last one, `end`. Called once. */
  events(): EventStream
  /** Looks at who asks anew. Rejects when a new request would be refused. */
  isStillAllowed(): Promise<void>
}

export interface Answer {
  readonly status: number
  readonly value: object
}

export interface Endpoint {
  /** Its name in the OpenAPI document and in the audit log. */
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With `{tenant}`, `{handler}`, `{token}`, `{release}`, `{key}`. */
  readonly path: string
  readonly reach: Reach
  /** Undefined: none is needed. */
  readonly scope: Scope | undefined
  readonly summary: string
  readonly query?: readonly QueryParameter[]
  readonly request?: RequestBody
  /** The answer when all is well. */
  readonly response: ResponseBody
  /** Whether it also answers NDJSON, and a line's schema. */
  readonly lines?: z.ZodType
  /** Whether it also answers server-sent events, and the schema of their data. */
  readonly events?: z.ZodType
  /** Whether it leaves a line in the audit log. */
  readonly isChange: boolean
  handle(call: Call): Promise<Answer>
}
