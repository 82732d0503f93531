/**
 * Every instruction this folder knows: what follows its opcode, and what it costs (core spec 5.4, WebAssembly 3.0,
 * plus the older exception encoding).
 *
 * A prefixed opcode is numbered `prefix << 8` plus its sub-opcode.
 */

/** What follows an opcode. */
export const IMMEDIATE = {
  unknown: 0,
  none: 1,
  block: 2,
  label: 3,
  labelTable: 4,
  function: 5,
  callIndirect: 6,
  type: 7,
  local: 8,
  global: 9,
  table: 10,
  memoryArgument: 11,
  memory: 12,
  i32: 13,
  i64: 14,
  bytes4: 15,
  bytes8: 16,
  bytes16: 17,
  lane: 18,
  memoryArgumentLane: 19,
  heapType: 20,
  selectTypes: 21,
  tag: 22,
  tryTable: 23,
  memoryInit: 24,
  data: 25,
  memoryCopy: 26,
  tableInit: 27,
  element: 28,
  tableCopy: 29,
  castBranch: 30,
  gcAllocation: 31,
  threads: 32,
} as const

export const OP = {
  unreachable: 0x00,
  nop: 0x01,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  try: 0x06,
  catch: 0x07,
  throw: 0x08,
  rethrow: 0x09,
  throwRef: 0x0a,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  callIndirect: 0x11,
  returnCall: 0x12,
  returnCallIndirect: 0x13,
  callRef: 0x14,
  returnCallRef: 0x15,
  delegate: 0x18,
  catchAll: 0x19,
  tryTable: 0x1f,
  tableSet: 0x26,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  refFunc: 0xd2,
  brOnNull: 0xd5,
  brOnNonNull: 0xd6,
  brOnCast: 0xfb18,
  brOnCastFail: 0xfb19,
  memoryInit: 0xfc08,
  dataDrop: 0xfc09,
  memoryCopy: 0xfc0a,
  memoryFill: 0xfc0b,
  tableInit: 0xfc0c,
  elemDrop: 0xfc0d,
  tableCopy: 0xfc0e,
  tableGrow: 0xfc0f,
  tableFill: 0xfc11,
} as const

/** One more than the largest opcode number. */
const OPCODES = 0xff00

/** Opcode to `IMMEDIATE`. */
export const IMMEDIATE_OF: Uint8Array = new Uint8Array(OPCODES)
/** Opcode to units (see contract.ts); calls and bulk instructions cost more, by what they name. */
export const COST_OF: Uint16Array = new Uint16Array(OPCODES)

type OpcodeRange = readonly [first: number, last: number]

