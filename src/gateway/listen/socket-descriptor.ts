/** The descriptor of an open socket, for what Node itself does not offer; -1: it has none (any more). */
import type { Socket } from 'node:net'

/** To be asked each time: a socket that is destroyed gives its number to the next one at once. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { fd?: number } | null }
  return handle?.fd ?? -1
}
