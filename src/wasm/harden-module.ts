/**
 * Hardens a module: the result does what the original did, but cannot keep the processor, cannot grow past its
 * limits, and shows its host the state that a reset must put back. See contract.ts for what is added.
 *
 * Everything is added at the end of its index space, so no index of the original changes.
 */
import { type AddedFunction, BulkFunctions } from './bulk-functions.ts'
import { ByteWriter, encodeS32, encodeU32 } from './byte-writer.ts'
import { orderCalls } from './call-order.ts'
import { CodeProgress, type OnCode } from './code-progress.ts'
import {
  CHECK_TABLE_EXPORT,
  COUNTER_EXPORT,
  DEFAULT_QUOTA,
  globalExport,
  HARDENED_SECTION,
  MAY_SUSPEND_EXPORT,
  memoryExport,
  QUOTA_EXPORT,
  RESERVED_PREFIX,
  RESIZES_EXPORT,
  RESTORE_EXPORT,
  SAVE_EXPORT,
  START_EXPORT,
  spareExport,
} from './contract.ts'
import { WasmError } from './errors.ts'
import { inFunction, shortName } from './function-name.ts'
import { markSection, setMarkedWork } from './hardened-mark.ts'
import { type ModuleWork, measureHardened } from './hardened-work.ts'
import { BRANCH_HINT_SECTION, readHints } from './hint-list.ts'
import { DEFAULT_MODULE_LIMITS, type ModuleLimits } from './limits.ts'
import { MeterCode } from './meter-code.ts'
import { type MeterCounts, MeteringPass } from './metering-pass.ts'
import { appendNames, NAME_SECTION } from './name-section.ts'
import { readModule } from './read.ts'
import { judgeReset, type ResetVerdict } from './resettable.ts'
import { type AddedIndices, runtimeFunctions } from './runtime-functions.ts'
import { scanCode } from './scan-code.ts'
import { capSizes, PAGE_BYTES } from './size-caps.ts'
import { TypeAppender } from './type-appender.ts'
import { FUNCREF, I32 } from './value-types.ts'
import {
  EXTERN_KINDS,
  type ExternKind,
  largestFunctionBytes,
  SECTION,
  type WasmModule,
} from './wasm-module.ts'
import { appendEntries, type NewSections, writeModule } from './write-module.ts'

export interface HardenOptions {
  /** What all memories of the module together may grow to; whole pages count. */
  readonly memoryMaxBytes: number
  /** Elements that all tables of the module together may grow to. */
  readonly tableMaxElements: number
  /** By how many elements they may grow, all together. Default: up to `tableMaxElements`. */
  readonly tableGrowth?: number
  /** Units between two checks. Default: `DEFAULT_QUOTA`. */
  readonly quota?: number
  /** Limits on the module itself; those not given have their defaults. */
  readonly limits?: Partial<ModuleLimits>
  /** Called every 64 KiB of code or so. What it throws ends the hardening. */
  readonly onCode?: OnCode | undefined
}

/** What hardening did. */
export interface HardenReport {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly functions: number
  /** Bytes of the largest function, as it was. */
  readonly largestFunctionBytes: number
  /** Checks inserted: at loops, before calls that may lead back, along long paths; and bulk instructions replaced. */
  readonly checks: Readonly<MeterCounts>
  /** Largest size of each memory in bytes; undefined for imported ones. */
  readonly memoryMaxBytes: readonly (number | undefined)[]
  /** Largest size of each table in elements; undefined for imported ones. */
  readonly tableMaxElements: readonly (number | undefined)[]
  readonly compileWork: ModuleWork
  /** True if the module had a start function; see contract.ts. */
  readonly hasStart: boolean
  /** Whether the `reset` lifetime can put back all of the module's own state. */
  readonly reset: ResetVerdict
}

export interface HardenResult {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly report: HardenReport
}

