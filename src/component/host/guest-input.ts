/** Where a guest's bytes come from. */
import { type Case, caseOf, err, HostResource, ok } from '../value.ts'
import { CLOSED } from './guest-output.ts'
import { IoError } from './io-error.ts'
import type { OpenFd } from './open-fd.ts'
import { Pollable } from './pollable.ts'
import { after, MOVED_BYTES, type Preview1Calls } from './preview1-calls.ts'

/** A descriptor that is read on, a file from an offset on, or nothing. */
export type Origin =
  | { readonly fd: number; readonly offset?: undefined }
  | { readonly fd: number; readonly offset: bigint; readonly open: OpenFd }
  | undefined

export class InputStream extends HostResource {
  readonly #calls: Preview1Calls
  readonly #origin: Origin
  #offset: bigint
  #hasEnded = false

  constructor(calls: Preview1Calls, origin: Origin) {
    super()
    this.#calls = calls
    this.#origin = origin
    this.#offset = origin?.offset ?? 0n
    if (origin?.offset !== undefined) origin.open.retain()
  }

  override drop(): void {
    if (this.#origin?.offset !== undefined) this.#origin.open.release()
  }

  /** `ok` of bytes, of none if nothing has come and it does not wait; or why not. */
  read(most: bigint, waits: boolean): Case | Promise<Case> {
    if (this.#origin === undefined || this.#hasEnded) return CLOSED
    const count = Number(most < BigInt(MOVED_BYTES) ? most : MOVED_BYTES)
    if (count === 0) return ok(new Uint8Array(0))
    const calls = this.#calls
    const { fd, offset } = this.#origin
    const found =
      offset === undefined ? calls.read(fd, count, waits) : calls.readAt(fd, count, this.#offset)
    return after(found, (bytes) => {
      if (typeof bytes === 'number') return err(caseOf('last-operation-failed', new IoError(bytes)))
      if (bytes === undefined) {
        this.#hasEnded = true
        return CLOSED
      }
      this.#offset += BigInt(bytes.length)
      return ok(bytes)
    })
  }

  /** Nothing more is read of it. */
  end(): void {
    this.#hasEnded = true
  }

  subscribe(): Pollable {
    const isFile = this.#origin?.offset !== undefined
    if (this.#origin === undefined || isFile || this.#hasEnded) return new Pollable(undefined)
    return new Pollable({ kind: 'read', fd: this.#origin.fd })
  }
}
