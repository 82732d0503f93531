/**
 * Functions that stand in for `memory.fill`, `table.copy` and their like, which do unbounded work in one step:
 * they charge by size and do large jobs in steps, with a check before each. After `memory.grow` there is a check whatever it
 * does: the host may want to look more often at a guest that has memory to be written for the first time. It takes the memory's spare pages first
 * (`wasm_fpm:spare:N`), which `memory.size` does not count.
 *
 * The instruction traps before it changes anything if any part is out of bounds. So does the stand-in: it first runs
 * the instruction on the end of the range with length 0, which traps exactly when the whole would.
 */
import { encodeS32, encodeU32 } from './byte-writer.ts'
import type { MeterIndices } from './meter-code.ts'
import { OP } from './opcodes.ts'
import type { TypeAppender } from './type-appender.ts'
import { I32 } from './value-types.ts'
import type { WasmModule } from './wasm-module.ts'

/** Largest job done in one step. */
const MEMORY_STEP_BYTES = 65_536
const TABLE_STEP_ELEMENTS = 1_024
/** A size known when hardening is charged with the code around it, up to this. */
const SMALL_BYTES = 4_096
const SMALL_ELEMENTS = 256
const BASE_COST = 16
const GROW_COST = 200
/** Growing by more than this fails anyway (V8's limit is 10 million), or the table is not allowed it. */
const MOST_GROWTH_CHARGED = 1 << 22

const [D, S, N] = [0, 1, 2]

interface BulkKind {
  readonly name: string
  readonly isTable: boolean
  /** True if operand 1 is an offset that moves along; false: a value. */
  readonly hasSource: boolean
  readonly canOverlap: boolean
  /** How many indices follow the opcode. */
  readonly indices: 1 | 2
}

const KINDS: ReadonlyMap<number, BulkKind> = new Map<number, BulkKind>([
  [
    OP.memoryInit,
    { name: 'memory.init', isTable: false, hasSource: true, canOverlap: false, indices: 2 },
  ],
  [
    OP.memoryCopy,
    { name: 'memory.copy', isTable: false, hasSource: true, canOverlap: true, indices: 2 },
  ],
  [
    OP.memoryFill,
    { name: 'memory.fill', isTable: false, hasSource: false, canOverlap: false, indices: 1 },
  ],
  [
    OP.tableInit,
    { name: 'table.init', isTable: true, hasSource: true, canOverlap: false, indices: 2 },
  ],
  [
    OP.tableCopy,
    { name: 'table.copy', isTable: true, hasSource: true, canOverlap: true, indices: 2 },
  ],
  [
    OP.tableFill,
    { name: 'table.fill', isTable: true, hasSource: false, canOverlap: false, indices: 1 },
  ],
  [
    OP.tableGrow,
    { name: 'table.grow', isTable: true, hasSource: false, canOverlap: false, indices: 1 },
  ],
  [
    OP.memoryGrow,
    { name: 'memory.grow', isTable: false, hasSource: false, canOverlap: false, indices: 1 },
  ],
])

/** True if a function stands in for the instruction. */
export function isBulk(opcode: number): boolean {
  return KINDS.has(opcode)
}

function kindOf(opcode: number): BulkKind {
  const kind = KINDS.get(opcode)
  if (kind === undefined) throw new Error(`opcode ${opcode} is not a bulk instruction`)
  return kind
}

/** A function to be added. */
export interface AddedFunction {
  readonly name: string
  readonly type: number
  /** Locals and code, without the size. */
  readonly body: readonly number[]
}

export class BulkFunctions {
  readonly #module: WasmModule
  readonly #types: TypeAppender
  readonly #firstFunction: number
  readonly #meter: MeterIndices
  readonly #spareGlobals: ReadonlyArray<number | undefined>
  readonly #indices = new Map<string, number>()
  /** Whether it asks for the size of a memory that it imports, or makes it grow. */
  resizesImported = false
  /** In index order from `firstFunction`. */
  readonly added: AddedFunction[] = []