/** Throws `WasmError`. `bytes` must be a module that V8 accepts: operand types are not checked here. */
export function harden(bytes: Uint8Array, options: HardenOptions): HardenResult {
  const limits = { ...DEFAULT_MODULE_LIMITS, ...options.limits }
  const module = readModule(bytes, limits)
  refuseReserved(module)
  const memoryPages = capSizes(module.memories, {
    total: Math.min(Math.floor(options.memoryMaxBytes / PAGE_BYTES), PAGE_BYTES),
    what: 'the pages of its memories',
    code: 'WASM_MEMORY_MINIMUM',
  })
  const tableElements = capSizes(module.tables, {
    total: options.tableMaxElements,
    growth: options.tableGrowth,
    what: 'the elements of its tables',
    code: 'WASM_TABLE_MINIMUM',
  })
  const { onCode } = options
  const progress = onCode === undefined ? undefined : new CodeProgress(module.bodies, onCode)
  const scan = scanCode(module, limits, progress)
  const order = orderCalls(module.bodies.length, module.importedFunctions, scan)
  const mutableGlobals = definedMutableGlobals(module)
  const indices = addedIndices(module, mutableGlobals.length)
  const types = new TypeAppender(module)
  const runtime = runtimeFunctions(indices, types, { mutableGlobals, start: module.start })
  const bulk = new BulkFunctions(module, types, {
    firstFunction: indices.firstBulkFunction,
    meter: indices,
    spareGlobals: indices.spareGlobals,
  })
  const code = new MeterCode(indices)
  const meter = new MeteringPass({
    module,
    scan,
    limits,
    code,
    bulk,
    types,
    hints: readHints(module),
  })
  for (const index of order) {
    inFunction(module, index, () => meter.meter(index))
    progress?.written(index)
  }
  const functions = [...runtime, ...bulk.added]
  const sections: NewSections = {
    changed: new Map([
      [SECTION.type, appendEntries(module, SECTION.type, types.added)],
      [
        SECTION.function,
        appendEntries(
          module,
          SECTION.function,
          functions.map(({ type }) => encodeU32(type)),
        ),
      ],
      [SECTION.table, tableSection(module, tableElements)],
      [SECTION.memory, memorySection(module, memoryPages)],
      [
        SECTION.global,
        globalSection(module, mutableGlobals, {
          quota: options.quota ?? DEFAULT_QUOTA,
          spares: definedOf(indices.spareGlobals).length,
        }),
      ],
      [SECTION.export, exportSection(module, indices, { mutableGlobals, bulk })],
      [SECTION.start, startSection(module, indices)],
      [SECTION.element, appendEntries(module, SECTION.element, [checkElements(indices)])],
      [SECTION.code, codeSection(meter, functions)],
    ]),
    custom: new Map([
      [BRANCH_HINT_SECTION, meter.hints.encode(module.importedFunctions)],
      [NAME_SECTION, nameSection(module, functions)],
      [HARDENED_SECTION, markSection()],
    ]),
  }
  const out = writeModule(module, sections, limits.outputBytes)
  const compileWork = measureHardened(out, { module, scan, limits })
  setMarkedWork(out, compileWork)
  return {
    bytes: out,
    report: {
      bytesIn: bytes.length,
      bytesOut: out.length,
      functions: module.spaces.functions,
      largestFunctionBytes: largestFunctionBytes(module),
      checks: meter.counts,
      memoryMaxBytes: memoryPages.map((pages) =>
        pages === undefined ? undefined : pages * PAGE_BYTES,
      ),
      tableMaxElements: tableElements,
      compileWork,
      hasStart: module.start !== undefined,
      reset: judgeReset(module, scan),
    },
  }
}

function refuseReserved(module: WasmModule): void {
  if (module.sections.some(({ name }) => name === HARDENED_SECTION)) {
    throw new WasmError('WASM_ALREADY_HARDENED', {
      doing: 'harden',
      problem: `found section ${HARDENED_SECTION}, wanted an original module`,
    })
  }
  const taken = module.exports.find(({ name }) => name.startsWith(RESERVED_PREFIX))
  if (taken === undefined) return
  throw new WasmError(
    'WASM_RESERVED_NAME',
    {
      doing: 'harden',
      problem: `it exports ${shortName(taken.name)}, wanted no name that begins with ${RESERVED_PREFIX}`,
    },
    { details: { name: taken.name } },
  )
}

function definedMutableGlobals(module: WasmModule): number[] {
  return module.globals.flatMap(({ imported, mutable }, index) =>
    mutable && !imported ? [index] : [],
  )
}

function addedIndices({ spaces, memories }: WasmModule, mutableGlobals: number): AddedIndices {
  const { functions, globals, tables } = spaces
  let nextSpare = globals + 3 + mutableGlobals
  return {
    goOnFunction: functions,
    checkFunction: functions + 1,
    checkLoopFunction: functions + 2,
    saveFunction: functions + 3,
    restoreFunction: functions + 4,
    startFunction: functions + 5,
    firstBulkFunction: functions + 6,
    counterGlobal: globals,
    quotaGlobal: globals + 1,
    maySuspendGlobal: globals + 2,
    firstSavedGlobal: globals + 3,
    spareGlobals: memories.map(({ imported }) => (imported ? undefined : nextSpare++)),
    checkTable: tables,
  }
}

function limitBytes(minimum: number, maximum: number): number[] {
  return [1, ...encodeU32(minimum), ...encodeU32(maximum)]
}

function memorySection(
  module: WasmModule,
  pages: readonly (number | undefined)[],
): Uint8Array | undefined {
  const entries = pages.flatMap((maximum, index) =>
    maximum === undefined ? [] : [limitBytes(module.memories[index]?.minimum ?? 0, maximum)],
  )
  return entries.length === 0
    ? undefined
    : Uint8Array.from([...encodeU32(entries.length), ...entries.flat()])
}

