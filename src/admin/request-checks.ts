/** What a request must be before it is carried out: allowed, of a known path, type and shape. */
import { buffer } from 'node:stream/consumers'
import type { z } from 'zod'
import type { Principal } from './authenticate.ts'
import { unknownTenant } from './context.ts'
import type { Endpoint } from './endpoint.ts'
import type { Found } from './endpoints.ts'
import { AdminError } from './errors.ts'
import type { JsonExchange } from './json-exchange.ts'

/** Longest path and name that a message repeats. */
const MAX_SHOWN = 300

/** Throws ADMIN_UNKNOWN_TENANT, ADMIN_FORBIDDEN, ADMIN_MISSING_SCOPE. */
export function admit({ tenant, scopes }: Principal, { endpoint, names }: Found): void {
  const named = names.get('tenant') ?? ''
  if (endpoint.reach === 'tenant' && tenant !== undefined && tenant !== named) {
    throw unknownTenant(named)
  }
  if (endpoint.reach === 'operator' && tenant !== undefined) {
    throw new AdminError(
      'ADMIN_FORBIDDEN',
      `Cannot do that with a token of tenant ${tenant}: wanted an operator's`,
    )
  }
  const { scope } = endpoint
  if (scope === undefined || scopes.has(scope)) return
  throw new AdminError(
    'ADMIN_MISSING_SCOPE',
    `Cannot do that: the token has ${[...scopes].join(', ') || 'no scope'}, wanted ${scope}`,
    { details: { scope } },
  )
}

/** `methods`: those that the path knows. */
export function notHere(exchange: JsonExchange, methods: readonly string[]): AdminError {
  const { request, target } = exchange
  const path = JSON.stringify(target.path.slice(0, MAX_SHOWN))
  if (methods.length === 0) {
    return new AdminError(
      'ADMIN_UNKNOWN_PATH',
      `Cannot find ${path}: there is nothing, wanted a path of /v1/openapi.json`,
    )
  }
  exchange.setHeader('allow', methods.join(', '))
  return new AdminError(
    'ADMIN_BAD_METHOD',
    `Cannot ${request.method} ${path}: wanted ${methods.join(', ')}`,
  )
}

/** Throws ADMIN_BAD_MEDIA_TYPE. */
export function checkMediaType(
  { request: wanted }: Endpoint,
  { mediaType, request }: JsonExchange,
): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined ||
    Number(request.headers['content-length'] ?? 0) > 0
  const encoding = request.headers['content-encoding'] ?? 'identity'
  // JSON may be left out where all of it is optional; what is published may not.
  const isFine = !hasBody && wanted?.schema !== undefined
  const isKnown = (wanted?.types ?? []).includes(mediaType) && encoding === 'identity'
  if (wanted === undefined || isFine || isKnown) return
  throw new AdminError(
    'ADMIN_BAD_MEDIA_TYPE',
    `Cannot read the body: it is ${JSON.stringify(mediaType)} (${encoding}), wanted ${wanted.types.join(', ')}`,
  )
}

/** Each parameter at most once, and none that is not known. Throws ADMIN_BAD_REQUEST. */
export function readQuery({ query = [] }: Endpoint, text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (!query.some((known) => known.name === name) || found.has(name)) {
      const known = query.map((one) => one.name).join(', ') || 'none'
      throw new AdminError(
        'ADMIN_BAD_REQUEST',
        `Cannot read parameter ${JSON.stringify(name.slice(0, 60))}: wanted each once, of ${known}`,
        { details: { parameter: name.slice(0, 60) } },
      )
    }
    found.set(name, value)
  }
  return found
}

/** Nothing at all is `{}`. Throws ADMIN_BAD_REQUEST, and what `body` throws. */
export async function readJson<Value>(
  body: AsyncIterable<Uint8Array>,
  schema: z.ZodType<Value>,
): Promise<Value> {
  const bytes = await buffer(body)
  const read = schema.safeParse(bytes.length === 0 ? {} : parseJson(bytes))
  if (read.success) return read.data
  const problems = read.error.issues.slice(0, 5).map(({ path, message }) => {
    return `${path.map(String).join('.') || 'the whole'}: ${message}`
  })
  throw new AdminError('ADMIN_BAD_REQUEST', `Cannot read the body: ${problems.join('; ')}`)
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AdminError('ADMIN_BAD_REQUEST', `Cannot read the body: ${reason}, wanted JSON`, {
      cause,
    })
  }
}
