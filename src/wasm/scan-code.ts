/**
 * First pass over the code: checks its block structure and labels, and collects what later decisions need from the
 * whole module: who calls whom, which functions loop, what changes tables and segments.
 */
import type { CodeProgress } from './code-progress.ts'
import { CompileWork } from './compile-work.ts'
import { wasmComplexityError, wasmErrorAt } from './errors.ts'
import { inFunction } from './function-name.ts'
import { InstructionReader, NO_TYPE_INDEX } from './instruction-reader.ts'
import { checkLimit, type ModuleLimits } from './limits.ts'
import { enterFunction } from './locals.ts'
import { IS_LOOSE, LoopScan, type Loops } from './loop-scan.ts'
import { COST_OF, IS_PLAIN, OP } from './opcodes.ts'
import type { Span, WasmModule } from './wasm-module.ts'

/** An instruction that changes state which a reset cannot put back. */
export interface StateChange {
  /** Index of the function it is in. */
  readonly function: number
  readonly opcode: number
  readonly offset: number
}

export interface CodeScan {
  /** Per defined function: 1 if it has a loop. */
  readonly hasLoop: Uint8Array
  readonly loops: Loops
  /** Per defined function: 1 if a catch clause goes to a loop. */
  readonly catchesToLoop: Uint8Array
  /** Direct calls of defined function `n` are `callees[calleeStart[n]]` up to `calleeStart[n + 1]`; function indices. */
  readonly calleeStart: Int32Array
  readonly callees: Int32Array
  /** Functions whose address is taken by code. */
  readonly referencedFunctions: ReadonlySet<number>
  /** First change of each kind in each function. */
  readonly stateChanges: readonly StateChange[]
  /** Per defined function: what V8 does to compile it; see compile-work.ts. */
  readonly compileWork: Float64Array
  /** Opcode to 1 where the code uses it. */
  readonly usedOpcodes: Uint8Array
  /** True if any function can catch an exception. */
  readonly canCatch: boolean
}

/** Throws `WasmError` where blocks, labels or indices are wrong. */
export function scanCode(
  module: WasmModule,
  limits: ModuleLimits,
  progress?: CodeProgress,
): CodeScan {
  return scanFunctions(module, limits, { indices: module.bodies.keys(), named: module, progress })
}

export interface SomeFunctions {
  /** Of defined functions. */
  readonly indices: Iterable<number>
  /** The module that is known to whoever reads an error: it has the same functions. */
  readonly named: WasmModule
  readonly progress?: CodeProgress | undefined
}

/** The same for some functions only. */
export function scanFunctions(
  module: WasmModule,
  limits: ModuleLimits,
  { indices, named, progress }: SomeFunctions,
): CodeScan {
  const scanner = new CodeScanner(module, limits)
  for (const index of indices) {
    inFunction(named, index, () => scanner.scan(index))
    progress?.read(index)
  }
  return scanner.finish()
}

const CHANGES_STATE = new Set<number>([
  OP.tableSet,
  OP.tableInit,
  OP.tableCopy,
  OP.tableGrow,
  OP.tableFill,
  OP.elemDrop,
  OP.dataDrop,
])

class CodeScanner {
  readonly #module: WasmModule
  readonly #limits: ModuleLimits
  readonly #reader: InstructionReader
  readonly #hasLoop: Uint8Array
  readonly #loops: LoopScan
  readonly #catchesToLoop: Uint8Array
  readonly #calleeStart: Int32Array
  #callees = new Int32Array(1024)
  #calleeCount = 0
  readonly #referenced = new Set<number>()
  readonly #changes: StateChange[] = []
  readonly #used = new Uint8Array(0xff00)
  /** Opcode that opened each enclosing block. */
  readonly #open: Uint8Array
  readonly #work: CompileWork
  readonly #compileWork: Float64Array

  constructor(module: WasmModule, limits: ModuleLimits) {
    this.#module = module
    this.#limits = limits
    this.#reader = new InstructionReader(module.bytes, module.spaces)
    this.#hasLoop = new Uint8Array(module.bodies.length)
    this.#loops = new LoopScan(module.bodies.length)
    this.#catchesToLoop = new Uint8Array(module.bodies.length)
    this.#calleeStart = new Int32Array(module.bodies.length + 1)
    this.#open = new Uint8Array(limits.nesting + 1)
    this.#work = new CompileWork(module, limits.nesting)
    this.#compileWork = new Float64Array(module.bodies.length)
  }

