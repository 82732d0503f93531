/**
 * Estimates what V8 does to compile a function, in units of about a nanosecond.
 *
 * V8's baseline compiler keeps the state of every slot (parameters, locals, operands on the stack) and goes through all of it, or
 * copies it, where control flow forks and joins; an ordinary instruction may search it for a register. The optimizing compiler
 * makes a node of every slot there. So the work is slots times (blocks, branches, calls, instructions), and a small module can keep V8
 * busy for hours. Weights are measured (bench/MEASUREMENTS.md) and on the safe side.
 */
import { type InstructionReader, NO_TYPE_INDEX } from './instruction-reader.ts'
import { COST_OF, OP } from './opcodes.ts'
import { POPS, PUSHES } from './stack-effects.ts'
import type { FunctionType, WasmModule } from './wasm-module.ts'

/** Units a slot, for what happens to all of them. */
const PER_SLOT = { loop: 30, if: 50, try: 50, branch: 15, call: 2, result: 4, other: 1 } as const
/** Units for what does not depend on slots. */
const CALL = 1_000
const INDIRECT = 2_500
const OTHER = 100
/** Added for instructions that run for as many units (opcodes.ts): divisions make much code. */
const LONG = 800
const LONG_COST = 40
/** Units a value that goes into or out of a block or a call, or along a branch. */
const VALUE = 50
/** Units a block that a `br_table` could leave: V8 keeps a set of them. */
const TABLE_DEPTH = 20

/** Adds up the work of one function after the other. */
export class CompileWork {
  readonly #module: WasmModule
  /** Operands below each open block, those that go in and those that come out, by depth; 0 is the function. */
  readonly #base: Int32Array
  readonly #parameters: Int32Array
  readonly #results: Int32Array
  readonly #opcodes: Uint8Array
  /** Number of the `br_table` that last named the block. */
  readonly #named: Int32Array
  #tables = 0
  #depth = 0
  #tries = 0
  #locals = 0
  #height = 0
  /** Of the function at hand, so far. */
  units = 0

  constructor(module: WasmModule, nesting: number) {
    this.#module = module
    this.#base = new Int32Array(nesting + 2)
    this.#parameters = new Int32Array(nesting + 2)
    this.#results = new Int32Array(nesting + 2)
    this.#opcodes = new Uint8Array(nesting + 2)
    this.#named = new Int32Array(nesting + 2)
  }

  begin(locals: number, type: FunctionType | undefined): void {
    this.#locals = locals
    this.#depth = 0
    this.#tries = 0
    this.#height = 0
    this.#base[0] = 0
    this.#parameters[0] = 0
    this.#results[0] = type?.results ?? 0
    this.#opcodes[0] = OP.block
    this.units = locals * OTHER
  }

