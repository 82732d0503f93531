/**
 * Second pass over the code: writes each function again with metering inserted.
 *
 * `cost` is the largest number of units spent on any path since the last charge, carried forward through the structured
 * control flow: the maximum where paths join, 0 after a charge. A charge is inserted
 *  - at every loop header, for the most expensive way to get there; tight-loop.ts tells how some loops are charged;
 *  - wherever `cost` reaches `CHUNK`;
 *  - before every call that may lead back here (it closes a cycle of direct calls, or its callee is unknown), unless
 *    every path from the function's entry to the call has been charged already;
 *  - before every throw.
 * What is left uncharged when a function returns is added by its callers. So no path however long, no
 * recursion and no tree of calls executes more than a few `CHUNK`s of units between two checks of the counter.
 */
import { type BulkFunctions, isBulk } from './bulk-functions.ts'
import { ByteWriter } from './byte-writer.ts'
import { CodeCopy } from './code-copy.ts'
import { wasmLimitError } from './errors.ts'
import { HintList } from './hint-list.ts'
import { InstructionReader } from './instruction-reader.ts'
import { type ModuleLimits, V8_FUNCTION_BYTES } from './limits.ts'
import { enterFunction } from './locals.ts'
import { type MeterCode, setWeight } from './meter-code.ts'
import { COST_OF, IS_PLAIN, OP } from './opcodes.ts'
import { DEAD, PathCost } from './path-cost.ts'
import type { CodeScan } from './scan-code.ts'
import { TightLoop } from './tight-loop.ts'
import type { TypeAppender } from './type-appender.ts'
import { TypeLookup } from './type-lookup.ts'
import type { Span, WasmModule } from './wasm-module.ts'

/** Units a path may spend before it is charged. */
const CHUNK = 1_024
/** What a loop's first turn may carry into its weight, which every turn pays. */
const LOOP_CARRY = 8
/** What a turn of an empty loop costs. */
const TURN_COST = 8
const CALL_COST = 4
/** Covers what any callee leaves uncharged. */
const UNKNOWN_CALL_COST = 256
/** As much as a path may spend: two calls of the host have a charge between them, so each is followed by a check if it asks for one. */
const IMPORT_COST = CHUNK
const RECURSIVE_CALL_COST = 128
/** V8's limit. */
const MAX_LOCALS = 50_000

export interface MeterOptions {
  readonly module: WasmModule
  readonly scan: CodeScan
  readonly limits: ModuleLimits
  readonly code: MeterCode
  readonly bulk: BulkFunctions
  readonly types: TypeAppender
  /** Hints of the original per defined function: pairs of offset and value. */
  readonly hints: ReadonlyMap<number, readonly number[]>
}

export interface MeterCounts {
  loops: number
  calls: number
  paths: number
  bulk: number
}

export class MeteringPass {
  readonly #options: MeterOptions
  readonly #reader: InstructionReader
  /** All bodies, in the order they were written. */
  readonly out: ByteWriter
  /** Where each defined function's new body is in `out`. */
  readonly bodies: Span[]
  readonly hints: HintList
  readonly counts: MeterCounts = { loops: 0, calls: 0, paths: 0, bulk: 0 }
  /** Per function: 1 if it has been written; units its callers must add; 1 if it changes the counter; 1 if it charges on the way. */
  readonly #isWritten: Uint8Array
  readonly #residual: Int32Array
  readonly #touches: Uint8Array
  readonly #charges: Uint8Array
  readonly #path = new PathCost()
  readonly #types: TypeLookup
  readonly #copy: CodeCopy
  readonly #tight: TightLoop
  #function = 0
  #bodyStart = 0
  #hasLocal = false
  /** Number of the next loop of the function; see `CodeScan`. */
  #nextLoop = 0

  constructor(options: MeterOptions) {
    this.#options = options
    const { module, limits } = options
    const count = module.bodies.length
    this.#reader = new InstructionReader(module.bytes, module.spaces)
    this.#types = new TypeLookup(module)
    this.out = new ByteWriter(module.bytes.length * 2 + 1024, limits.outputBytes)
    this.bodies = new Array<Span>(count).fill({ start: 0, end: 0 })
    this.#copy = new CodeCopy(this.#reader, this.out)
    this.#tight = new TightLoop(this.#copy, options.code)
    this.hints = new HintList(count)
    this.#residual = new Int32Array(count)
    this.#isWritten = new Uint8Array(count)
    this.#touches = new Uint8Array(count)
    this.#charges = new Uint8Array(count)
  }

