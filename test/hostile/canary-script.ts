/** Scripts for guests/hostile/canary.wat. */

export type Action =
  | {
      readonly kind: 'fill' | 'fillOther'
      readonly at: number
      readonly bytes: number
      readonly value: number
    }
  | { readonly kind: 'setGlobals'; readonly value: bigint }
  | { readonly kind: 'grow'; readonly pages: number }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'trap' | 'loop' | 'sleep' | 'recurse' | 'leaveFile' | 'throw' | 'plant' }

const CODES: Readonly<Record<Action['kind'], number>> = {
  fill: 1,
  setGlobals: 2,
  grow: 3,
  fillOther: 4,
  exit: 5,
  trap: 6,
  loop: 7,
  sleep: 8,
  recurse: 9,
  leaveFile: 10,
  throw: 11,
  plant: 12,
}

/** `look`: `D` prints everything the guest sees, `S` how many canaries. */
export function script(look: 'D' | 'S', actions: readonly Action[]): Buffer {
  return Buffer.concat([Buffer.from(look), ...actions.map(encode), Buffer.of(0)])
}

function encode(action: Action): Buffer {
  const bytes = Buffer.alloc(10)
  bytes[0] = CODES[action.kind]
  switch (action.kind) {
    case 'fill':
    case 'fillOther':
      bytes.writeUInt32LE(action.at, 1)
      bytes.writeUInt32LE(action.bytes, 5)
      bytes[9] = action.value
      return bytes
    case 'setGlobals':
      bytes.writeBigInt64LE(action.value, 1)
      return bytes.subarray(0, 9)
    case 'grow':
      bytes.writeUInt32LE(action.pages, 1)
      return bytes.subarray(0, 5)
    case 'exit':
      bytes.writeUInt32LE(action.code, 1)
      return bytes.subarray(0, 5)
    case 'trap':
    case 'loop':
    case 'sleep':
    case 'recurse':
    case 'leaveFile':
    case 'throw':
    case 'plant':
      return bytes.subarray(0, 1)
  }
}
