/** The body of a request that has come, or of an answer: read once, by one stream. */
import { type Case, err, HostResource, NONE, ok, some } from '../value.ts'
import type { InputStream } from './guest-input.ts'
import { type Interface, plain } from './host-function.ts'
import { Pollable } from './pollable.ts'

export interface BodySource {
  stream(): InputStream
  /** The guest wants no more of it. */
  end(): void
}

class IncomingBody extends HostResource {
  readonly source: BodySource
  isTaken = false

  constructor(source: BodySource) {
    super()
    this.source = source
  }

  override drop(): void {
    this.source.end()
  }
}

/** Who has a body, which may be asked for once. */
interface BodyOwner {
  isConsumed: boolean
}

/** What `consume` answers. */
export function consume(self: BodyOwner, source: () => BodySource): Case {
  if (self.isConsumed) return err()
  self.isConsumed = true
  return ok(new IncomingBody(source()))
}

class FutureTrailers extends HostResource {
  isTaken = false
}

export const INCOMING_BODIES: Interface = {
  '[method]incoming-body.stream': plain(
    '(borrow<$incoming-body>) -> result<own<$input-stream>, _>',
    () => (self: IncomingBody) => {
      if (self.isTaken) return err()
      self.isTaken = true
      return ok(self.source.stream().of(self))
    },
  ),
  '[static]incoming-body.finish': plain(
    '(own<$incoming-body>) -> own<$future-trailers>',
    () => (self: IncomingBody) => {
      self.drop()
      return new FutureTrailers()
    },
  ),
  '[method]future-trailers.subscribe': plain(
    '(borrow<$future-trailers>) -> own<$pollable>',
    () => () => new Pollable(undefined),
  ),
  // FastCGI has none, and those of answers are dropped.
  '[method]future-trailers.get': plain(
    '(borrow<$future-trailers>) -> option<result<result<option<own<$fields>>, $http-error>, _>>',
    () => (self: FutureTrailers) => {
      if (self.isTaken) return some(err())
      self.isTaken = true
      return some(ok(ok(NONE)))
    },
  ),
}