  /** An instruction that moves no label and calls nothing. */
  plain(opcode: number): void {
    this.units += OTHER + PER_SLOT.other * (this.#locals + this.#height)
    if ((COST_OF[opcode] ?? 0) >= LONG_COST) this.units += LONG
    this.#move(POPS[opcode] ?? 0, PUSHES[opcode] ?? 0)
  }

  /** Any other instruction, which `reader` has just read. `depth`: of blocks that are open after it. */
  control(opcode: number, reader: InstructionReader): void {
    switch (opcode) {
      case OP.block:
        this.#open(opcode, reader, 0)
        return
      case OP.loop:
        this.#open(opcode, reader, PER_SLOT.loop)
        return
      case OP.if:
        this.#move(1, 0)
        this.#open(opcode, reader, PER_SLOT.if)
        return
      case OP.try:
      case OP.tryTable:
        this.#open(opcode, reader, PER_SLOT.try)
        this.#tries++
        if (opcode === OP.tryTable) this.units += reader.labelCount * this.#branchUnits(0)
        return
      case OP.else:
        this.#restart(this.#parameters[this.#depth] ?? 0)
        return
      case OP.catch:
        this.#restart(this.#parametersOfTag(reader.a))
        return
      case OP.catchAll:
        this.#restart(0)
        return
      case OP.end:
      case OP.delegate:
        this.#close()
        return
      case OP.br:
      case OP.brIf:
      case OP.brOnNull:
      case OP.brOnNonNull:
      case OP.brOnCast:
      case OP.brOnCastFail:
      case OP.rethrow:
        this.#move(POPS[opcode] ?? 0, PUSHES[opcode] ?? 0)
        this.units += OTHER + this.#branchUnits(this.#arityOfLabel(reader.a))
        if (opcode === OP.br || opcode === OP.rethrow) this.#die()
        return
      case OP.brTable:
        this.#move(1, 0)
        this.#table(reader)
        this.#die()
        return
      case OP.return:
        this.units += OTHER + (this.#results[0] ?? 0) * VALUE
        this.#die()
        return
      case OP.unreachable:
      case OP.throw:
      case OP.throwRef:
        this.plain(opcode)
        this.#die()
        return
      case OP.call:
      case OP.returnCall:
        this.#call(this.#module.types[this.#module.functionTypes[reader.a] ?? 0], 0)
        return
      case OP.callIndirect:
      case OP.returnCallIndirect:
      case OP.callRef:
      case OP.returnCallRef:
        this.#call(this.#module.types[reader.a], 1)
        return
      default:
        this.plain(opcode)
        if (opcode === OP.memoryGrow) this.#call(undefined, 0)
    }
  }

  get #slots(): number {
    return this.#locals + this.#height
  }

  #move(pops: number, pushes: number): void {
    const base = this.#base[this.#depth] ?? 0
    this.#height = Math.max(base, this.#height - pops) + pushes
  }

  #open(opcode: number, reader: InstructionReader, perSlot: number): void {
    const type = reader.a === NO_TYPE_INDEX ? undefined : this.#module.types[reader.a]
    const parameters = type?.parameters ?? 0
    const results = type === undefined ? reader.b : type.results
    this.units += OTHER + perSlot * this.#slots + (parameters + results) * VALUE
    this.#move(parameters, 0)
    const depth = ++this.#depth
    this.#base[depth] = this.#height
    this.#parameters[depth] = parameters
    this.#results[depth] = results
    this.#opcodes[depth] = opcode
    this.#height += parameters
  }

  #close(): void {
    const depth = this.#depth
    const opcode = this.#opcodes[depth]
    if (opcode === OP.try || opcode === OP.tryTable) this.#tries--
    this.#height = (this.#base[depth] ?? 0) + (this.#results[depth] ?? 0)
    this.#depth--
  }

  /** Another part of the open block begins, with `values` on its stack. */
  #restart(values: number): void {
    this.units += OTHER + this.#branchUnits(values)
    this.#height = (this.#base[this.#depth] ?? 0) + values
  }

  /** What follows cannot be reached. */
  #die(): void {
    this.#height = this.#base[this.#depth] ?? 0
  }

  #branchUnits(values: number): number {
    return PER_SLOT.branch * this.#slots + VALUE * values
  }

  #arityOfLabel(label: number): number {
    const depth = this.#depth - label
    const values = this.#opcodes[depth] === OP.loop ? this.#parameters : this.#results
    return values[depth] ?? 0
  }

  #parametersOfTag(tag: number): number {
    return this.#module.types[this.#module.tagTypes[tag] ?? 0]?.parameters ?? 0
  }

  #table({ labels, labelCount }: InstructionReader): void {
    const table = ++this.#tables
    this.units += labelCount * OTHER + this.#depth * TABLE_DEPTH
    for (let each = 0; each < labelCount; each++) {
      const label = labels[each] ?? 0
      const depth = this.#depth - label
      if (this.#named[depth] === table) continue
      this.#named[depth] = table
      this.units += this.#branchUnits(this.#arityOfLabel(label))
    }
  }

  #call(type: FunctionType | undefined, more: number): void {
    const { parameters = 0, results = 0 } = type ?? {}
    const perSlot = this.#tries > 0 ? PER_SLOT.branch : PER_SLOT.call
    this.units += CALL + more * INDIRECT + perSlot * this.#slots
    this.#move(parameters + more, results)
    // Each result may search all slots for a register.
    this.units += (parameters + results) * VALUE + results * PER_SLOT.result * this.#slots
  }
}
