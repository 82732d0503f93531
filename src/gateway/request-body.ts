/** The guest's standard input: FCGI_STDIN, held to CONTENT_LENGTH and to the tenant's limit. */
import { type ByteSource, NOTHING_YET } from '../base/byte-stream.ts'
import { GatewayError } from './errors.ts'

/** Who is told that the body breaks a rule. */
export interface BodyOwner {
  refuse(error: GatewayError): void
}

export class RequestBody implements ByteSource {
  readonly #source: ByteSource
  readonly #declared: number | undefined
  readonly #maxBytes: number
  readonly #owner: BodyOwner
  #bytes = 0

  /**
   * Throws GATEWAY_BODY_TOO_LARGE when the declared length alone is over the limit. `owner` hears once of a body that
   * turns out too long or ends too soon; from then on the guest sees the end of its input.
   */
  constructor(
    source: ByteSource,
    limits: { readonly declared: number | undefined; readonly maxBytes: number },
    owner: BodyOwner,
  ) {
    this.#source = source
    this.#declared = limits.declared
    this.#maxBytes = limits.maxBytes
    this.#owner = owner
    if (limits.declared !== undefined && limits.declared > limits.maxBytes) {
      throw tooLarge(`${limits.declared} bytes are announced`, limits.maxBytes)
    }
  }

  get bytes(): number {
    return this.#bytes
  }

  read(maxBytes: number): Uint8Array | undefined {
    const left = (this.#declared ?? Number.POSITIVE_INFINITY) - this.#bytes
    if (left === 0) return undefined // what comes after CONTENT_LENGTH bytes is not part of the body
    const bytes = this.#source.read(Math.min(maxBytes, left))
    if (bytes === undefined) {
      if (this.#declared !== undefined) this.#reportShort(this.#declared)
      return undefined
    }
    this.#bytes += bytes.length
    if (this.#bytes > this.#maxBytes) {
      this.#owner.refuse(tooLarge(`${this.#bytes} bytes have come`, this.#maxBytes))
      return undefined
    }
    return bytes.length === 0 ? NOTHING_YET : bytes
  }

  onReadable(wake: () => void): void {
    this.#source.onReadable(wake)
  }

  #reportShort(declared: number): void {
    this.#owner.refuse(
      new GatewayError(
        'GATEWAY_BODY_MISMATCH',
        `Cannot read the request body: it ended after ${this.#bytes} bytes, wanted ${declared} (CONTENT_LENGTH)`,
      ),
    )
  }
}

function tooLarge(actual: string, maxBytes: number): GatewayError {
  return new GatewayError(
    'GATEWAY_BODY_TOO_LARGE',
    `Cannot take the request body: ${actual}, wanted at most ${maxBytes}`,
  )
}
