/** wasi:http's outgoing requests: what a guest says of them. */
import { type Case, caseOf, err, HostResource, NONE, OK } from '../value.ts'
import { type Interface, plain } from './host-function.ts'
import type { Fields } from './http-fields.ts'
import { messageFunctions } from './http-message.ts'
import { OutgoingMessage } from './http-outgoing-body.ts'

export class OutgoingRequest extends OutgoingMessage {
  method: Case = caseOf('get')
  path: Case = NONE
  scheme: Case = NONE
  authority: Case = NONE
}

export class RequestOptions extends HostResource {
  isMutable = true
  connect: Case = NONE
  'first-byte': Case = NONE
  'between-bytes': Case = NONE
}

export type Timeout = 'connect' | 'first-byte' | 'between-bytes'

const timeouts = (name: Timeout): Interface => ({
  [`[method]request-options.${name}-timeout`]: plain(
    '(borrow<$request-options>) -> option<u64>',
    () => (self: RequestOptions) => self[name],
  ),
  [`[method]request-options.set-${name}-timeout`]: plain(
    '(borrow<$request-options>, option<u64>) -> result<_, _>',
    () => (self: RequestOptions, value: Case) => {
      self[name] = value
      return OK
    },
  ),
})

export type Part = 'method' | 'path' | 'scheme' | 'authority'

/** What its text must be: RFC 9110's tokens, RFC 9112's targets, RFC 3986's scheme and host without anybody's name. */
export const FORMS: Readonly<Record<Part, RegExp>> = {
  method: /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/,
  path: /^(?:[/?][\x21\x22\x24-\x7e]{0,8191}|\*|)$/,
  scheme: /^[A-Za-z][A-Za-z0-9+.-]{0,31}$/,
  authority: /^(?:\[[0-9A-Fa-f:.]{2,64}\]|[A-Za-z0-9_.-]{1,254})(?::[0-9]{1,5})?$/,
}

const part = (key: Part, name: string, type: string): Interface => ({
  [`[method]outgoing-request.${name}`]: plain(
    `(borrow<$outgoing-request>) -> ${type}`,
    () => (self: OutgoingRequest) => self[key],
  ),
  [`[method]outgoing-request.set-${name}`]: plain(
    `(borrow<$outgoing-request>, ${type}) -> result<_, _>`,
    (host) => (self: OutgoingRequest, value: Case) => {
      const text = textOf(value)
      if (text !== undefined && !FORMS[key].test(text)) return err()
      host.calls.keep(text?.length ?? 0)
      self[key] = value
      return OK
    },
  ),
})

/** The text in it. */
export function textOf({ value }: Case): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'object' && 'tag' in value ? textOf(value) : undefined
}

export const OUTGOING_REQUESTS: Interface = {
  '[constructor]outgoing-request': plain(
    '(own<$fields>) -> own<$outgoing-request>',
    () => (fields: Fields) => new OutgoingRequest(fields),
  ),
  ...messageFunctions('outgoing-request'),
  ...part('method', 'method', '$method'),
  ...part('path', 'path-with-query', 'option<string>'),
  ...part('scheme', 'scheme', 'option<$scheme>'),
  ...part('authority', 'authority', 'option<string>'),
  '[constructor]request-options': plain(
    '() -> own<$request-options>',
    () => () => new RequestOptions(),
  ),
  ...timeouts('connect'),
  ...timeouts('first-byte'),
  ...timeouts('between-bytes'),
}
