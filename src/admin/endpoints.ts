/** All endpoints, and how a request finds its own. */
import type { AdminContext } from './context.ts'
import type { Endpoint } from './endpoint.ts'
import { logEndpoints } from './log-endpoints.ts'
import { openApiDocument } from './openapi.ts'
import { operatorEndpoints } from './operator-endpoints.ts'
import { releaseEndpoints } from './release-endpoints.ts'
import { healthSchema } from './schemas.ts'
import { tenantEndpoints } from './tenant-endpoints.ts'

export function makeEndpoints(context: AdminContext): readonly Endpoint[] {
  const all: Endpoint[] = [
    {
      id: 'getHealth',
      method: 'GET',
      path: '/v1/health',
      reach: 'open',
      scope: undefined,
      summary: 'Whether this process answers.',
      response: { status: 200, description: 'It does.', schema: healthSchema },
      isChange: false,
      handle: async () => ({ status: 200, value: { status: 'ok' } }),
    },
    {
      id: 'getOpenApi',
      method: 'GET',
      path: '/v1/openapi.json',
      reach: 'open',
      scope: undefined,
      summary: 'This document.',
      response: { status: 200, description: 'OpenAPI 3.1.', schema: undefined },
      isChange: false,
      handle: async () => ({ status: 200, value: openApiDocument(all) }),
    },
    ...tenantEndpoints(context),
    ...logEndpoints(context),
    ...releaseEndpoints(context),
    ...operatorEndpoints(context),
  ]
  return all
}

export interface Found {
  readonly endpoint: Endpoint
  /** The names in the path. */
  readonly names: ReadonlyMap<string, string>
}

/** What a name in a path can be: nothing that would have to be decoded. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/

/** What other things in a path can be, by what the path calls them. */
const SHAPES: ReadonlyMap<string, RegExp> = new Map([
  ['release', /^[0-9a-f]{1,64}$/],
  ['key', /^[0-9a-f]{16}$/],
])

/** The endpoint for `path`, without query; else the methods that the path knows: none, where there is nothing. */
export function findEndpoint(
  endpoints: readonly Endpoint[],
  method: string | undefined,
  path: string,
): Found | readonly string[] {
  const here = endpoints.flatMap((endpoint) => {
    const names = matchPath(endpoint.path, path)
    return names === undefined ? [] : [{ endpoint, names }]
  })
  return (
    here.find(({ endpoint }) => endpoint.method === method) ??
    here.map(({ endpoint }) => endpoint.method)
  )
}

function matchPath(pattern: string, path: string): ReadonlyMap<string, string> | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return undefined
  const names = new Map<string, string>()
  for (const [index, part] of wanted.entries()) {
    const actual = given[index] ?? ''
    const name = /^\{(\w+)\}$/.exec(part)?.[1]
    const isRight = name === undefined ? part === actual : (SHAPES.get(name) ?? NAME).test(actual)
    if (!isRight) return undefined
    if (name !== undefined) names.set(name, actual)
  }
  return names
}
