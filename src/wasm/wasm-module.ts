/** A module as `readModule` leaves it: every section's contents as indices and offsets into the original bytes. */
import type { IndexSpaces } from './instruction-reader.ts'

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const

/** The order sections must come in. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11]

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag'
export const EXTERN_KINDS: readonly ExternKind[] = ['function', 'table', 'memory', 'global', 'tag']

/** Part of the module's bytes: `[start, end)`. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Section extends Span {
  readonly id: number
  /** Custom sections only. */
  readonly name: string
  /** Where the contents begin: after size and, in a custom section, the name. */
  readonly contents: number
}

/** A function type. */
export interface FunctionType {
  readonly parameters: number
  readonly results: number
  /** The encoded parameters, without their count. */
  readonly parameterSpan: Span
  /** The encoded results, without their count. */
  readonly resultSpan: Span
  /** Equal to any type written with the same values: not in a recursion group of several, without super- or subtypes. */
  readonly isPlain: boolean
  /** True if a parameter is an exception reference. */
  readonly holdsExceptions: boolean
}

export interface ImportEntry {
  readonly module: string
  readonly name: string
  readonly kind: ExternKind
}

export interface ExportEntry {
  readonly name: string
  readonly kind: ExternKind
  readonly index: number
}

/** A memory (in pages) or table (in elements). */
export interface Limited {
  readonly imported: boolean
  readonly minimum: number
  readonly maximum: number | undefined
}

export interface Table extends Limited {
  /** The encoded element type. */
  readonly typeSpan: Span
  /** The encoded initial value with its `end`, if the table has one. */
  readonly initSpan: Span | undefined
}

export interface Global {
  readonly imported: boolean
  readonly mutable: boolean
  readonly typeSpan: Span
  /** The encoded initial value with its `end`; empty when imported. */
  readonly initSpan: Span
}

export interface WasmModule {
  readonly bytes: Uint8Array
  readonly sections: readonly Section[]
  readonly spaces: IndexSpaces
  readonly types: readonly FunctionType[]
  readonly imports: readonly ImportEntry[]
  /** Type index of every function, imported ones first. */
  readonly functionTypes: readonly number[]
  readonly importedFunctions: number
  readonly tables: readonly Table[]
  readonly memories: readonly Limited[]
  readonly globals: readonly Global[]
  /** Type index of every tag, imported ones first. */
  readonly tagTypes: readonly number[]
  readonly exports: readonly ExportEntry[]
  readonly start: number | undefined
  /** Functions named by element segments, global initialisers and table initialisers. */
  readonly referencedFunctions: ReadonlySet<number>
  /** Offset of each defined function's body (its locals) and, at the next index, its end. */
  readonly bodies: readonly Span[]
  /** Offset of the byte after the count, per section id; what is appended to a section goes after its entries. */
  readonly entries: ReadonlyMap<number, SectionEntries>
}

/** The counted entries of a section. */
export interface SectionEntries extends Span {
  readonly count: number
}

/** Of code, as it stands in the module. */
export function largestFunctionBytes({ bodies }: WasmModule): number {
  return bodies.reduce((largest, { start, end }) => Math.max(largest, end - start), 0)
}
