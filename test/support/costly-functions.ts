/** Functions that are more work to compile than their size shows, one kind a row; see src/wasm/compile-work.ts. */

const I32 = 0x7f
const [BLOCK, LOOP, IF, ELSE, END] = [0x02, 0x03, 0x04, 0x05, 0x0b]
const [TRY, CATCH, CATCH_ALL, TRY_TABLE] = [0x06, 0x07, 0x19, 0x1f]
const [BR, BR_IF, BR_TABLE, CALL, DROP] = [0x0c, 0x0d, 0x0e, 0x10, 0x1a]
const EMPTY = 0x40
const ZERO = [0x41, 0]
/** Type 1: as many values as a type can have, in and out. */
const WIDE = 1
const WIDTH = 1_000
/** Function 1 takes nothing and returns nothing; function 2 returns `WIDTH` values. */
const [PLAIN_CALL, WIDE_CALL] = [
  [CALL, 1],
  [CALL, 2],
]

export interface CostlyFunction {
  readonly name: string
  readonly locals: number
  /** Its code, without the final `end`: as costly as `count` is large. */
  readonly code: (count: number) => Uint8Array
  /** A count that is far too large; V8 would need seconds to hours. */
  readonly monster: number
}

const MANY = 49_000
const OPERANDS = 4_000

export const COSTLY_FUNCTIONS: readonly CostlyFunction[] = [
  row('empty loops', MANY, (n) => again(n, [LOOP, EMPTY, END])),
  row('nested loops', MANY, (n) => around(n, [LOOP, EMPTY], [], [END])),
  row('ifs', MANY, (n) => again(n, [...ZERO, IF, EMPTY, END])),
  row('ifs with else', MANY, (n) => again(n, [...ZERO, IF, EMPTY, ELSE, END])),
  row('blocks that are left', MANY, (n) => again(n, [BLOCK, EMPTY, BR, 0, END])),
  row('branches out of one block', MANY, (n) =>
    around(1, [BLOCK, EMPTY], again(n, [...ZERO, BR_IF, 0]), [END]),
  ),
  row('calls', MANY, (n) => again(n, joined([PLAIN_CALL, PLAIN_CALL, PLAIN_CALL]))),
  row('divisions', MANY, (n) => again(n, [...ZERO, 0x41, 1, 0x6d, DROP])),
  row('memory.grow', MANY, (n) => again(n, [...ZERO, 0x40, 0, DROP])),
  row('locals that fill all registers', MANY, (n) =>
    again(
      n,
      [...Array(30).keys()].flatMap((k) => [0x20, k, 0x20, (k * 7 + 3) % 30, 0x6a, 0x21, k]),
    ),
  ),
  row('try blocks', MANY, (n) => again(n, [TRY, EMPTY, ...PLAIN_CALL, CATCH_ALL, END])),
  row('catch clauses', MANY, (n) =>
    around(1, [TRY, EMPTY, ...PLAIN_CALL], again(n, [CATCH, 0]), [END]),
  ),
  row('calls in a try block', MANY, (n) =>
    around(1, [TRY, EMPTY], again(n, PLAIN_CALL), [CATCH_ALL, END]),
  ),
  row('try_tables', MANY, (n) =>
    again(n, [BLOCK, EMPTY, TRY_TABLE, EMPTY, 1, 2, 0, ...PLAIN_CALL, END, END]),
  ),
  row('a br_table with many targets', MANY, (n) => {
    const depth = Math.min(n, 9_000)
    const labels = Array.from({ length: depth }, (_, label) => leb(label)).flat()
    return around(depth, [BLOCK, EMPTY], [...ZERO, BR_TABLE, ...leb(depth - 1), ...labels], [END])
  }),
  row('br_tables, deep', 10, (n) =>
    around(9_000, [BLOCK, EMPTY], again(n, [BLOCK, EMPTY, ...ZERO, BR_TABLE, 0, 0, END]), [END]),
  ),
  row('ifs above many operands', 10, (n) =>
    around(OPERANDS, ZERO, again(n, [...ZERO, IF, EMPTY, END]), [DROP]),
  ),
  row('calls above many operands', 10, (n) => around(OPERANDS, ZERO, again(n, PLAIN_CALL), [DROP])),
  row('a stack of loaded values', 10, (n) => around(n, [...ZERO, 0x28, 0, 0], [], [DROP])),
  row('blocks with many values', 10, (n) =>
    around(WIDTH, ZERO, again(n, [BLOCK, WIDE, END]), [DROP]),
  ),
  row('loops with many values', 10, (n) =>
    around(WIDTH, ZERO, again(n, [LOOP, WIDE, END]), [DROP]),
  ),
  row('ifs with many values', 10, (n) =>
    around(WIDTH, ZERO, again(n, [...ZERO, IF, WIDE, END]), [DROP]),
  ),
  row('branches with many values', 10, (n) =>
    around(
      1,
      again(WIDTH, ZERO),
      around(1, [BLOCK, WIDE], again(n, [...ZERO, BR_IF, 0]), [END]),
      again(WIDTH, [DROP]),
    ),
  ),
  {
    ...row('calls with many results', 10, (n) => again(n, [...WIDE_CALL, ...again(WIDTH, [DROP])])),
    monster: 5_000,
  },
  row('calls, and nothing else', 0, (n) => again(n, PLAIN_CALL)),
  row('indirect calls, and nothing else', 0, (n) => again(n, [...ZERO, 0x11, 0, 0])),
  row('divisions, and nothing else', 0, (n) => again(n, [...ZERO, 0x41, 1, 0x6d, DROP])),
]

/** A WASI command whose `_start` is the function. */
export function costlyModule({ locals, code }: CostlyFunction, count: number): Uint8Array {
  const wide = [...leb(WIDTH), ...new Array<number>(WIDTH).fill(I32)]
  const body = (declared: readonly number[], instructions: Uint8Array): Uint8Array => {
    const bytes = joined([declared, instructions, [END]])
    return joined([leb(bytes.length), bytes])
  }
  return joined([
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [3, 0x60, 0, 0, 0x60, ...wide, ...wide, 0x60, 0, ...wide]),
    section(3, [3, 0, 0, 2]),
    section(4, [1, 0x70, 0, 1]),
    section(5, [1, 0, 1]),
    section(13, [1, 0, 0]),
    section(7, [2, 6, ...Buffer.from('memory'), 2, 0, 6, ...Buffer.from('_start'), 0, 0]),
    section(
      10,
      joined([
        [3],
        body(locals === 0 ? [0] : [1, ...leb(locals), I32], code(count)),
        body([0], joined([])),
        body([0], again(WIDTH, ZERO)),
      ]),
    ),
  ])
}

function row(name: string, locals: number, code: CostlyFunction['code']): CostlyFunction {
  const monster = locals === 0 ? 700_000 : locals === MANY ? 9_000 : 100_000
  return { name, locals, code, monster }
}

/** `bytes`, `count` times. */
function again(count: number, bytes: ArrayLike<number>): Uint8Array {
  const out = new Uint8Array(count * bytes.length)
  for (let at = 0; at < out.length; at += bytes.length) out.set(bytes, at)
  return out
}

/** `before` and `after`, `count` times each, around `inside`. */
function around(
  count: number,
  before: ArrayLike<number>,
  inside: ArrayLike<number>,
  after: ArrayLike<number>,
): Uint8Array {
  return joined([again(count, before), inside, again(count, after)])
}

function joined(parts: readonly ArrayLike<number>[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))))
}

function section(id: number, contents: ArrayLike<number>): Uint8Array {
  return joined([[id], leb(contents.length), contents])
}

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)]
}
