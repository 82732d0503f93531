/**
 * Steps through code one instruction at a time and checks that every index it names exists in the *original* module:
 * hardening appends to the index spaces, so an index that was out of range must not become valid.
 *
 * Types of operands are not checked here; V8 does that.
 */
import { ByteReader } from './byte-reader.ts'
import { wasmErrorAt } from './errors.ts'
import { IMMEDIATE, IMMEDIATE_OF } from './opcodes.ts'
import { skipHeapType, skipValueType } from './value-types.ts'

/** How many there are in each index space. */
export interface IndexSpaces {
  readonly types: number
  readonly functions: number
  readonly tables: number
  readonly memories: number
  readonly globals: number
  readonly tags: number
  readonly elements: number
  readonly data: number
}

/** Block type `a` of an instruction whose block has no type index; `b` is then the number of results, 0 or 1. */
export const NO_TYPE_INDEX = -1

export class InstructionReader extends ByteReader {
  readonly spaces: IndexSpaces
  /** How many locals the function has, parameters included. */
  locals = 0
  /** Offset of the instruction read last. */
  at = 0
  /** The index the instruction names first; for `i32.const` its value. */
  a = 0
  /** The second index. */
  b = 0
  /** The targets of a `br_table`, or of the catch clauses of a `try_table`. */
  labels: Int32Array = new Int32Array(16)
  labelCount = 0

  constructor(bytes: Uint8Array, spaces: IndexSpaces) {
    super(bytes)
    this.spaces = spaces
  }

  /** Reads the next instruction and returns its opcode. */
  next(): number {
    this.at = this.pos
    let opcode = this.byte()
    if (opcode >= 0xfb) opcode = this.#prefixed(opcode)
    switch (IMMEDIATE_OF[opcode]) {
      case IMMEDIATE.none:
        return opcode
      case IMMEDIATE.local:
        this.a = this.#index(this.locals, 'local')
        return opcode
      case IMMEDIATE.i32:
        this.a = this.s33() | 0
        return opcode
      case IMMEDIATE.memoryArgument:
        this.#memoryArgument()
        return opcode
      case IMMEDIATE.block:
        this.#blockType()
        return opcode
      case IMMEDIATE.label:
        this.a = this.u32()
        return opcode
      case IMMEDIATE.function:
        this.a = this.#index(this.spaces.functions, 'function')
        return opcode
      case IMMEDIATE.global:
        this.a = this.#index(this.spaces.globals, 'global')
        return opcode
      default:
        this.#rareImmediate(opcode)
        return opcode
    }
  }

