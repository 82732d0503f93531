/**
 * Reads a module's sections (core spec 5.5) into indices and offsets, in time and memory bounded by its size and the limits.
 *
 * It refuses what cannot be bounded (threads, memory64, GC allocation) and what is out of range; it does not check types:
 * V8 validates the module as well. Code bodies are only delimited here; `scan-code.ts` reads them.
 */
import { wasmErrorAt } from './errors.ts'
import { InstructionReader } from './instruction-reader.ts'
import { checkLimit, DEFAULT_MODULE_LIMITS, type ModuleLimits } from './limits.ts'
import {
  type Entities,
  readGlobal,
  readImport,
  readKind,
  readMemory,
  readTable,
  readTag,
} from './read-entities.ts'
import { readElementSegment, skipDataSegment } from './read-segments.ts'
import { readTypes } from './read-types.ts'
import { splitSections } from './sections.ts'
import { holdsExceptions } from './value-types.ts'
import type {
  ExportEntry,
  FunctionType,
  Section,
  SectionEntries,
  Span,
  WasmModule,
} from './wasm-module.ts'
import { SECTION, SECTION_ORDER } from './wasm-module.ts'

/** Exception references a module may keep in globals of its own. */
const MAX_EXCEPTION_GLOBALS = 16

/** Throws `WasmError`. The result refers to `bytes`, which must not change. */
export function readModule(
  bytes: Uint8Array,
  limits: ModuleLimits = DEFAULT_MODULE_LIMITS,
): WasmModule {
  checkLimit(limits, 'moduleBytes', bytes.length)
  // Subclasses of Uint8Array, such as Node's, are slower to read and much slower to take views of.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const sections = splitSections(plain, limits)
  const state = new ModuleReader(plain, limits)
  for (const id of SECTION_ORDER) {
    const section = sections.find((candidate) => candidate.id === id)
    if (section !== undefined) state.read(section)
  }
  return state.finish(sections)
}