const BY_IMMEDIATE: readonly (readonly [
  kind: keyof typeof IMMEDIATE,
  ranges: readonly OpcodeRange[],
])[] = [
  [
    'none',
    [
      [0x00, 0x01],
      [0x05, 0x05],
      [0x0a, 0x0b],
      [0x0f, 0x0f],
      [0x19, 0x1b],
      [0x45, 0xc4],
      [0xd1, 0xd1],
      [0xd3, 0xd4],
    ],
  ],
  [
    'block',
    [
      [0x02, 0x04],
      [0x06, 0x06],
    ],
  ],
  [
    'label',
    [
      [0x09, 0x09],
      [0x0c, 0x0d],
      [0x18, 0x18],
      [0xd5, 0xd6],
    ],
  ],
  ['labelTable', [[0x0e, 0x0e]]],
  [
    'function',
    [
      [0x10, 0x10],
      [0x12, 0x12],
      [0xd2, 0xd2],
    ],
  ],
  [
    'callIndirect',
    [
      [0x11, 0x11],
      [0x13, 0x13],
    ],
  ],
  ['type', [[0x14, 0x15]]],
  ['local', [[0x20, 0x22]]],
  ['global', [[0x23, 0x24]]],
  [
    'table',
    [
      [0x25, 0x26],
      [0xfc0f, 0xfc11],
    ],
  ],
  [
    'memoryArgument',
    [
      [0x28, 0x3e],
      [0xfd00, 0xfd0b],
      [0xfd5c, 0xfd5d],
    ],
  ],
  [
    'memory',
    [
      [0x3f, 0x40],
      [0xfc0b, 0xfc0b],
    ],
  ],
  ['i32', [[0x41, 0x41]]],
  ['i64', [[0x42, 0x42]]],
  ['bytes4', [[0x43, 0x43]]],
  ['bytes8', [[0x44, 0x44]]],
  ['bytes16', [[0xfd0c, 0xfd0d]]],
  [
    'none',
    [
      [0xfd0e, 0xfd14],
      [0xfd23, 0xfd53],
      [0xfd5e, 0xfdff],
      [0xfe00, 0xfe13],
    ],
  ],
  ['lane', [[0xfd15, 0xfd22]]],
  ['memoryArgumentLane', [[0xfd54, 0xfd5b]]],
  [
    'heapType',
    [
      [0xd0, 0xd0],
      [0xfb14, 0xfb17],
    ],
  ],
  ['selectTypes', [[0x1c, 0x1c]]],
  ['tag', [[0x07, 0x08]]],
  ['tryTable', [[0x1f, 0x1f]]],
  ['memoryInit', [[0xfc08, 0xfc08]]],
  ['data', [[0xfc09, 0xfc09]]],
  ['memoryCopy', [[0xfc0a, 0xfc0a]]],
  ['tableInit', [[0xfc0c, 0xfc0c]]],
  ['element', [[0xfc0d, 0xfc0d]]],
  ['tableCopy', [[0xfc0e, 0xfc0e]]],
  [
    'none',
    [
      [0xfc00, 0xfc07],
      [0xfb1a, 0xfb1e],
    ],
  ],
  ['castBranch', [[0xfb18, 0xfb19]]],
  ['gcAllocation', [[0xfb00, 0xfb13]]],
]

for (const [kind, ranges] of BY_IMMEDIATE) {
  for (const [first, last] of ranges) IMMEDIATE_OF.fill(IMMEDIATE[kind], first, last + 1)
}

/**
 * Opcode to 1 where an instruction only costs its units: it moves no label, calls nothing and changes no state that
 * matters to hardening. Nearly all instructions of a program are of this kind.
 */
export const IS_PLAIN: Uint8Array = new Uint8Array(OPCODES)

const PLAIN: readonly OpcodeRange[] = [
  [0x1a, 0x1c],
  [0x20, 0x25],
  [0x28, 0x3e],
  [0x41, 0xc4],
  [0xfc00, 0xfc07],
  [0xfd00, 0xfe13],
]

for (const [first, last] of PLAIN) IS_PLAIN.fill(1, first, last + 1)

/** Later rows override earlier ones. */
const BY_COST: readonly (readonly [units: number, first: number, last: number])[] = [
  [2, 0x00, OPCODES - 1],
  // Places and labels make no machine code of their own.
  [0, 0x01, 0x06],
  [0, 0x0b, 0x0b],
  [2, 0x04, 0x04],
  [1, 0x1a, 0x1a],
  [1, 0x20, 0x22],
  [1, 0x41, 0x44],
  [4, 0x28, 0x3e],
  [4, 0xfd00, 0xfd0b],
  [6, 0x0e, 0x0e],
  [40, 0x6d, 0x70],
  [40, 0x7f, 0x82],
  // Square roots and divisions; nearest, ceil, floor and trunc are single instructions.
  [20, 0x91, 0x91],
  [20, 0x95, 0x95],
  [20, 0x9f, 0x9f],
  [20, 0xa3, 0xa3],
  [20, 0xfd5e, 0xfdff],
  [4, 0xfd60, 0xfde2],
  [8, 0xd0, 0xd6],
  [8, 0x25, 0x26],
  [8, 0xfb14, 0xfb1e],
  // These leave the machine code for the engine's C++.
  [2000, 0x08, 0x0a],
  [1000, 0x40, 0x40],
  [1000, 0xfc09, 0xfc09],
  [1000, 0xfc0d, 0xfc0d],
]

for (const [units, first, last] of BY_COST) COST_OF.fill(units, first, last + 1)
