/** How a component begins (component model, binary format), read without the rest of the reader. */

/** Magic, version 13, layer 1. */
export const PREAMBLE: readonly number[] = [0, 0x61, 0x73, 0x6d, 13, 0, 1, 0]

/** Whether these bytes begin as a component does, and not as a module. */
export function isComponent(bytes: Uint8Array): boolean {
  return PREAMBLE.every((byte, index) => bytes[index] === byte)
}