  constructor(
    module: WasmModule,
    types: TypeAppender,
    {
      firstFunction,
      meter,
      spareGlobals,
    }: {
      readonly firstFunction: number
      readonly meter: MeterIndices
      readonly spareGlobals: ReadonlyArray<number | undefined>
    },
  ) {
    this.#module = module
    this.#types = types
    this.#firstFunction = firstFunction
    this.#meter = meter
    this.#spareGlobals = spareGlobals
  }

  /** Units for the instruction with the constant size `count`; undefined: too large to be done unchecked. */
  fixedCost(opcode: number, count: number): number | undefined {
    if (opcode === OP.memoryGrow) return undefined
    if (kindOf(opcode).isTable) return count > SMALL_ELEMENTS ? undefined : GROW_COST + count * 4
    return count > SMALL_BYTES ? undefined : BASE_COST + (count >> 4)
  }

  /** The index of the function that stands in for the instruction with indices `a` and `b`. */
  functionFor(opcode: number, a: number, b: number): number {
    const kind = kindOf(opcode)
    const indices = kind.indices === 1 ? [a] : [a, b]
    const key = `${opcode}:${indices.join(':')}`
    const known = this.#indices.get(key)
    if (known !== undefined) return known
    const index = this.#firstFunction + this.added.length
    this.#indices.set(key, index)
    const prefix = opcode > 0xff ? [opcode >> 8] : []
    const instruction = [...prefix, opcode & 0xff, ...indices.flatMap(encodeU32)]
    const element = kind.isTable ? this.#elementType(a) : []
    const name = `${kind.name}:${indices.join(':')}`
    this.added.push({ name, ...this.#standIn(opcode, instruction, { element, memory: a }) })
    return index
  }

  #standIn(
    opcode: number,
    instruction: readonly number[],
    { element, memory }: { readonly element: number[]; readonly memory: number },
  ): Pick<AddedFunction, 'type' | 'body'> {
    if (opcode === OP.memoryGrow) {
      return { type: this.#types.add([[I32]], [[I32]]), body: this.#growBody(instruction, memory) }
    }
    if (opcode === OP.tableGrow) {
      const type = this.#types.add([element, [I32]], [[I32]])
      return { type, body: this.#tableGrowBody(instruction) }
    }
    const kind = kindOf(opcode)
    const second = kind.hasSource || !kind.isTable ? [I32] : element
    return {
      type: this.#types.add([[I32], second, [I32]], []),
      body: this.#body(kind, instruction),
    }
  }

  /** What is to be put behind `memory.size`: it leaves the spare pages out. */
  afterSize(memory: number): readonly number[] {
    const spare = this.#spareGlobals[memory]
    if (spare !== undefined) return [0x23, ...encodeU32(spare), 0x6b]
    this.resizesImported = true
    return []
  }

  /**
   * `old = size - spare; if (delta <= spare) spare -= delta; else if (grow(delta - spare) == -1) old = -1; else spare = 0;
   * check(); return old`
   */
  #growBody(instruction: readonly number[], memory: number): number[] {
    const global = this.#spareGlobals[memory]
    if (global === undefined) {
      this.resizesImported = true
      return [0, 0x20, 0, ...instruction, ...this.#check(), 0x0b]
    }
    const [delta, old] = [0, 1]
    const getSpare = [0x23, ...encodeU32(global)]
    const setSpare = [0x24, ...encodeU32(global)]
    const size = [0x3f, ...encodeU32(memory), ...getSpare, 0x6b]
    const grow = [0x20, delta, ...getSpare, 0x6b, ...instruction]
    return [
      ...[1, 1, I32, ...size, 0x21, old],
      ...[0x20, delta, ...getSpare, 0x4d, 0x04, 0x40],
      ...[...getSpare, 0x20, delta, 0x6b, ...setSpare],
      ...[0x05, ...grow, 0x41, 0x7f, 0x46, 0x04, 0x40, 0x41, 0x7f, 0x21, old],
      ...[0x05, 0x41, 0, ...setSpare, 0x0b, 0x0b],
      ...[...this.#check(), 0x20, old, 0x0b],
    ]
  }

  #elementType(table: number): number[] {
    const span = this.#module.tables[table]?.typeSpan ?? { start: 0, end: 0 }
    return [...this.#module.bytes.subarray(span.start, span.end)]
  }

  #tableGrowBody(instruction: readonly number[]): number[] {
    const most = [0x41, ...encodeS32(MOST_GROWTH_CHARGED)]
    const [value, count] = [
      [0x20, 0],
      [0x20, 1],
    ]
    // min(count, most) * 4
    const units = [...count, ...most, ...count, ...most, 0x49, 0x1b, 0x41, 2, 0x74]
    return [0, ...this.#charge(units, GROW_COST), ...value, ...count, ...instruction, 0x0b]
  }

  #body(kind: BulkKind, instruction: readonly number[]): number[] {
    const step = [0x41, ...encodeS32(kind.isTable ? TABLE_STEP_ELEMENTS : MEMORY_STEP_BYTES)]
    const [d, s, n] = [D, S, N].map((local) => [0x20, local]) as [number[], number[], number[]]
    const plus = (local: number[], more: number[]): number[] => [...local, ...more, 0x6a]
    const sourcePlus = (more: number[]): number[] => (kind.hasSource ? plus(s, more) : s)
    // Bytes cost a sixteenth of a unit, elements four units.
    const units = [...n, 0x41, ...(kind.isTable ? [2, 0x74] : [4, 0x76])]
    const stepUnits = [...step, 0x41, ...(kind.isTable ? [2, 0x74] : [4, 0x76])]
    const whole = [...d, ...s, ...n, ...instruction]
    const chargedWhole = [...this.#charge(units, BASE_COST), ...whole]
    const isMore = [...n, ...step, 0x4b]
    const less = [...n, ...step, 0x6b, 0x21, N]
    const overflows = (local: number[]): number[] => [...plus(local, n), ...n, 0x49]
    const charge = this.#charge(stepUnits, BASE_COST)
    const out = [0, ...isMore, 0x45, 0x04, 0x40, ...chargedWhole, 0x0f, 0x0b]
    out.push(...overflows(d), ...(kind.hasSource ? [...overflows(s), 0x72] : []))
    out.push(0x04, 0x40, ...whole, 0x0f, 0x0b)
    out.push(...plus(d, n), ...sourcePlus(n), 0x41, 0, ...instruction)
    if (kind.canOverlap) {
      // Upwards by more than 0: begin at the end, so that nothing is overwritten before it was read.
      out.push(...d, ...s, 0x4b, 0x04, 0x40, 0x03, 0x40, ...charge, ...less)
      out.push(...plus(d, n), ...plus(s, n), ...step, ...instruction)
      out.push(...isMore, 0x0d, 0, 0x0b, ...chargedWhole, 0x0f, 0x0b)
    }
    out.push(0x03, 0x40, ...charge, ...d, ...s, ...step, ...instruction)
    out.push(
      ...plus(d, step),
      0x21,
      D,
      ...(kind.hasSource ? [...plus(s, step), 0x21, S] : []),
      ...less,
    )
    out.push(...isMore, 0x0d, 0, 0x0b, ...chargedWhole, 0x0b)
    return out
  }

  /** `counter -= units + base; if (counter < 0) check()` */
  #charge(units: readonly number[], base: number): number[] {
    const counter = encodeU32(this.#meter.counterGlobal)
    return [
      ...[0x23, ...counter, ...units, 0x6b, 0x41, ...encodeS32(base), 0x6b, 0x24, ...counter],
      ...[0x23, ...counter, 0x41, 0, 0x48, 0x04, 0x40, ...this.#check(), 0x0b],
    ]
  }

  #check(): number[] {
    return [0x10, ...encodeU32(this.#meter.checkFunction), 0x1a]
  }
}
