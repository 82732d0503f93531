/**
 * Second pass over the code: writes each function again with metering inserted.
 *
 * `cost` is the largest number of units spent on any path since the last charge, carried forward through the structured
 * control flow: the maximum where paths join, 0 after a charge. A charge is inserted
 *  - at every loop header, for the most expensive way to get there;
 *  - wherever `cost` reaches `CHUNK`;
 *  - before every call whose callee is unknown, and every throw;
 *  - on entry to functions that close a cycle of direct calls.
 * What is left uncharged when a function returns is added by its callers. So no path however long, no
 * recursion and no tree of calls executes more than a few `CHUNK`s of units between two checks of the counter.
 */
import { type BulkFunctions, isBulk } from './bulk-functions.ts'
import { ByteWriter } from './byte-writer.ts'
import type { CallOrder } from './call-order.ts'
import { wasmLimitError } from './errors.ts'
import { HintList } from './hint-list.ts'
import { InstructionReader, NO_TYPE_INDEX } from './instruction-reader.ts'
import type { ModuleLimits } from './limits.ts'
import { enterFunction } from './locals.ts'
import { type MeterCode, setWeight } from './meter-code.ts'
import type { FunctionType, Span, WasmModule } from './module.ts'
import { COST_OF, OP } from './opcodes.ts'
import type { CodeScan } from './scan-code.ts'
import type { TypeAppender } from './type-appender.ts'

/** Units a path may spend before it is charged. */
const CHUNK = 1_024
/** What a loop's first turn may carry into its weight, which every turn pays. */
const LOOP_CARRY = 8
const CALL_COST = 4
/** Covers what any callee leaves uncharged. */
const UNKNOWN_CALL_COST = 256
const IMPORT_COST = 400
const DEAD = -1
/** V8's limits. */
const MAX_LOCALS = 50_000
const MAX_BODY_BYTES = 7_654_321
const FUNCTION = -1

interface Frame {
  opcode: number
  /** Largest cost with which a branch reaches the block's label. */
  cost: number
  /** Cost at an `if`, for its `else`. */
  before: number
  /** Units for moving a branch's operands. */
  arity: number
  /** Where a loop's weight is to be written. */
  weightAt: number
  isCatchTarget: boolean
}

export interface MeterOptions {
  readonly module: WasmModule
  readonly scan: CodeScan
  readonly calls: CallOrder
  readonly limits: ModuleLimits
  readonly code: MeterCode
  readonly bulk: BulkFunctions
  readonly types: TypeAppender
  /** Hints of the original per defined function: pairs of offset and value. */
  readonly hints: ReadonlyMap<number, readonly number[]>
}

export interface MeterCounts {
  loops: number
  entries: number
  paths: number
  bulk: number
}

export class Meter {
  readonly #options: MeterOptions
  readonly #reader: InstructionReader
  /** All bodies, in the order they were written. */
  readonly out: ByteWriter
  /** Where each defined function's new body is in `out`. */
  readonly bodies: Span[]
  readonly hints: HintList
  readonly counts: MeterCounts = { loops: 0, entries: 0, paths: 0, bulk: 0 }
  /** Per function: units its callers must add, 1 if it changes the counter, 1 if it charges on the way. */
  readonly #residual: Int32Array
  readonly #touches: Uint8Array
  readonly #charges: Uint8Array
  readonly #frames: Frame[] = []
  #depth = 0
  #cost = 0
  /** The original is copied up to here. */
  #copied = 0
  #function = 0
  #bodyStart = 0
  #hasLocal = false

  constructor(options: MeterOptions) {
    this.#options = options
    const { module, limits, calls } = options
    const count = module.bodies.length
    this.#reader = new InstructionReader(module.bytes, module.spaces)
    this.out = new ByteWriter(module.bytes.length * 2 + 1024, limits.outputBytes)
    this.bodies = new Array<Span>(count).fill({ start: 0, end: 0 })
    this.hints = new HintList(count)
    this.#residual = new Int32Array(count)
    this.#touches = calls.isRecursive.slice()
    this.#charges = new Uint8Array(count)
  }

