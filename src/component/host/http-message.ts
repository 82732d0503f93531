/** The functions that an answer and an outgoing request have in common: of their fields, and of a body that is given out once. */
import { err, OK, ok } from '../value.ts'
import { type HostFunction, type Interface, plain } from './host-function.ts'
import { Fields } from './http-fields.ts'
import { OutgoingBody, type OutgoingMessage } from './http-outgoing-body.ts'

/** The functions of the resource of this name. */
export const messageFunctions = (
  resource: 'outgoing-request' | 'outgoing-response',
): Interface => ({
  [`[method]${resource}.headers`]: plain(
    `(borrow<$${resource}>) -> own<$fields>`,
    () => (self: OutgoingMessage) => new Fields(self.fields.entries, false).of(self),
  ),
  [`[method]${resource}.body`]: plain(
    `(borrow<$${resource}>) -> result<own<$outgoing-body>, _>`,
    (host) => (self: OutgoingMessage) => {
      if (self.body !== undefined) return err()
      self.body = new OutgoingBody(host.calls, self.fields, resource)
      return ok(self.body)
    },
  ),
})

/** Of a response, which has another name in each version. */
export function settingStatus(handle: string): HostFunction {
  return plain(
    `(borrow<${handle}>, u16) -> result<_, _>`,
    () => (self: { status: number }, status: number) => {
      if (status < 100 || status > 599) return err()
      self.status = status
      return OK
    },
  )
}
