/** wasi:http/types of 0.3: what a guest does with fields, requests and responses. */
import type { Channel } from '../channel.ts'
import { type Case, NONE, ok, some, type Value } from '../value.ts'
import { type Interface, plain, retyped } from './host-function.ts'
import { FIELDS } from './http-field-functions.ts'
import { Fields } from './http-fields.ts'
import { settingStatus } from './http-message.ts'
import { consumeBody, HttpRequest, HttpResponse3, ownBody } from './http-messages-3.ts'
import { RequestOptions, requestParts, requestTimeouts } from './http-request-functions.ts'

const { '[method]fields.entries': COPY_ALL = [], ...OTHER_FIELDS } = FIELDS
const DELETE = FIELDS['[method]fields.delete']

const fields: Interface = {
  ...retyped({ ...OTHER_FIELDS, '[method]fields.copy-all': COPY_ALL }, ['fields', 'header-error']),
  '[method]fields.get-and-delete': plain(
    '(borrow<$fields-3>, string) -> result<list<list<u8>>, $header-error-3>',
    (host) => (self: Fields, name: string) => {
      const values = self.named(name)
      const call = [DELETE].flat()[0]?.call(host) as (self: Fields, name: string) => Case
      const deleted = call(self, name)
      return deleted.tag === 'ok' ? ok(values) : deleted
    },
  ),
}

const message = (name: 'request' | 'response'): Interface => ({
  [`[method]${name}.get-headers`]: plain(
    `(borrow<$${name}-3>) -> own<$fields-3>`,
    () => (self: HttpRequest | HttpResponse3) => new Fields(self.fields.entries, false),
  ),
  [`[static]${name}.consume-body`]: plain(
    `(own<$${name}-3>, $sent) -> tuple<stream<u8>, $trailers>`,
    (host) => (self: HttpRequest | HttpResponse3, result: Channel) =>
      consumeBody(host, self, result),
  ),
})

function optionsOf(options: RequestOptions | undefined, isMutable: boolean): RequestOptions {
  return Object.assign(new RequestOptions(), options, { isMutable })
}

export const HTTP_TYPES_3: Interface = {
  ...fields,
  '[static]request.new': plain(
    '(own<$fields-3>, option<stream<u8>>, $trailers, option<own<$request-options-3>>) -> tuple<own<$request-3>, $sent>',
    () =>
      (headers: Fields, contents: Case, trailers: Channel, options: Case): Value => {
        const body = ownBody(contents, trailers)
        const request = new HttpRequest(new Fields(headers.entries, false), body)
        request.options = options.value as RequestOptions | undefined
        return [request, body.sent]
      },
  ),
  ...requestParts({ resource: 'request', handle: '$request-3', getter: 'get-' }),
  '[method]request.get-options': plain(
    '(borrow<$request-3>) -> option<own<$request-options-3>>',
    () => (self: HttpRequest) =>
      self.options === undefined ? NONE : some(optionsOf(self.options, false)),
  ),
  ...message('request'),
  '[constructor]request-options': plain(
    '() -> own<$request-options-3>',
    () => () => new RequestOptions(),
  ),
  '[method]request-options.clone': plain(
    '(borrow<$request-options-3>) -> own<$request-options-3>',
    () => (self: RequestOptions) => optionsOf(self, true),
  ),
  ...requestTimeouts(
    { resource: 'request-options', handle: '$request-options-3', getter: 'get-' },
    '$options-error',
  ),
  '[static]response.new': plain(
    '(own<$fields-3>, option<stream<u8>>, $trailers) -> tuple<own<$response-3>, $sent>',
    () =>
      (headers: Fields, contents: Case, trailers: Channel): Value => {
        const body = ownBody(contents, trailers)
        return [new HttpResponse3(new Fields(headers.entries, false), body), body.sent]
      },
  ),
  '[method]response.get-status-code': plain(
    '(borrow<$response-3>) -> u16',
    () => (self: HttpResponse3) => self.status,
  ),
  '[method]response.set-status-code': settingStatus('$response-3'),
  ...message('response'),
}
