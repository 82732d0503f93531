/** What a guest does with an answer. */
import { type Case, caseOf, err, OK, ok } from '../value.ts'
import { type Interface, plain, waiting } from './host-function.ts'
import { Fields } from './http-fields.ts'
import { messageFunctions, settingStatus } from './http-message.ts'
import type { OutgoingBody } from './http-outgoing-body.ts'
import { OutgoingResponse, type ResponseOutparam } from './http-response.ts'
import { after } from './preview1-calls.ts'

export const OUTGOING: Interface = {
  '[constructor]outgoing-response': plain(
    '(own<$fields>) -> own<$outgoing-response>',
    () => (fields: Fields) => new OutgoingResponse(new Fields(fields.entries, true)),
  ),
  '[method]outgoing-response.status-code': plain(
    '(borrow<$outgoing-response>) -> u16',
    () => (self: OutgoingResponse) => self.status,
  ),
  '[method]outgoing-response.set-status-code': settingStatus('$outgoing-response'),
  ...messageFunctions('outgoing-response'),
  '[method]outgoing-body.write': plain(
    '(borrow<$outgoing-body>) -> result<own<$output-stream>, _>',
    () => (self: OutgoingBody) => {
      if (self.isTaken) return err()
      self.isTaken = true
      return ok(self.stream.of(self))
    },
  ),
  '[static]outgoing-body.finish': waiting(
    '(own<$outgoing-body>, option<own<$fields>>) -> result<_, $http-error>',
    (host) => (self: OutgoingBody, trailers: Case) => {
      const problem = self.isComplete
        ? self.finish(trailers.value as Fields | undefined)
        : self.sizeCode
      if (problem !== undefined) {
        self.drop()
        return err(problem)
      }
      return after(host.response.bodyFinished(), () => OK)
    },
  ),
  '[static]response-outparam.set': waiting(
    '(own<$response-outparam>, result<own<$outgoing-response>, $http-error>) -> ()',
    (host) => (_: ResponseOutparam, answer: Case) => {
      return after(host.response.set(answer), () => undefined)
    },
  ),
  '[method]response-outparam.send-informational': plain(
    '(borrow<$response-outparam>, u16, own<$fields>) -> result<_, $http-error>',
    () => () => err(caseOf('configuration-error')),
  ),
}