  /** Writes defined function `index`. Those it calls come first; a call to one that has not been written closes a cycle. */
  meter(index: number): void {
    const { module, limits, scan, code, types } = this.#options
    const { out } = this
    const body = module.bodies[index] ?? { start: 0, end: 0 }
    const type = this.#types.ofFunction(index + module.importedFunctions)
    const reader = this.#reader
    const declarations = enterFunction(reader, body, { type, limits })
    this.#function = index
    this.#nextLoop = scan.loops.first[index] ?? 0
    this.#bodyStart = out.length
    this.#hasLocal = scan.hasLoop[index] === 1 && reader.locals < MAX_LOCALS
    out.u32(declarations.groups + (this.#hasLocal ? 1 : 0))
    out.copy(module.bytes, declarations.span.start, declarations.span.end)
    this.#copy.begin()
    this.#path.begin(type?.results ?? 0)
    this.hints.begin(index)
    if (this.#hasLocal) {
      out.append([1, 0x7f])
      code.useLocal(reader.locals)
      code.load(out)
      this.#touches[index] = 1
      out.byte(0x02)
      this.#types.writeResults(out, index + module.importedFunctions, types)
    }
    this.#instructions(body)
    this.#residual[index] = Math.max(this.#path.cost, 0)
    this.#isWritten[index] = 1
    if (this.#hasLocal) {
      if (this.#path.outermost().isCatchTarget) code.loadLower(out)
      code.store(out)
      out.byte(0x0b)
    }
    const bytes = out.length - this.#bodyStart
    if (bytes > V8_FUNCTION_BYTES)
      throw wasmLimitError('hardenedFunctionBytes', bytes, V8_FUNCTION_BYTES)
    this.bodies[index] = { start: this.#bodyStart, end: out.length }
  }

  #instructions(body: Span): void {
    const reader = this.#reader
    const hints = this.#options.hints.get(this.#function) ?? []
    const path = this.#path
    let hint = 0
    let constant = -1
    while (path.depth >= 0) {
      const opcode = reader.next()
      if (path.cost >= CHUNK && !this.#tight.isOpen) this.#chargePath(0)
      if (hints.length > hint && (hints[hint] ?? 0) <= reader.at - body.start) {
        if (hints[hint] === reader.at - body.start) {
          this.hints.add(this.#copy.position() - this.#bodyStart, hints[hint + 1] ?? 0)
        }
        hint += 2
      }
      path.add(COST_OF[opcode] ?? 0)
      if (IS_PLAIN[opcode] === 1) {
        constant = opcode === OP.i32Const ? reader.a : -1
        continue
      }
      if (isBulk(opcode)) this.#bulk(opcode, constant)
      else if (opcode === OP.memorySize) this.#copy.behind(this.#options.bulk.afterSize(reader.a))
      else this.#control(opcode)
      constant = -1
    }
    this.#copy.after()
  }

  #control(opcode: number): void {
    const reader = this.#reader
    const path = this.#path
    switch (opcode) {
      case OP.block:
      case OP.if:
      case OP.try:
        this.#path.push(opcode, this.#types.arityOfBlock(this.#reader))
        return
      case OP.loop:
        this.#loop()
        return
      case OP.tryTable:
        this.#tryTable()
        return
      case OP.else:
        path.restart(path.frame(0).costBefore)
        path.frame(0).opcode = OP.else
        return
      case OP.catch:
      case OP.catchAll:
        path.restart(CHUNK)
        if (this.#hasLocal) {
          this.#copy.after()
          this.#options.code.loadLower(this.out)
        }
        return
      case OP.end:
      case OP.delegate:
        this.#end()
        return
      case OP.br:
      case OP.brIf:
        this.#tight.branch(opcode, path.depth)
        path.branch(reader.a)
        if (opcode === OP.br) path.cost = DEAD
        return
      case OP.brOnNull:
      case OP.brOnNonNull:
      case OP.brOnCast:
      case OP.brOnCastFail:
        path.branch(reader.a)
        return
      case OP.brTable:
        this.#tight.branchTable(path.depth)
        for (let each = 0; each < reader.labelCount; each++) {
          path.branch(reader.labels[each] ?? 0)
        }
        path.cost = DEAD
        return
      case OP.unreachable:
        path.cost = DEAD
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
    const path = this.#path
    if (this.#hasLocal && path.cost > LOOP_CARRY) {
      this.#copy.before()
      code.deductLocal(out, path.cost)
      path.cost = 0
    }
    if (this.#hasLocal && scan.loops.isTight[this.#nextLoop++] === 1) {
      this.#tightLoop()
      return
    }
    const frame = path.push(OP.loop, this.#types.arityOfBlock(this.#reader))
    this.#copy.after()
    if (this.#hasLocal && scan.catchesToLoop[this.#function] === 1) code.loadLower(out)
    this.counts.loops++
    frame.weightAt = this.#charge(0)
    frame.cost = path.cost
    if (path.cost > 0) path.cost = 0
  }

  #tightLoop(): void {
    const path = this.#path
    path.push(OP.loop, this.#types.arityOfBlock(this.#reader)).cost = path.cost
    if (path.cost > 0) path.cost = 0
    this.counts.loops++
    this.#tight.open(path.depth, (at) => this.hints.add(at - this.#bodyStart, HintList.UNLIKELY))
    this.#noteCharge()
  }

  #tryTable(): void {
    const reader = this.#reader
    const path = this.#path
    for (let each = 0; each < reader.labelCount; each++) {
      const label = reader.labels[each] ?? 0
      path.branchWith(label, path.cost < 0 ? DEAD : CHUNK)
      path.frame(label).isCatchTarget = true
    }
    path.push(OP.tryTable, this.#types.arityOfBlock(this.#reader))
  }

  #end(): void {
    const frame = this.#path.end()
    if (frame.opcode === OP.loop) {
      const units = Math.max(frame.cost, 0) + TURN_COST
      if (frame.weightAt >= 0) setWeight(this.out, frame.weightAt, units)
      else this.#tight.close(this.#path.depth + 1, units)
    } else if (this.#hasLocal && frame.isCatchTarget && this.#path.depth >= 0) {
      this.#copy.after()
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
    if (callee < 0) {
      this.#chargeCycle(
        isDirect ? IMPORT_COST : UNKNOWN_CALL_COST + this.#types.arityOfType(reader.a),
      )
    } else if (this.#isWritten[callee] === 0) {
      this.#chargeCycle(RECURSIVE_CALL_COST + this.#types.arityOfFunction(reader.a))
    } else {
      const left = this.#residual[callee] ?? 0
      const peak = this.#charges[callee] === 1 ? CHUNK : left
      touches = this.#touches[callee] === 1
      // What is uncharged along all the frames an exception may unwind stays within one CHUNK.
      if (this.#options.scan.canCatch && this.#path.cost > 0 && this.#path.cost + peak >= CHUNK)
        this.#chargePath(0)
      this.#path.add(CALL_COST + left + this.#types.arityOfFunction(reader.a))
    }
    if (touches) this.#touches[this.#function] = 1
    if (touches || isTail) this.#storeBefore()
    if (isTail) {
      this.#path.exit()
    } else if (touches) {
      this.#loadAfter()
    }
  }

  #bulk(opcode: number, constant: number): void {
    const reader = this.#reader
    const { bulk } = this.#options
    const fixed = constant >= 0 ? bulk.fixedCost(opcode, constant) : undefined
    if (fixed !== undefined) {
      this.#path.add(fixed)
      return
    }
    this.counts.bulk++
    this.#storeBefore()
    this.#copy.replace()
    this.out.byte(OP.call)
    this.out.u32(bulk.functionFor(opcode, reader.a, reader.b))
    this.#loadAfter()
    this.#touches[this.#function] = 1
    this.#path.add(CALL_COST * 2)
  }

  /** Charges `cost + more` before the instruction at hand. */
  #chargePath(more: number): void {
    const path = this.#path
    if (path.cost < 0) return
    this.#copy.before()
    this.counts.paths++
    this.#charge(path.cost + more)
    path.cost = 0
  }

  /** Makes sure that there is a charge between the function's entry and the call at hand, which costs `units`. */
  #chargeCycle(units: number): void {
    if (this.#path.isCharged && !this.#options.scan.canCatch) {
      this.#path.add(units)
      return
    }
    this.counts.calls++
    this.counts.paths--
    this.#chargePath(units)
  }

  /** Writes a charge and returns where its weight is. */
  #charge(weight: number): number {
    const { code } = this.#options
    if (this.#hasLocal) code.chargeLocal(this.out, weight)
    else code.chargeGlobal(this.out, weight)
    this.#noteCharge()
    this.hints.add(code.ifAt - this.#bodyStart, HintList.UNLIKELY)
    return code.weightAt
  }

  #noteCharge(): void {
    this.#path.isCharged = true
    this.#touches[this.#function] = 1
    this.#charges[this.#function] = 1
  }

  #storeBefore(): void {
    if (!this.#hasLocal) return
    this.#copy.before()
    this.#options.code.store(this.out)
  }

  #loadAfter(): void {
    if (!this.#hasLocal) return
    this.#copy.after()
    this.#options.code.load(this.out)
  }

  /** Control leaves the function at the instruction at hand. */
  #exit(): void {
    this.#storeBefore()
    this.#path.exit()
  }
}
