/** The body of a request that has come, or of an answer: read once, by one stream. */
import { type Case, err, HostResource, NONE, ok, some } from '../value.ts'
import type { InputStream } from './guest-input.ts'
import { type Interface, plain } from './host-function.ts'
import { type FieldEntry, Fields } from './http-fields.ts'
import { Pollable, type Wishes } from './pollable.ts'

export interface BodySource {
  stream(): InputStream
  /** The guest wants no more of it, nor of what comes behind it. Idempotent. */
  end(): void
  /** What comes behind it: read when the guest has finished the body, and passed over what is left of that. Default: nothing. */
  readonly trailers?: TrailerSource
}

export interface TrailerSource {
  /** Or why there are none; undefined: they have not all come. */
  outcome(): readonly FieldEntry[] | Case | undefined
  readonly wishes: Wishes
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

const NO_TRAILERS: TrailerSource = { outcome: () => [], wishes: () => undefined }

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
    () => (self: IncomingBody) => new FutureTrailers(self.source),
  ),
  '[method]future-trailers.subscribe': plain(
    '(borrow<$future-trailers>) -> own<$pollable>',
    () => (self: FutureTrailers) => new Pollable((self.source.trailers ?? NO_TRAILERS).wishes),
  ),
  '[method]future-trailers.get': plain(
    '(borrow<$future-trailers>) -> option<result<result<option<own<$fields>>, $http-error>, _>>',
    () => (self: FutureTrailers) => {
      if (self.isTaken) return some(err())
      const outcome = (self.source.trailers ?? NO_TRAILERS).outcome()
      if (outcome === undefined) return NONE
      self.isTaken = true
      if ('tag' in outcome) return some(ok(err(outcome)))
      return some(ok(ok(outcome.length === 0 ? NONE : some(new Fields(outcome, false)))))
    },
  ),
}
