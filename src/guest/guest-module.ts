/** A module that is ready to be instantiated: read, checked against its contract, compiled (`make-module.ts`). */
import type { ComponentPlan } from '../component/plan.ts'
import type { HardenOptions } from '../wasm/harden-module.ts'
import type { MemorySize } from '../wasm/import-memories.ts'
import { checkLimit, DEFAULT_MODULE_LIMITS } from '../wasm/limits.ts'
import type { FirstState } from './first-state.ts'
import type { Contract } from './guest-contract.ts'

/**
 * Elements of all tables of an instance together. Those of large programs begin with some ten thousand and hardly grow; V8 copies
 * a table that does in one step, and a large copy waits for the collector of old objects.
 */
export const TABLE_LIMITS: Pick<HardenOptions, 'tableMaxElements' | 'tableGrowth'> = {
  tableMaxElements: 131_072,
  tableGrowth: 8_192,
}

/** Of the code of one function of a runtime: as much as V8 takes hardened. */
export const RUNTIME_FUNCTION_BYTES = 7 * 1024 * 1024

/** The largest module that is read. */
export const MAX_MODULE_BYTES = DEFAULT_MODULE_LIMITS.moduleBytes

/** Refuses a module of so many bytes before it is read: throws WASM_LIMIT_EXCEEDED. */
export function checkModuleBytes(bytes: number): void {
  checkLimit(DEFAULT_MODULE_LIMITS, 'moduleBytes', bytes)
}

/** What a memory begins with, in this process's file of snapshots (`mapped-memory.ts`), in bytes. */
export interface ImagePlace {
  /** Index. */
  readonly memory: number
  readonly offset: number
  readonly length: number
}

export interface GuestModule {
  /** Of the bytes as they were published and of the limits written into them. */
  readonly digest: string
  /** For log lines: a file name or `tenant/handler`. */
  readonly name: string
  /** Hardened; imports its memories. Of a component: its first. */
  readonly module: WebAssembly.Module
  /** The preview 1 functions it imports. */
  readonly wasiNames: ReadonlySet<string>
  /** The memories an instance needs. */
  readonly memories: readonly MemorySize[]
  /** Of those that begin with something else than what instantiating writes. */
  readonly images: readonly ImagePlace[]
  /** What its memories may grow to, all together, in bytes. */
  readonly memoryMaxBytes: number
  /** Whether an instance can be put back to its first state. */
  readonly isResettable: boolean
  /** Whether it has to be booted before there is any request. Default: no. */
  readonly isReactor?: boolean | undefined
  /** Of a reactor that has been booted or warmed: what its instances begin with. */
  readonly first?: FirstState | undefined
  /** Of a component: what is made of its core modules. */
  readonly component?: GuestComponent | undefined
}

export interface GuestComponent {
  readonly plan: ComponentPlan
  /** One for each core instance of the plan. */
  readonly parts: readonly ComponentPart[]
}

export interface ComponentPart {
  /** Hardened; imports its memories. */
  readonly module: WebAssembly.Module
  /** Which of the memories of the whole these are: from this one on, so many. */
  readonly firstMemory: number
  readonly memories: number
}

/** What an operator says of a module that is hardened where it runs. */
export interface CompileLimits {
  readonly memoryMaxBytes: number
  /** Of one function as published. */
  readonly functionBytes: number
}

export interface CompileOptions extends CompileLimits {
  readonly name: string
  /** What it has to be. Default: what it says it is. */
  readonly contract?: Contract | undefined
}

/** What is known of a module that somebody trusted has hardened. */
export interface HardenedFacts {
  /** Of the hardened bytes. */
  readonly digest: string
  /** For log lines. */
  readonly name: string
  /** What was written into it: for all memories of an instance together. */
  readonly memoryMaxBytes: number
  readonly isResettable: boolean
}