  #prefixed(prefix: number): number {
    if (prefix === 0xfe) throw wasmErrorAt('WASM_THREADS', 'atomic instruction (threads)', this.at)
    const sub = this.u32()
    const known = prefix === 0xfd ? sub <= 0x113 : sub <= 0xff
    if (!known || prefix === 0xff) throw this.#unknown((prefix << 8) + Math.min(sub, 0xff))
    return (prefix << 8) + sub
  }

  #rareImmediate(opcode: number): void {
    const { spaces } = this
    switch (IMMEDIATE_OF[opcode]) {
      case IMMEDIATE.labelTable:
        this.#labelTable()
        return
      case IMMEDIATE.callIndirect:
        this.a = this.#index(spaces.types, 'type')
        this.b = this.#index(spaces.tables, 'table')
        return
      case IMMEDIATE.type:
        this.a = this.#index(spaces.types, 'type')
        return
      case IMMEDIATE.table:
        this.a = this.#index(spaces.tables, 'table')
        return
      case IMMEDIATE.memory:
        this.a = this.#index(spaces.memories, 'memory')
        return
      case IMMEDIATE.i64:
        this.skipNumber(10)
        return
      case IMMEDIATE.bytes4:
        this.skip(4)
        return
      case IMMEDIATE.bytes8:
        this.skip(8)
        return
      case IMMEDIATE.bytes16:
        this.skip(16)
        return
      case IMMEDIATE.lane:
        this.skip(1)
        return
      case IMMEDIATE.memoryArgumentLane:
        this.#memoryArgument()
        this.skip(1)
        return
      case IMMEDIATE.heapType:
        skipHeapType(this, spaces.types)
        return
      case IMMEDIATE.selectTypes:
        for (let count = this.u32(); count > 0; count--) skipValueType(this, spaces.types)
        return
      case IMMEDIATE.tag:
        this.a = this.#index(spaces.tags, 'tag')
        return
      case IMMEDIATE.tryTable:
        this.#tryTable()
        return
      case IMMEDIATE.memoryInit:
        this.a = this.#index(spaces.data, 'data segment')
        this.b = this.#index(spaces.memories, 'memory')
        return
      case IMMEDIATE.data:
        this.a = this.#index(spaces.data, 'data segment')
        return
      case IMMEDIATE.memoryCopy:
        this.a = this.#index(spaces.memories, 'memory')
        this.b = this.#index(spaces.memories, 'memory')
        return
      case IMMEDIATE.tableInit:
        this.a = this.#index(spaces.elements, 'element segment')
        this.b = this.#index(spaces.tables, 'table')
        return
      case IMMEDIATE.element:
        this.a = this.#index(spaces.elements, 'element segment')
        return
      case IMMEDIATE.tableCopy:
        this.a = this.#index(spaces.tables, 'table')
        this.b = this.#index(spaces.tables, 'table')
        return
      case IMMEDIATE.castBranch:
        this.skip(1)
        this.a = this.u32()
        skipHeapType(this, spaces.types)
        skipHeapType(this, spaces.types)
        return
      case IMMEDIATE.gcAllocation:
        throw wasmErrorAt('WASM_GC_ALLOCATION', 'struct or array instruction (GC)', this.at)
      default:
        throw this.#unknown(opcode)
    }
  }

  #index(count: number, kind: string): number {
    const index = this.u32()
    if (index >= count) throw wasmErrorAt('WASM_MALFORMED', `${kind} ${index} of ${count}`, this.at)
    return index
  }

  #memoryArgument(): void {
    const align = this.u32()
    const memory = align & 0x40 ? this.u32() : 0
    if (memory >= this.spaces.memories) {
      throw wasmErrorAt('WASM_MALFORMED', `memory ${memory} of ${this.spaces.memories}`, this.at)
    }
    this.u32()
  }

  #blockType(): void {
    const form = this.pos < this.end ? (this.bytes[this.pos] ?? 0) : 0
    if (form === 0x40) {
      this.pos++
      this.a = NO_TYPE_INDEX
      this.b = 0
    } else if ((form & 0xc0) === 0x40) {
      skipValueType(this, this.spaces.types)
      this.a = NO_TYPE_INDEX
      this.b = 1
    } else {
      const index = this.s33()
      if (index < 0 || index >= this.spaces.types) {
        throw wasmErrorAt('WASM_MALFORMED', `block type ${index}`, this.at)
      }
      this.a = index
    }
  }

  #labelTable(): void {
    const count = this.u32()
    if (count >= this.end - this.pos) throw this.cutShort()
    this.#clearLabels(count + 1)
    for (let index = 0; index <= count; index++) this.labels[this.labelCount++] = this.u32()
  }

  #tryTable(): void {
    this.#blockType()
    const [type, results] = [this.a, this.b]
    const count = this.u32()
    if (count > this.end - this.pos) throw this.cutShort()
    this.#clearLabels(count)
    for (let index = 0; index < count; index++) {
      const kind = this.byte()
      if (kind > 3) throw wasmErrorAt('WASM_UNSUPPORTED', `catch clause ${kind}`, this.pos - 1)
      if (kind < 2) this.#index(this.spaces.tags, 'tag')
      this.labels[this.labelCount++] = this.u32()
    }
    this.a = type
    this.b = results
  }

  #clearLabels(wanted: number): void {
    this.labelCount = 0
    if (this.labels.length < wanted) this.labels = new Int32Array(wanted * 2)
  }

  #unknown(opcode: number): Error {
    return wasmErrorAt('WASM_UNSUPPORTED', `unknown opcode 0x${opcode.toString(16)}`, this.at)
  }
}
