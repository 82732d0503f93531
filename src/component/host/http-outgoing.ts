/** wasi:http's outgoing requests: what a guest says of them. */
import { type Case, caseOf, NONE } from '../value.ts'
import { type Interface, plain } from './host-function.ts'
import type { Fields } from './http-fields.ts'
import { messageFunctions } from './http-message.ts'
import { OutgoingMessage } from './http-outgoing-body.ts'
import { RequestOptions, requestParts, requestTimeouts } from './http-request-functions.ts'

export class OutgoingRequest extends OutgoingMessage {
  method: Case = caseOf('get')
  path: Case = NONE
  scheme: Case = NONE
  authority: Case = NONE
}

export const OUTGOING_REQUESTS: Interface = {
  '[constructor]outgoing-request': plain(
    '(own<$fields>) -> own<$outgoing-request>',
    () => (fields: Fields) => new OutgoingRequest(fields),
  ),
  ...messageFunctions('outgoing-request'),
  ...requestParts({ resource: 'outgoing-request', handle: '$outgoing-request', getter: '' }),
  '[constructor]request-options': plain(
    '() -> own<$request-options>',
    () => () => new RequestOptions(),
  ),
  ...requestTimeouts({ resource: 'request-options', handle: '$request-options', getter: '' }, '_'),
}
