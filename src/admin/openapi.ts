/** The OpenAPI 3.1 document of the admin API, made from its endpoints. */
import { z } from 'zod'
import type { Endpoint, RequestBody } from './endpoint.ts'
import { errorSchema } from './schemas.ts'

/** Of the API: the first number is in its paths. */
const API_VERSION = '1.0.0'

/** What any endpoint may answer when it refuses. */
const REFUSALS: ReadonlyArray<readonly [status: string, description: string]> = [
  ['401', 'No token, or a bad one.'],
  ['403', 'The token may not do that.'],
  ['404', 'There is no such thing, or the token may not see it.'],
  ['429', 'Too many requests; Retry-After says when to come back.'],
  ['default', 'Anything else that is wrong; error.code says what.'],
]

export function openApiDocument(endpoints: readonly Endpoint[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const endpoint of endpoints) {
    const methods = paths[endpoint.path] ?? {}
    methods[endpoint.method.toLowerCase()] = operation(endpoint)
    paths[endpoint.path] = methods
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'wasm-fpm admin API',
      version: API_VERSION,
      description: 'Publishing handlers, taking them back, and looking after the server.',
    },
    paths,
    components: {
      schemas: { Error: schemaOf(errorSchema) },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token of `wasm-fpm token create`. On a unix socket that only the operator can reach none is needed.',
        },
      },
    },
  }
}

function operation(endpoint: Endpoint): object {
  const { id, summary, request, scope, reach } = endpoint
  const parameters = [...pathParameters(endpoint), ...queryParameters(endpoint)]
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(request === undefined ? {} : { requestBody: requestBody(request) }),
    responses: responses(endpoint),
    security: reach === 'open' ? [] : [{ token: [] }],
    ...(scope === undefined ? {} : { 'x-scope': scope, 'x-reach': reach }),
  }
}

function pathParameters({ path }: Endpoint): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

function queryParameters({ query = [] }: Endpoint): object[] {
  return query.map(({ name, description }) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }))
}

function requestBody({ types, schema }: RequestBody): object {
  const content = schema === undefined ? {} : { schema: schemaOf(schema) }
  return {
    required: schema === undefined,
    content: Object.fromEntries(types.map((type) => [type, content])),
  }
}

function responses({ response, lines, events, reach }: Endpoint): object {
  const { status, description, schema } = response
  const content = {
    'application/json': { schema: schema === undefined ? {} : schemaOf(schema) },
    ...(events === undefined ? {} : { 'text/event-stream': { schema: schemaOf(events) } }),
  }
  const byLine = {
    description: 'A JSON object a line, unless application/json is asked for.',
    content: { 'application/x-ndjson': { schema: lines === undefined ? {} : schemaOf(lines) } },
  }
  const refusal = (text: string): object => ({
    description: text,
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
  })
  const refusals = REFUSALS.filter(([name]) => reach !== 'open' || name === '429')
  return {
    [status]: { description, content },
    ...(lines === undefined ? {} : { '200': byLine }),
    ...Object.fromEntries(refusals.map(([name, text]) => [name, refusal(text)])),
  }
}

function schemaOf(schema: z.ZodType): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}
