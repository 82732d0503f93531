/** Random modules that are valid, run to an end and leave traces: loops, calls, branches, exceptions, bulk instructions. */

/** Numbers from 0 up to, not including, `below`; the same for the same seed. */
export function pseudoRandom(seed: number): (below: number) => number {
  let state = seed | 0
  return (below) => {
    // Mulberry32, a public-domain generator.
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(below, 1)
  }
}

const FUNCTIONS = 6
/** Steps a call of `run` may take before it stops by itself. */
const FUEL = 3_000

/** Text of a module that exports `run (param i32) (result i32)` and memory `m`. */
export function randomModule(seed: number): string {
  const random = pseudoRandom(seed)
  // V8 refuses modules that use both encodings of exceptions.
  const isLegacy = seed % 2 === 0
  const first = '(call $f0 (local.get 0) (i32.const 0))'
  const run = isLegacy
    ? `(try (result i32) (do ${first}) (catch $e))`
    : `(block (result i32) (try_table (result i32) (catch $e 0) ${first}))`
  const functions: string[] = []
  for (let index = 0; index < FUNCTIONS; index++) {
    functions.push(
      `(func $f${index} (type $t) (local i32 i32 i32) ${block(random, { depth: 4, labels: 0, isLegacy })} (local.get 2))`,
    )
  }
  return `(module (memory (export "m") 3) (type $t (func (param i32 i32) (result i32))) (tag $e (param i32))
    (global $fuel (mut i32) (i32.const 0)) (global $g (mut i32) (i32.const 1))
    (table funcref (elem ${Array.from({ length: FUNCTIONS }, (_, index) => `$f${index}`).join(' ')}))
    (func $burn (result i32) (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1))) (i32.le_s (global.get $fuel) (i32.const 0)))
    ${functions.join('\n')}
    (func (export "run") (param i32) (result i32) (global.set $fuel (i32.const ${FUEL}))
      ${run}))`
}

interface Place {
  readonly depth: number
  readonly labels: number
  readonly isLegacy: boolean
}

function block(random: (below: number) => number, place: Place): string {
  const out = ['(if (call $burn) (then (return (global.get $g))))']
  for (let count = 1 + random(4); count > 0; count--) out.push(statement(random, place))
  return out.join(' ')
}

function statement(random: (below: number) => number, place: Place): string {
  const inner = { ...place, depth: place.depth - 1, labels: place.labels + 1 }
  const value = (): string => expression(random, 3)
  const local = `local.set ${random(4)}`
  if (random(6) === 0) return tightLoop(random, place)
  if (place.depth > 0) {
    switch (random(5)) {
      case 0:
        return `(loop ${block(random, inner)} (br_if 0 (i32.and ${value()} (i32.const 1))))`
      case 1:
        return `(block ${block(random, inner)})`
      case 2:
        return `(if ${value()} (then ${block(random, inner)}) (else ${block(random, inner)}))`
      case 3:
        if (place.isLegacy) return `(try (do ${block(random, inner)}) (catch $e (${local})))`
        // The labels further out stand behind one that takes a value.
        return `(block (block (result i32) (try_table (catch $e 0) ${block(random, { ...inner, labels: 1 })}) (br 1)) (${local}))`
      default:
        return `(loop (result i32) ${block(random, inner)} ${value()}) (${local})`
    }
  }
  switch (random(10)) {
    case 0:
      return place.labels > 0 ? `(br_if ${random(place.labels)} ${value()})` : 'nop'
    case 1:
      return `(${local} (call $f${random(FUNCTIONS)} ${value()} ${value()}))`
    case 2:
      return `(${local} (call_indirect (type $t) ${value()} ${value()} (i32.const ${random(FUNCTIONS + 1)})))`
    case 3:
      return `(if (i32.eqz (i32.and ${value()} (i32.const 15))) (then (return_call $f${random(FUNCTIONS)} ${value()} ${value()})))`
    case 4:
      return `(if (i32.eqz (i32.and ${value()} (i32.const 7))) (then (throw $e ${value()})))`
    case 5:
      return `(memory.fill (i32.and ${value()} (i32.const 0xffff)) ${value()} (i32.and ${value()} (i32.const 0x1ffff)))`
    case 6:
      return `(memory.copy (i32.and ${value()} (i32.const 0xffff)) (i32.and ${value()} (i32.const 0xffff)) (i32.and ${value()} (i32.const 0x1ffff)))`
    case 7:
      return `(i32.store (i32.and ${value()} (i32.const 0x3ffff)) ${value()})`
    case 8:
      return `(global.set $g (i32.add (global.get $g) ${value()}))`
    default:
      return `(${local} ${value()})`
  }
}

/** A loop without calls that ends by itself: local 4 is its alone. */
function tightLoop(random: (below: number) => number, { labels }: Place): string {
  const outer = labels + 2
  const body = [0, 1, 2].slice(random(3)).map(() => simple(random, outer, 2))
  return `(local.set 4 (i32.const ${2 + random(40)})) (block (loop
    (br_if 1 (i32.eqz (local.tee 4 (i32.sub (local.get 4) (i32.const 1))))) ${body.join(' ')} (br 0)))`
}

/** A statement without calls in a tight loop; the branches of `depth` levels go to any of `labels`. */
function simple(random: (below: number) => number, labels: number, depth: number): string {
  const value = (): string => expression(random, 2)
  const rare = `(i32.eqz (i32.and ${value()} (i32.const 7)))`
  switch (random(depth > 0 ? 7 : 4)) {
    case 0:
      return `(local.set ${random(4)} ${value()})`
    case 1:
      return `(i32.store (i32.and ${value()} (i32.const 0x1ffff)) ${value()})`
    case 2:
      return `(br_if ${random(labels)} ${rare})`
    case 3:
      return `(if ${rare} (then (return ${value()})))`
    case 4:
      return `(if ${value()} (then ${simple(random, labels + 1, depth - 1)}) (else ${simple(random, labels + 1, depth - 1)}))`
    case 5:
      return `(block (br_table 0 ${random(labels + 1)} 0 0 ${random(labels + 1)} 0 ${value()}))`
    default:
      return `(block ${simple(random, labels + 1, depth - 1)} (br_if ${random(labels + 1)} ${value()}) ${simple(random, labels + 1, depth - 1)})`
  }
}

function expression(random: (below: number) => number, depth: number): string {
  if (depth === 0) {
    return (
      [`(local.get ${random(4)})`, `(i32.const ${random(2 ** 32) - 2 ** 31})`, '(global.get $g)'][
        random(3)
      ] ?? ''
    )
  }
  const [left, right] = [expression(random, depth - 1), expression(random, random(depth))]
  const operator = ['add', 'sub', 'mul', 'xor', 'and', 'shl', 'shr_u', 'lt_s', 'div_u'][random(9)]
  if (operator === 'div_u' && random(4) > 0)
    return `(i32.load (i32.and ${left} (i32.const 0x1ffff)))`
  return `(i32.${operator} ${left} ${right})`
}