  scan(index: number): void {
    const { bodies, functionTypes, importedFunctions, types } = this.#module
    const body: Span = bodies[index] ?? { start: 0, end: 0 }
    const reader = this.#reader
    checkLimit(this.#limits, 'functionBytes', body.end - body.start)
    const type = types[functionTypes[index + importedFunctions] ?? 0]
    enterFunction(reader, body, { type, limits: this.#limits })
    const open = this.#open
    const changed = new Set<number>()
    const loops = this.#loops
    loops.begin(index)
    let depth = 0
    let units = 0
    const used = this.#used
    const work = this.#work
    work.begin(reader.locals, type)
    for (;;) {
      const opcode = reader.next()
      used[opcode] = 1
      units += COST_OF[opcode] ?? 0
      if (IS_PLAIN[opcode] === 1) {
        work.plain(opcode)
        continue
      }
      work.control(opcode, reader)
      if (IS_LOOSE[opcode] === 1) loops.spoil()
      switch (opcode) {
        case OP.loop:
          this.#hasLoop[index] = 1
          depth = this.#push(depth, opcode)
          loops.open(depth, units, this.#hasParameters())
          break
        case OP.tryTable:
          this.#checkCatches(index, depth)
          depth = this.#push(depth, opcode)
          break
        case OP.block:
        case OP.if:
        case OP.try:
          depth = this.#push(depth, opcode)
          break
        case OP.else:
          this.#expectOpen(depth, OP.if, OP.if)
          open[depth] = OP.else
          break
        case OP.catch:
        case OP.catchAll:
          this.#expectOpen(depth, OP.try, OP.catch)
          open[depth] = opcode === OP.catchAll ? OP.catchAll : OP.catch
          break
        case OP.delegate:
          this.#expectOpen(depth, OP.try, OP.try)
          depth--
          this.#checkLabel(reader.a, depth)
          break
        case OP.end:
          if (depth === 0) {
            if (reader.pos !== body.end) {
              throw wasmErrorAt('WASM_MALFORMED', 'code after the end of a function', reader.pos)
            }
            this.#calleeStart[index + 1] = this.#calleeCount
            this.#checkWork(index)
            return
          }
          loops.close(depth, units)
          depth--
          break
        case OP.br:
        case OP.brIf:
        case OP.brOnNull:
        case OP.brOnNonNull:
        case OP.brOnCast:
        case OP.brOnCastFail:
        case OP.rethrow:
          this.#checkLabel(reader.a, depth)
          break
        case OP.brTable:
          for (let each = 0; each < reader.labelCount; each++) {
            this.#checkLabel(reader.labels[each] ?? 0, depth)
          }
          break
        case OP.call:
        case OP.returnCall:
          if (reader.a >= importedFunctions) this.#addCallee(reader.a)
          break
        case OP.refFunc:
          this.#referenced.add(reader.a)
          break
        default:
          if (CHANGES_STATE.has(opcode) && !changed.has(opcode)) {
            changed.add(opcode)
            this.#changes.push({ function: index + importedFunctions, opcode, offset: reader.at })
          }
      }
    }
  }

  finish(): CodeScan {
    const used = this.#used
    return {
      hasLoop: this.#hasLoop,
      loops: this.#loops,
      catchesToLoop: this.#catchesToLoop,
      calleeStart: this.#calleeStart,
      callees: this.#callees.subarray(0, this.#calleeCount),
      referencedFunctions: this.#referenced,
      compileWork: this.#compileWork,
      stateChanges: this.#changes,
      usedOpcodes: used,
      canCatch: used[OP.try] === 1 || used[OP.tryTable] === 1,
    }
  }

  #checkWork(index: number): void {
    const { units } = this.#work
    const { compileWork } = this.#limits
    if (units > compileWork) throw wasmComplexityError(units, compileWork)
    this.#compileWork[index] = units
  }

  /** Whether the block that begins at the instruction at hand takes operands. */
  #hasParameters(): boolean {
    const { a } = this.#reader
    return a !== NO_TYPE_INDEX && this.#module.types[a]?.parameters !== 0
  }

  #push(depth: number, opcode: number): number {
    if (depth >= this.#limits.nesting) checkLimit(this.#limits, 'nesting', depth + 1)
    this.#open[depth + 1] = opcode
    return depth + 1
  }

  #expectOpen(depth: number, first: number, second: number): void {
    const opcode = depth > 0 ? this.#open[depth] : undefined
    if (opcode !== first && opcode !== second) {
      throw wasmErrorAt(
        'WASM_MALFORMED',
        'else, catch or delegate outside its block',
        this.#reader.at,
      )
    }
  }

  #checkLabel(label: number, depth: number): void {
    if (label > depth) {
      throw wasmErrorAt('WASM_MALFORMED', `label ${label} at depth ${depth}`, this.#reader.at)
    }
  }

  #checkCatches(index: number, depth: number): void {
    const reader = this.#reader
    for (let each = 0; each < reader.labelCount; each++) {
      const label = reader.labels[each] ?? 0
      this.#checkLabel(label, depth)
      if (label < depth && this.#open[depth - label] === OP.loop) this.#catchesToLoop[index] = 1
    }
  }

  #addCallee(callee: number): void {
    if (this.#calleeCount === this.#callees.length) {
      const larger = new Int32Array(this.#callees.length * 2)
      larger.set(this.#callees)
      this.#callees = larger
    }
    this.#callees[this.#calleeCount++] = callee
  }
}