  /** Writes defined function `index`; its callees must have been written, except those that are recursive. */
  meter(index: number): void {
    const { module, limits, scan, calls, code } = this.#options
    const { out } = this
    const body = module.bodies[index] ?? { start: 0, end: 0 }
    const type = this.#typeOf(index + module.importedFunctions)
    const reader = this.#reader
    const declarations = enterFunction(reader, body, { type, limits })
    const isRecursive = calls.isRecursive[index] === 1
    this.#function = index
    this.#bodyStart = out.length
    this.#hasLocal = scan.hasLoop[index] === 1 && reader.locals < MAX_LOCALS
    out.u32(declarations.groups + (this.#hasLocal ? 1 : 0))
    out.copy(module.bytes, declarations.span.start, declarations.span.end)
    this.#copied = reader.pos
    this.#depth = -1
    this.#cost = 0
    this.#push(FUNCTION, type?.results ?? 0)
    this.hints.begin(index)
    let entryWeightAt = -1
    if (this.#hasLocal) {
      out.append([1, 0x7f])
      code.useLocal(reader.locals)
      if (isRecursive) entryWeightAt = this.#chargeEntry()
      else code.load(out)
      this.#touches[index] = 1
      out.byte(0x02)
      this.#wrapperType(type, index)
    } else if (isRecursive) {
      entryWeightAt = this.#chargeEntry()
    }
    this.#instructions(body)
    const residual = Math.max(this.#cost, this.#frame(0).cost, 0)
    if (isRecursive) setWeight(out, entryWeightAt, residual + CALL_COST)
    else this.#residual[index] = residual
    if (this.#hasLocal) {
      if (this.#frame(0).isCatchTarget) code.loadLower(out)
      code.store(out)
      out.byte(0x0b)
    }
    const bytes = out.length - this.#bodyStart
    if (bytes > MAX_BODY_BYTES)
      throw wasmLimitError('hardened function bytes', bytes, MAX_BODY_BYTES)
    this.bodies[index] = { start: this.#bodyStart, end: out.length }
  }

  #instructions(body: Span): void {
    const reader = this.#reader
    const hints = this.#options.hints.get(this.#function) ?? []
    let hint = 0
    let constant = -1
    while (this.#depth >= 0) {
      const opcode = reader.next()
      if (this.#cost >= CHUNK) this.#chargePath(0)
      if (hints.length > hint && (hints[hint] ?? 0) <= reader.at - body.start) {
        if (hints[hint] === reader.at - body.start) {
          this.hints.add(
            this.out.length + reader.at - this.#copied - this.#bodyStart,
            hints[hint + 1] ?? 0,
          )
        }
        hint += 2
      }
      const units = COST_OF[opcode] ?? 0
      if (this.#cost >= 0) this.#cost += units
      if (isBulk(opcode)) this.#bulk(opcode, constant)
      else this.#control(opcode)
      constant = opcode === OP.i32Const ? reader.a : -1
    }
    this.#copyTo(reader.pos)
  }

  #control(opcode: number): void {
    const reader = this.#reader
    switch (opcode) {
      case OP.block:
      case OP.if:
      case OP.try:
        this.#push(opcode, this.#blockArity())
        return
      case OP.loop:
        this.#loop()
        return
      case OP.tryTable:
        this.#tryTable()
        return
      case OP.else:
        this.#join(0, this.#cost)
        this.#cost = this.#frame(0, true).before
        this.#frame(0, true).opcode = OP.else
        return
      case OP.catch:
      case OP.catchAll:
        this.#join(0, this.#cost)
        this.#cost = CHUNK
        if (this.#hasLocal) {
          this.#copyTo(reader.pos)
          this.#options.code.loadLower(this.out)
        }
        return
      case OP.end:
      case OP.delegate:
        this.#end()
        return
      case OP.br:
        this.#join(reader.a, this.#cost)
        this.#cost = DEAD
        return
      case OP.brIf:
      case OP.brOnNull:
      case OP.brOnNonNull:
      case OP.brOnCast:
      case OP.brOnCastFail:
        this.#join(reader.a, this.#cost)
        return
      case OP.brTable:
        for (let each = 0; each < reader.labelCount; each++) {
          this.#join(reader.labels[each] ?? 0, this.#cost)
        }
        this.#cost = DEAD
        return
      case OP.unreachable:
        this.#cost = DEAD
        return
      case OP.return:
        this.#exit()
        return
      case OP.throw:
      case OP.rethrow:
      case OP.throwRef:
        this.#chargePath(0)
        this.#exit()
        this.#touches[this.#function] = 1
        return
      default:
        if (opcode >= OP.call && opcode <= OP.returnCallRef) this.#call(opcode)
    }
  }

  #loop(): void {
    const { code, scan } = this.#options
    const { out } = this
    if (this.#hasLocal && this.#cost > LOOP_CARRY) {
      this.#copyTo(this.#reader.at)
      code.deductLocal(out, this.#cost)
      this.#cost = 0
    }
    this.#push(OP.loop, this.#blockArity())
    this.#copyTo(this.#reader.pos)
    if (this.#hasLocal && scan.catchesToLoop[this.#function] === 1) code.loadLower(out)
    this.counts.loops++
    const frame = this.#frame(0, true)
    frame.weightAt = this.#charge(0)
    frame.cost = this.#cost
    if (this.#cost > 0) this.#cost = 0
  }

  #tryTable(): void {
    const reader = this.#reader
    for (let each = 0; each < reader.labelCount; each++) {
      const label = reader.labels[each] ?? 0
      if (this.#cost >= 0) this.#join(label, CHUNK)
      this.#frame(label, true).isCatchTarget = true
    }
    this.#push(OP.tryTable, this.#blockArity())
  }

  #end(): void {
    const frame = this.#frame(0, true)
    if (frame.opcode === OP.loop) {
      setWeight(this.out, frame.weightAt, Math.max(frame.cost, 1))
    } else {
      this.#cost = Math.max(this.#cost, frame.cost)
      if (frame.opcode === OP.if) this.#cost = Math.max(this.#cost, frame.before)
    }
    this.#depth--
    if (this.#depth >= 0 && this.#hasLocal && frame.isCatchTarget && frame.opcode !== OP.loop) {
      this.#copyTo(this.#reader.pos)
      this.#options.code.loadLower(this.out)
    }
  }

  #call(opcode: number): void {
    const reader = this.#reader
    const { importedFunctions } = this.#options.module
    const isTail =
      opcode === OP.returnCall || opcode === OP.returnCallIndirect || opcode === OP.returnCallRef
    const isDirect = opcode === OP.call || opcode === OP.returnCall
    const callee = isDirect ? reader.a - importedFunctions : -1
    let touches = true
    if (callee >= 0) {
      const left = this.#residual[callee] ?? 0
      const peak = this.#charges[callee] === 1 ? CHUNK : left
      touches = this.#touches[callee] === 1
      // What is uncharged along all the frames an exception may unwind stays within one CHUNK.
      if (this.#options.scan.canCatch && this.#cost > 0 && this.#cost + peak >= CHUNK)
        this.#chargePath(0)
      if (this.#cost >= 0) this.#cost += CALL_COST + left + this.#callArity(reader.a)
    } else {
      this.#chargePath(isDirect ? IMPORT_COST : UNKNOWN_CALL_COST + this.#arityOfType(reader.a))
    }
    if (touches) this.#touches[this.#function] = 1
    if (touches || isTail) this.#storeBefore()
    if (isTail) {
      this.#join(this.#depth, this.#cost)
      this.#cost = DEAD
    } else if (touches) {
      this.#loadAfter()
    }
  }

  #bulk(opcode: number, constant: number): void {
    const reader = this.#reader
    const { bulk } = this.#options
    const fixed = constant >= 0 ? bulk.fixedCost(opcode, constant) : undefined
    if (fixed !== undefined) {
      if (this.#cost >= 0) this.#cost += fixed
      return
    }
    this.counts.bulk++
    this.#storeBefore()
    this.#copyTo(reader.at)
    this.#copied = reader.pos
    this.out.byte(OP.call)
    this.out.u32(bulk.functionFor(opcode, reader.a, reader.b))
    this.#loadAfter()
    this.#touches[this.#function] = 1
    if (this.#cost >= 0) this.#cost += CALL_COST * 2
  }

  /** Charges `cost + more` before the instruction at hand. */
  #chargePath(more: number): void {
    if (this.#cost < 0) return
    this.#copyTo(this.#reader.at)
    this.counts.paths++
    this.#charge(this.#cost + more)
    this.#cost = 0
  }

  #chargeEntry(): number {
    this.counts.entries++
    if (!this.#hasLocal) return this.#charge(0)
    const { code } = this.#options
    code.loadAndCharge(this.out, 0)
    return this.#charged()
  }

  /** Writes a charge and returns where its weight is. */
  #charge(weight: number): number {
    const { code } = this.#options
    if (this.#hasLocal) code.chargeLocal(this.out, weight)
    else code.chargeGlobal(this.out, weight)
    return this.#charged()
  }

  #charged(): number {
    const { code } = this.#options
    this.#touches[this.#function] = 1
    this.#charges[this.#function] = 1
    this.hints.add(code.ifAt - this.#bodyStart, HintList.UNLIKELY)
    return code.weightAt
  }

  #storeBefore(): void {
    if (!this.#hasLocal) return
    this.#copyTo(this.#reader.at)
    this.#options.code.store(this.out)
  }

  #loadAfter(): void {
    if (!this.#hasLocal) return
    this.#copyTo(this.#reader.pos)
    this.#options.code.load(this.out)
  }

  /** Control leaves the function at the instruction at hand. */
  #exit(): void {
    this.#storeBefore()
    this.#join(this.#depth, this.#cost)
    this.#cost = DEAD
  }

  #copyTo(position: number): void {
    this.out.copy(this.#reader.bytes, this.#copied, position)
    if (position > this.#copied) this.#copied = position
  }

  #push(opcode: number, arity: number): void {
    this.#depth++
    let frame = this.#frames[this.#depth]
    if (frame === undefined) {
      frame = { opcode, cost: DEAD, before: 0, arity, weightAt: -1, isCatchTarget: false }
      this.#frames.push(frame)
    }
    frame.opcode = opcode
    frame.cost = DEAD
    frame.before = this.#cost
    frame.arity = arity
    frame.isCatchTarget = false
  }

  /** The block `label` levels out; with `isRelative` false, counted from the outermost. */
  #frame(label: number, isRelative = false): Frame {
    const frame = this.#frames[isRelative ? this.#depth - label : label]
    if (frame === undefined) throw new Error(`no block ${label} at depth ${this.#depth}`)
    return frame
  }

  #join(label: number, cost: number): void {
    if (cost < 0) return
    const frame = this.#frame(label, true)
    frame.cost = Math.max(frame.cost, cost + frame.arity)
  }

  #typeOf(index: number): FunctionType | undefined {
    const { functionTypes, types } = this.#options.module
    return types[functionTypes[index] ?? 0]
  }

  #blockArity(): number {
    const { a, b } = this.#reader
    return a === NO_TYPE_INDEX ? b : this.#arityOfType(a)
  }

  #callArity(index: number): number {
    return this.#arityOfType(this.#options.module.functionTypes[index] ?? 0)
  }

  #arityOfType(index: number): number {
    const type = this.#options.module.types[index]
    return type === undefined ? 0 : type.parameters + type.results
  }

  #wrapperType(type: FunctionType | undefined, index: number): void {
    const { module, types } = this.#options
    if (type === undefined || type.results === 0) this.out.byte(0x40)
    else if (type.results === 1) {
      this.out.copy(module.bytes, type.resultSpan.start, type.resultSpan.end)
    } else {
      const typeIndex = module.functionTypes[index + module.importedFunctions] ?? 0
      this.out.s32(types.resultsOnly(typeIndex, type))
    }
  }
}
