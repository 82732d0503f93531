/** Which of a handler's releases answers a request: the live one, or its canary. Pure but for the draw it is handed. */
import { createHash } from 'node:crypto'
import type { LiveHandler } from './release-reader.ts'

/**
 * `draw`: a number from 0 on and below 1, a new one with every call. `clientKey`: what tells clients apart, such as an address;
 * undefined: nothing does, and even a sticky canary is drawn.
 *
 * A client of a sticky canary has a fixed place among all clients, another one with every canary. As the weight grows,
 * clients only ever go from the live release to the canary.
 */
export function chooseRelease(
  handler: LiveHandler,
  draw: () => number,
  clientKey: string | undefined,
): LiveHandler {
  const { canary } = handler
  if (canary === undefined) return handler
  const place =
    canary.sticky && clientKey !== undefined ? placeOf(clientKey, canary.handler.digest) : draw()
  return place * 100 < canary.weight ? canary.handler : handler
}

/** From 0 on and below 1. */
function placeOf(clientKey: string, canary: string): number {
  const hash = createHash('sha256').update(`${canary}\n${clientKey}`).digest()
  return hash.readUInt32BE(0) / 0x1_0000_0000
}
