/** What a component says of an error (canonical ABI: error contexts): a text, which may be given to others. */
import { HostResource } from './value.ts'

/** What a handle of one is of. */
export const ERROR_CONTEXT = 'error-context'

/** More of its text is not kept. */
const KEPT_CHARS = 1024

export class ErrorContext extends HostResource {
  readonly message: string

  constructor(message: string) {
    super()
    // A part of a text has V8 keep all of it.
    this.message = Buffer.from(message.slice(0, KEPT_CHARS)).toString()
  }
}
