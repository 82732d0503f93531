/**
 * The body of BEGIN_REQUEST (FastCGI 1.0, section 5.1): role (2 bytes), flags, 5 reserved bytes.
 *
 * Every request has one, so it is put together in place: no memory is taken for it.
 */
import { KEEP_CONN, Role } from './constants.ts'
import { byteAt } from './header.ts'

export const BEGIN_BODY_BYTES = 8

/** A body that arrives in pieces; used again for the next one. */
export class BeginBody {
  #length = 0
  #role = 0
  #flags = 0

  /** Adds `bytes` from `start` to `end`; together no more than 8. */
  append(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      const place = this.#length++
      if (place < 2) this.#role = (this.#role << 8) | byteAt(bytes, at)
      else if (place === 2) this.#flags = byteAt(bytes, at)
    }
  }

  /** Forgets the body: another one follows. */
  reset(): void {
    this.#length = 0
    this.#role = 0
  }

  /** undefined: a role nobody has defined. */
  get role(): Role | undefined {
    const code = this.#role
    if (code === Role.Responder || code === Role.Authorizer || code === Role.Filter) return code
    return undefined
  }

  /** Other flags mean nothing. */
  get keepConnection(): boolean {
    return (this.#flags & KEEP_CONN) !== 0
  }
}