function tableSection(module: WasmModule, elements: readonly (number | undefined)[]): Uint8Array {
  const out = new ByteWriter(64)
  const own = module.tables.filter(({ imported }) => !imported)
  out.u32(own.length + 1)
  module.tables.forEach((table, index) => {
    const maximum = elements[index]
    if (maximum === undefined) return
    const { initSpan, typeSpan, minimum } = table
    if (initSpan !== undefined) out.append([0x40, 0x00])
    out.copy(module.bytes, typeSpan.start, typeSpan.end)
    out.append(limitBytes(minimum, maximum))
    if (initSpan !== undefined) out.copy(module.bytes, initSpan.start, initSpan.end)
  })
  out.append([FUNCREF, ...limitBytes(2, 2)])
  return out.view()
}

function globalSection(
  module: WasmModule,
  mutableGlobals: readonly number[],
  { quota, spares }: { readonly quota: number; readonly spares: number },
): Uint8Array {
  const number = (value: number): number[] => [I32, 1, 0x41, ...encodeS32(value), 0x0b]
  const saved = mutableGlobals.map((index) => {
    const { typeSpan, initSpan } = module.globals[index] ?? { typeSpan: NO_SPAN, initSpan: NO_SPAN }
    const out = new ByteWriter(16)
    out.copy(module.bytes, typeSpan.start, typeSpan.end)
    out.byte(1)
    out.copy(module.bytes, initSpan.start, initSpan.end)
    return out.view()
  })
  return appendEntries(module, SECTION.global, [
    ...[number(quota), number(quota), number(0), ...saved],
    ...Array.from({ length: spares }, () => number(0)),
  ])
}

function definedOf(indices: ReadonlyArray<number | undefined>): number[] {
  return indices.filter((index) => index !== undefined)
}

const NO_SPAN = { start: 0, end: 0 }

function exportSection(
  module: WasmModule,
  indices: AddedIndices,
  {
    mutableGlobals,
    bulk,
  }: { readonly mutableGlobals: readonly number[]; readonly bulk: BulkFunctions },
): Uint8Array {
  const entry = (name: string, kind: ExternKind, index: number): Uint8Array => {
    const out = new ByteWriter(32)
    out.name(name)
    out.byte(EXTERN_KINDS.indexOf(kind))
    out.u32(index)
    return out.view()
  }
  const added = [
    entry(CHECK_TABLE_EXPORT, 'table', indices.checkTable),
    entry(COUNTER_EXPORT, 'global', indices.counterGlobal),
    entry(QUOTA_EXPORT, 'global', indices.quotaGlobal),
    entry(MAY_SUSPEND_EXPORT, 'global', indices.maySuspendGlobal),
    entry(SAVE_EXPORT, 'function', indices.saveFunction),
    entry(RESTORE_EXPORT, 'function', indices.restoreFunction),
    ...module.memories.flatMap(({ imported }, index) =>
      imported ? [] : [entry(memoryExport(index), 'memory', index)],
    ),
    ...mutableGlobals.map((index) => entry(globalExport(index), 'global', index)),
    ...indices.spareGlobals.flatMap((global, index) =>
      global === undefined ? [] : [entry(spareExport(index), 'global', global)],
    ),
  ]
  if (bulk.resizesImported) added.push(entry(RESIZES_EXPORT, 'global', indices.counterGlobal))
  if (module.start !== undefined) added.push(entry(START_EXPORT, 'function', indices.startFunction))
  return appendEntries(module, SECTION.export, added)
}

/** Instantiation runs the start function, as it ran the original's. */
function startSection({ start }: WasmModule, indices: AddedIndices): Uint8Array | undefined {
  return start === undefined ? undefined : Uint8Array.from(encodeU32(indices.startFunction))
}

/** An active segment that fills both slots of the check table. */
function checkElements({ checkTable, goOnFunction }: AddedIndices): number[] {
  const goOn = encodeU32(goOnFunction)
  return [2, ...encodeU32(checkTable), 0x41, 0, 0x0b, 0, 2, ...goOn, ...goOn]
}

function codeSection(meter: MeteringPass, added: readonly AddedFunction[]): Uint8Array {
  const out = new ByteWriter(meter.out.length + meter.bodies.length * 3 + added.length * 256 + 16)
  out.u32(meter.bodies.length + added.length)
  for (const { start, end } of meter.bodies) {
    out.u32(end - start)
    out.copy(meter.out.bytes, start, end)
  }
  for (const { body } of added) {
    out.u32(body.length)
    out.append(body)
  }
  return out.view()
}

function nameSection(module: WasmModule, added: readonly AddedFunction[]): Uint8Array | undefined {
  const section = module.sections.find(({ name }) => name === NAME_SECTION)
  const names = added.map(({ name }) => `${RESERVED_PREFIX}${name}`)
  return appendNames(module, section, { firstFunction: module.spaces.functions, names })
}
