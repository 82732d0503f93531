/** What comes of a request that a guest has sent: a response in the future, and the response. */
import { type Case, err, HostResource, NONE, ok, some } from '../value.ts'
import { InputStream } from './guest-input.ts'
import { type Interface, plain } from './host-function.ts'
import type { AnswerHead } from './http-answer-reader.ts'
import type { HttpExchange } from './http-exchange.ts'
import { Fields } from './http-fields.ts'
import { consume } from './http-incoming-body.ts'
import type { IoError } from './io-error.ts'
import { Pollable } from './pollable.ts'
import type { Preview1Calls } from './preview1-calls.ts'

export class FutureIncomingResponse extends HostResource {
  readonly exchange: HttpExchange
  isTaken = false

  constructor(exchange: HttpExchange) {
    super()
    this.exchange = exchange
  }

  override drop(): void {
    if (!this.isTaken) this.exchange.close()
  }
}

class IncomingResponse extends HostResource {
  readonly exchange: HttpExchange
  readonly head: AnswerHead
  isConsumed = false

  constructor(exchange: HttpExchange, head: AnswerHead) {
    super()
    this.exchange = exchange
    this.head = head
  }

  override drop(): void {
    if (!this.isConsumed) this.exchange.close()
  }
}

/** The body of an answer. */
export class AnswerStream extends InputStream {
  readonly #exchange: HttpExchange

  constructor(calls: Preview1Calls, exchange: HttpExchange) {
    super(calls, undefined)
    this.#exchange = exchange
  }

  override read(most: bigint, waits: boolean): Case | Promise<Case> {
    return this.#exchange.read(most, waits)
  }

  override subscribe(): Pollable {
    return new Pollable(this.#exchange.bodyWishes)
  }
}

export const INCOMING_RESPONSES: Interface = {
  '[method]incoming-response.status': plain(
    '(borrow<$incoming-response>) -> u16',
    () => (self: IncomingResponse) => self.head.status,
  ),
  '[method]incoming-response.headers': plain(
    '(borrow<$incoming-response>) -> own<$fields>',
    () => (self: IncomingResponse) => new Fields(self.head.fields, false).of(self),
  ),
  '[method]incoming-response.consume': plain(
    '(borrow<$incoming-response>) -> result<own<$incoming-body>, _>',
    ({ calls }) =>
      (self: IncomingResponse) =>
        consume(self, () => ({
          stream: () => new AnswerStream(calls, self.exchange),
          end: () => self.exchange.close(),
          trailers: {
            outcome: () => self.exchange.trailers(),
            wishes: self.exchange.trailerWishes,
          },
        })),
  ),
  '[method]future-incoming-response.subscribe': plain(
    '(borrow<$future-incoming-response>) -> own<$pollable>',
    () => (self: FutureIncomingResponse) => new Pollable(self.exchange.wishes),
  ),
  '[method]future-incoming-response.get': plain(
    '(borrow<$future-incoming-response>) -> option<result<result<own<$incoming-response>, $http-error>, _>>',
    () => (self: FutureIncomingResponse) => {
      if (self.isTaken) return some(err())
      const outcome = self.exchange.outcome()
      if (outcome === undefined) return NONE
      self.isTaken = true
      return some(
        ok('status' in outcome ? ok(new IncomingResponse(self.exchange, outcome)) : err(outcome)),
      )
    },
  ),
  'http-error-code': plain(
    '(borrow<$error>) -> option<$http-error>',
    () => (self: IoError) => (self.code === undefined ? NONE : some(self.code)),
  ),
}