class ModuleReader {
  readonly #bytes: Uint8Array
  readonly #limits: ModuleLimits
  readonly #entries = new Map<number, SectionEntries>()
  readonly #entities: Entities = {
    imports: [],
    functionTypes: [],
    tables: [],
    memories: [],
    globals: [],
    tagTypes: [],
    referenced: new Set<number>(),
  }
  readonly #exports: ExportEntry[] = []
  readonly #bodies: Span[] = []
  #types: FunctionType[] = []
  #importedFunctions = 0
  #start: number | undefined
  #elementSegments = 0
  #dataSegments = 0

  constructor(bytes: Uint8Array, limits: ModuleLimits) {
    this.#bytes = bytes
    this.#limits = limits
  }

  read(section: Section): void {
    const reader = new InstructionReader(this.#bytes, this.#spacesFor(section))
    reader.pos = section.contents
    reader.end = section.end
    if (section.id === SECTION.start) {
      this.#start = reader.u32()
      if (this.#start >= reader.spaces.functions)
        throw this.#outOfRange('start function', section.contents)
    } else {
      const count = reader.u32()
      if (count > section.end - section.contents && section.id !== SECTION.dataCount)
        throw reader.cutShort()
      const start = reader.pos
      this.#readEntries(section.id, reader, count)
      this.#entries.set(section.id, { count, start, end: reader.pos })
    }
    if (reader.pos !== section.end) {
      throw wasmErrorAt('WASM_MALFORMED', 'section longer than its entries', reader.pos)
    }
  }

  #readEntries(id: number, reader: InstructionReader, count: number): void {
    const entities = this.#entities
    const limits = this.#limits
    switch (id) {
      case SECTION.type:
        this.#types = readTypes(reader, count, limits)
        return
      case SECTION.import:
        checkLimit(limits, 'imports', count)
        for (let index = 0; index < count; index++) readImport(reader, entities)
        this.#importedFunctions = entities.functionTypes.length
        return
      case SECTION.function:
        checkLimit(limits, 'functions', count + this.#importedFunctions)
        for (let index = 0; index < count; index++) entities.functionTypes.push(reader.u32())
        return
      case SECTION.table:
        checkLimit(limits, 'tables', count + entities.tables.length)
        for (let index = 0; index < count; index++) readTable(reader, entities)
        return
      case SECTION.memory:
        checkLimit(limits, 'memories', count + entities.memories.length)
        for (let index = 0; index < count; index++) readMemory(reader, entities)
        return
      case SECTION.tag:
        checkLimit(limits, 'tags', count + entities.tagTypes.length)
        for (let index = 0; index < count; index++) entities.tagTypes.push(readTag(reader))
        return
      case SECTION.global:
        checkLimit(limits, 'globals', count + entities.globals.length)
        for (let index = 0; index < count; index++) readGlobal(reader, entities)
        return
      case SECTION.export:
        checkLimit(limits, 'exports', count)
        for (let index = 0; index < count; index++) this.#readExport(reader)
        return
      case SECTION.element:
        this.#readElements(reader, count)
        return
      case SECTION.dataCount:
        // The count is the whole section; the data section must agree with it.
        this.#dataSegments = count
        checkLimit(limits, 'dataSegments', count)
        return
      case SECTION.code:
        this.#readCode(reader, count)
        return
      case SECTION.data:
        this.#dataSegments = count
        checkLimit(limits, 'dataSegments', count)
        for (let index = 0; index < count; index++) skipDataSegment(reader, entities.referenced)
        return
    }
  }

  #readExport(reader: InstructionReader): void {
    const name = reader.name()
    const kind = readKind(reader)
    const at = reader.pos
    const index = reader.u32()
    const { functions, tables, memories, globals, tags } = reader.spaces
    const count = {
      function: functions,
      table: tables,
      memory: memories,
      global: globals,
      tag: tags,
    }[kind]
    if (index >= count) throw this.#outOfRange(`exported ${kind}`, at)
    this.#exports.push({ name, kind, index })
  }

  #readElements(reader: InstructionReader, count: number): void {
    let elements = 0
    for (let index = 0; index < count; index++) {
      elements += 1 + readElementSegment(reader, this.#entities.referenced)
      checkLimit(this.#limits, 'elements', elements)
    }
    this.#elementSegments = count
  }

  #readCode(reader: InstructionReader, count: number): void {
    for (let index = 0; index < count; index++) {
      const size = reader.u32()
      const start = reader.pos
      if (size > reader.end - start) {
        const name = `function ${index + this.#importedFunctions}`
        throw wasmErrorAt('WASM_MALFORMED', `the code of ${name} is cut short, it begins`, start)
      }
      reader.skip(size)
      this.#bodies.push({ start, end: reader.pos })
    }
  }

  finish(sections: readonly Section[]): WasmModule {
    const { imports, functionTypes, tables, memories, globals, tagTypes, referenced } =
      this.#entities
    if (this.#bodies.length !== functionTypes.length - this.#importedFunctions) {
      throw wasmErrorAt(
        'WASM_MALFORMED',
        'functions and bodies differ in number',
        this.#bytes.length,
      )
    }
    checkLimit(this.#limits, 'tables', tables.length)
    checkLimit(this.#limits, 'memories', memories.length)
    for (const index of functionTypes) {
      if (index >= this.#types.length) throw this.#outOfRange('type of a function', 0)
    }
    this.#checkStart()
    this.#refuseExceptionStorage()
    return {
      bytes: this.#bytes,
      sections,
      spaces: this.#spaces(),
      types: this.#types,
      imports,
      functionTypes,
      importedFunctions: this.#importedFunctions,
      tables,
      memories,
      globals,
      tagTypes,
      exports: this.#exports,
      start: this.#start,
      referencedFunctions: referenced,
      bodies: this.#bodies,
      entries: this.#entries,
    }
  }

  /** The start section is replaced, so V8 does not see it. */
  #checkStart(): void {
    if (this.#start === undefined) return
    const type = this.#types[this.#entities.functionTypes[this.#start] ?? 0]
    if (type?.parameters === 0 && type.results === 0) return
    throw wasmErrorAt('WASM_MALFORMED', 'start function with parameters or results', 0)
  }

  /**
   * An exception's values live in V8's heap, outside every limit the guest has. Chains of them (an exception holding
   * an exception) and tables of them could grow for ever.
   */
  #refuseExceptionStorage(): void {
    const { tagTypes, tables, globals } = this.#entities
    for (const index of tagTypes) {
      const type = this.#types[index]
      if (type === undefined) throw this.#outOfRange('type of a tag', 0)
      checkLimit(this.#limits, 'tagParameters', type.parameters)
      if (type.holdsExceptions) throw this.#exceptionStorage('tag with an exnref parameter')
    }
    const holds = ({ typeSpan }: { typeSpan: Span }): boolean =>
      holdsExceptions(this.#bytes.subarray(typeSpan.start, typeSpan.end))
    if (tables.some(holds)) throw this.#exceptionStorage('table of exnref')
    if (globals.filter(holds).length > MAX_EXCEPTION_GLOBALS)
      throw this.#exceptionStorage('exnref globals')
  }

  #exceptionStorage(feature: string): Error {
    return wasmErrorAt(
      'WASM_EXCEPTION_STORAGE',
      feature,
      this.#entries.get(SECTION.tag)?.start ?? 0,
    )
  }

  #outOfRange(what: string, offset: number): Error {
    return wasmErrorAt('WASM_MALFORMED', `${what} out of range`, offset)
  }

  /** A global's initial value may refer to globals before it in the same section. */
  #spacesFor(section: Section): WasmModule['spaces'] {
    const spaces = this.#spaces()
    if (section.id !== SECTION.global) return spaces
    return { ...spaces, globals: this.#limits.globals }
  }

  #spaces(): WasmModule['spaces'] {
    const { functionTypes, tables, memories, globals, tagTypes } = this.#entities
    return {
      types: this.#types.length,
      functions: functionTypes.length,
      tables: tables.length,
      memories: memories.length,
      globals: globals.length,
      tags: tagTypes.length,
      elements: this.#elementSegments,
      data: this.#dataSegments,
    }
  }
}
