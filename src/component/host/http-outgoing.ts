/** wasi:http's outgoing requests: they can be made, and are denied. */
import { type Case, caseOf, err, HostResource, NONE, OK } from '../value.ts'
import { type Interface, plain } from './host-function.ts'
import type { Fields } from './http-fields.ts'
import { messageFunctions } from './http-message.ts'
import { OutgoingMessage } from './http-outgoing-body.ts'
import { Pollable } from './pollable.ts'

class OutgoingRequest extends OutgoingMessage {
  method: Case = caseOf('get')
  path: Case = NONE
  scheme: Case = NONE
  authority: Case = NONE
}

class RequestOptions extends HostResource {
  connect: Case = NONE
  'first-byte': Case = NONE
  'between-bytes': Case = NONE
}

type Timeout = 'connect' | 'first-byte' | 'between-bytes'

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

type Part = 'method' | 'path' | 'scheme' | 'authority'

const part = (key: Part, name: string, type: string): Interface => ({
  [`[method]outgoing-request.${name}`]: plain(
    `(borrow<$outgoing-request>) -> ${type}`,
    () => (self: OutgoingRequest) => self[key],
  ),
  [`[method]outgoing-request.set-${name}`]: plain(
    `(borrow<$outgoing-request>, ${type}) -> result<_, _>`,
    (host) => (self: OutgoingRequest, value: Case) => {
      host.calls.keep(textOf(value).length)
      self[key] = value
      return OK
    },
  ),
})

/** What of it takes room: the text in it. */
function textOf({ value }: Case): string {
  if (typeof value === 'string') return value
  return typeof value === 'object' && 'tag' in value ? textOf(value) : ''
}

/** Nobody ever holds one. */
const never = () => () => {
  throw new Error('Cannot call a method of an incoming response: there is none, wanted none')
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
  '[method]incoming-response.status': plain('(borrow<$incoming-response>) -> u16', never),
  '[method]incoming-response.headers': plain('(borrow<$incoming-response>) -> own<$fields>', never),
  '[method]incoming-response.consume': plain(
    '(borrow<$incoming-response>) -> result<own<$incoming-body>, _>',
    never,
  ),
  '[method]future-incoming-response.subscribe': plain(
    '(borrow<$future-incoming-response>) -> own<$pollable>',
    () => () => new Pollable(undefined),
  ),
  '[method]future-incoming-response.get': plain(
    '(borrow<$future-incoming-response>) -> option<result<result<own<$incoming-response>, $http-error>, _>>',
    never,
  ),
  'http-error-code': plain('(borrow<$error>) -> option<$http-error>', () => () => NONE),
}

export const OUTGOING_HANDLER: Interface = {
  handle: plain(
    '(own<$outgoing-request>, option<own<$request-options>>) -> result<own<$future-incoming-response>, $http-error>',
    () => () => err(caseOf('HTTP-request-denied')),
  ),
}
