/** Makes a WebAssembly instance. What V8 finds wrong here is the module's fault: a segment out of bounds, parts that do not fit. */
import { GuestError } from './errors.ts'

/** Of what V8 says: it has names of the guest's in it. */
const LONGEST_REASON = 300

/** `name`: for messages. Throws GUEST_INVALID_MODULE. */
export function instantiate(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
  name: string,
): WebAssembly.Instance {
  try {
    return new WebAssembly.Instance(module, imports)
  } catch (cause) {
    const isItsFault =
      cause instanceof WebAssembly.LinkError || cause instanceof WebAssembly.RuntimeError
    if (!isItsFault) throw cause
    throw new GuestError(
      'GUEST_INVALID_MODULE',
      `Cannot make an instance of ${name}: V8 says "${cause.message.slice(0, LONGEST_REASON)}", wanted a module that can be instantiated`,
      { cause },
    )
  }
}
