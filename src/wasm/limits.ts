/** How large a module may be before it is refused; every one of these bounds the reader's time or memory. */
import { wasmLimitError } from './errors.ts'

export interface ModuleLimits {
  /** Bytes of the module as uploaded. */
  readonly moduleBytes: number
  /** Bytes of the hardened module. */
  readonly outputBytes: number
  /** Sections, custom ones included. */
  readonly sections: number
  readonly types: number
  readonly imports: number
  /** Functions, imported ones included. */
  readonly functions: number
  /** Bytes of one function's code as uploaded; at most `MAX_FUNCTION_BYTES`. */
  readonly functionBytes: number
  /** What V8 does to compile one function, as uploaded and as hardened: about a nanosecond each, see compile-work.ts. */
  readonly compileWork: number
  /** Parameters and locals of one function. V8's own limit is 50,000. */
  readonly locals: number
  /** Blocks inside blocks. */
  readonly nesting: number
  readonly tables: number
  readonly memories: number
  readonly globals: number
  readonly exports: number
  readonly tags: number
  /** Parameters of one tag: what one caught exception can hold. */
  readonly tagParameters: number
  /** Element segments, and the entries of all of them together. */
  readonly elements: number
  readonly dataSegments: number
}

export const DEFAULT_MODULE_LIMITS: ModuleLimits = {
  moduleBytes: 64 * 1024 * 1024,
  outputBytes: 256 * 1024 * 1024,
  sections: 1_000,
  types: 50_000,
  imports: 10_000,
  functions: 100_000,
  functionBytes: 5 * 1024 * 1024,
  compileWork: 600_000_000,
  locals: 50_000,
  nesting: 10_000,
  tables: 64,
  memories: 16,
  globals: 50_000,
  exports: 100_000,
  tags: 1_000,
  tagParameters: 16,
  elements: 1_000_000,
  dataSegments: 100_000,
}

/** What V8 takes of one function, here the hardened one's. */
export const V8_FUNCTION_BYTES = 7_654_321

/** The most that anybody may allow a function as uploaded. */
export const MAX_FUNCTION_BYTES: number = 7 * 1024 * 1024

/** For what has been read before. */
export const UNLIMITED = Object.fromEntries(
  Object.keys(DEFAULT_MODULE_LIMITS).map((name) => [name, Number.MAX_SAFE_INTEGER]),
) as unknown as ModuleLimits

/** Refuses `actual` of something when that is more than its limit. */
export function checkLimit(limits: ModuleLimits, name: keyof ModuleLimits, actual: number): void {
  if (actual > limits[name]) throw wasmLimitError(name, actual, limits[name])
}
