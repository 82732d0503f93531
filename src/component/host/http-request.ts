/** wasi:http's incoming-request: what the variables of the request say. */
import { type Case, caseOf, HostResource, NONE, some } from '../value.ts'
import { InputStream } from './guest-input.ts'
import { type Interface, plain } from './host-function.ts'
import { Fields } from './http-fields.ts'
import { consume } from './http-incoming-body.ts'
import { decoded, type RunVariables } from './run-variables.ts'

const STDIN = 0

const METHODS: ReadonlySet<string> = new Set([
  ...['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'],
])

/** Variables that stand for a header without the prefix. */
const BARE: ReadonlySet<string> = new Set(['CONTENT_TYPE', 'CONTENT_LENGTH'])
const PREFIX = 'HTTP_'

export function fieldsOf(variables: RunVariables): Fields {
  const headers: Array<readonly [string, Uint8Array]> = []
  for (const [name, value] of variables.pairs()) {
    const bare = BARE.has(name) && value !== '' ? name : undefined
    const header = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : bare
    if (header === undefined) continue
    headers.push([header.toLowerCase().replaceAll('_', '-'), Buffer.from(value, 'latin1')])
  }
  return new Fields(headers, false)
}

export function methodOf(variables: RunVariables): Case {
  return methodNamed(variables.get('REQUEST_METHOD') ?? 'GET')
}

/** The case that it has. */
export function methodNamed(method: string): Case {
  const lower = method.toLowerCase()
  return METHODS.has(lower) && method === method.toUpperCase()
    ? caseOf(lower)
    : caseOf('other', method)
}

export function pathOf(variables: RunVariables): Case {
  return optional(variables.get('REQUEST_URI'))
}

export function schemeOf(variables: RunVariables): Case {
  const scheme = variables.get('HTTPS') ?? variables.get('REQUEST_SCHEME') ?? ''
  return some(caseOf(/^(on|1|https)$/i.test(scheme) ? 'HTTPS' : 'HTTP'))
}

export function authorityOf(variables: RunVariables): Case {
  return optional(variables.get('HTTP_HOST') ?? variables.get('SERVER_NAME'))
}

export class IncomingRequest extends HostResource {
  readonly variables: RunVariables
  isConsumed = false
  #fields: Fields | undefined

  constructor(variables: RunVariables) {
    super()
    this.variables = variables
  }

  get fields(): Fields {
    this.#fields ??= fieldsOf(this.variables)
    return this.#fields
  }
}

const part = (name: string, type: string, of: (variables: RunVariables) => Case): Interface => ({
  [`[method]incoming-request.${name}`]: plain(
    `(borrow<$incoming-request>) -> ${type}`,
    () => (self: IncomingRequest) => of(self.variables),
  ),
})

export const INCOMING: Interface = {
  ...part('method', '$method', methodOf),
  ...part('path-with-query', 'option<string>', pathOf),
  ...part('scheme', 'option<$scheme>', schemeOf),
  ...part('authority', 'option<string>', authorityOf),
  '[method]incoming-request.headers': plain(
    '(borrow<$incoming-request>) -> own<$fields>',
    () => (self: IncomingRequest) => new Fields(self.fields.entries, false).of(self),
  ),
  '[method]incoming-request.consume': plain(
    '(borrow<$incoming-request>) -> result<own<$incoming-body>, _>',
    ({ calls }) =>
      (self: IncomingRequest) =>
        consume(self, () => ({
          stream: () => new InputStream(calls, { fd: STDIN }),
          end: () => undefined,
        })),
  ),
}

function optional(text: string | undefined): Case {
  return text === undefined ? NONE : some(decoded(text))
}
