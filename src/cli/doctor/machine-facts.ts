/** What the doctor looks at on the machine, apart from what it thinks of it. */
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { release } from 'node:os'
import { findWasmTools } from '../../base/wasm-tools-file.ts'

export interface MachineFacts {
  readonly platform: string
  readonly nodeVersion: string
  readonly hasJspi: boolean
  readonly hasFfi: boolean
  readonly kernelRelease: string
  /** Soft limits; Infinity: none; undefined: cannot be told. */
  readonly addressSpaceBytes: number | undefined
  readonly openFiles: number | undefined
  readonly maxMapCount: number | undefined
  readonly overcommitMemory: number | undefined
  /** Whether components are checked by it when they are published. */
  readonly hasWasmTools: boolean
}

export function readMachineFacts(): MachineFacts {
  const limits = readText('/proc/self/limits')
  return {
    platform: process.platform,
    nodeVersion: process.versions.node,
    hasJspi: 'Suspending' in WebAssembly && 'promising' in WebAssembly,
    hasFfi: isBuiltin('node:ffi'),
    kernelRelease: release(),
    addressSpaceBytes: softLimit(limits, 'Max address space'),
    openFiles: softLimit(limits, 'Max open files'),
    maxMapCount: readNumber('/proc/sys/vm/max_map_count'),
    overcommitMemory: readNumber('/proc/sys/vm/overcommit_memory'),
    hasWasmTools: hasWasmTools(),
  }
}

function hasWasmTools(): boolean {
  try {
    return findWasmTools() !== undefined
  } catch {
    return false
  }
}

/** `Max open files            1024                 4096                 files` */
export function softLimit(limits: string, name: string): number | undefined {
  const line = limits.split('\n').find((one) => one.startsWith(name))
  const soft = line?.slice(name.length).trim().split(/\s+/)[0]
  if (soft === undefined) return undefined
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

function readNumber(path: string): number | undefined {
  const text = readText(path).trim()
  return /^[0-9]+$/.test(text) ? Number(text) : undefined
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not Linux, or no procfs: the checks say that they could not tell.
    return ''
  }
}
