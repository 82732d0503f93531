/** wasi:http's incoming-request: what the variables of the request say. */
import { caseOf, HostResource, NONE, some } from '../value.ts'
import { InputStream } from './guest-input.ts'
import { type Interface, plain } from './host-function.ts'
import { Fields } from './http-fields.ts'
import { consume } from './http-incoming-body.ts'

const STDIN = 0

const METHODS: ReadonlySet<string> = new Set([
  ...['get', 'head', 'post', 'put', 'delete', 'connect', 'options', 'trace', 'patch'],
])

/** Variables that stand for a header without the prefix. */
const BARE: ReadonlySet<string> = new Set(['CONTENT_TYPE', 'CONTENT_LENGTH'])
const PREFIX = 'HTTP_'

export class IncomingRequest extends HostResource {
  readonly variables: ReadonlyMap<string, string>
  readonly fields: Fields
  isConsumed = false

  constructor(variables: ReadonlyMap<string, string>) {
    super()
    this.variables = variables
    const headers: Array<readonly [string, Uint8Array]> = []
    for (const [name, value] of variables) {
      const bare = BARE.has(name) && value !== '' ? name : undefined
      const header = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : bare
      if (header === undefined) continue
      headers.push([header.toLowerCase().replaceAll('_', '-'), Buffer.from(value, 'latin1')])
    }
    this.fields = new Fields(headers, false)
  }
}

export const INCOMING: Interface = {
  '[method]incoming-request.method': plain(
    '(borrow<$incoming-request>) -> $method',
    () => (self: IncomingRequest) => {
      const method = self.variables.get('REQUEST_METHOD') ?? 'GET'
      const lower = method.toLowerCase()
      return METHODS.has(lower) && method === method.toUpperCase()
        ? caseOf(lower)
        : caseOf('other', method)
    },
  ),
  '[method]incoming-request.path-with-query': plain(
    '(borrow<$incoming-request>) -> option<string>',
    () => (self: IncomingRequest) => optional(self.variables.get('REQUEST_URI')),
  ),
  '[method]incoming-request.scheme': plain(
    '(borrow<$incoming-request>) -> option<$scheme>',
    () => (self: IncomingRequest) => {
      const isSecure = /^(on|1|https)$/i.test(
        self.variables.get('HTTPS') ?? self.variables.get('REQUEST_SCHEME') ?? '',
      )
      return some(caseOf(isSecure ? 'HTTPS' : 'HTTP'))
    },
  ),
  '[method]incoming-request.authority': plain(
    '(borrow<$incoming-request>) -> option<string>',
    () => (self: IncomingRequest) =>
      optional(self.variables.get('HTTP_HOST') ?? self.variables.get('SERVER_NAME')),
  ),
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

function optional(text: string | undefined) {
  return text === undefined ? NONE : some(Buffer.from(text, 'latin1').toString('utf8'))
}
