/**
 * The custom section that marks a hardened module (`HARDENED_SECTION`), its last one. Its content:
 *
 *     | version | heaviest function | all functions |
 *       1 byte    4 bytes             4 bytes
 *
 * The numbers are thousands of units of V8's work to compile (compile-work.ts), little-endian.
 */
import { ByteWriter } from './byte-writer.ts'
import { CONTRACT_VERSION, HARDENED_SECTION } from './contract.ts'
import type { ModuleWork } from './hardened-work.ts'
import { DEFAULT_MODULE_LIMITS } from './limits.ts'
import { splitSections } from './sections.ts'
import { SECTION } from './wasm-module.ts'

const WORK_BYTES = 8
const UNIT = 1_000
const MOST = 2 ** 32 - 1

/** The section's contents; `setMarkedWork` fills in the numbers. */
export function markSection(): Uint8Array {
  const out = new ByteWriter(32)
  out.name(HARDENED_SECTION)
  out.byte(CONTRACT_VERSION)
  out.append(new Uint8Array(WORK_BYTES))
  return out.view()
}

/** Fills in the numbers at the end of a module whose last section is the mark. */
export function setMarkedWork(hardened: Uint8Array, { heaviest, total }: ModuleWork): void {
  const view = viewBefore(hardened, hardened.length)
  view.setUint32(0, Math.ceil(heaviest / UNIT), true)
  view.setUint32(4, Math.min(Math.ceil(total / UNIT), MOST), true)
}

/** What is written in a hardened module; nothing where a mark has no numbers. Throws `WasmError`. */
export function markedWork(hardened: Uint8Array): ModuleWork {
  const mark = splitSections(hardened, DEFAULT_MODULE_LIMITS).find(
    ({ id, name }) => id === SECTION.custom && name === HARDENED_SECTION,
  )
  if (mark === undefined || mark.end - mark.contents < 1 + WORK_BYTES)
    return { heaviest: 0, total: 0 }
  const view = viewBefore(hardened, mark.end)
  return { heaviest: view.getUint32(0, true) * UNIT, total: view.getUint32(4, true) * UNIT }
}

function viewBefore(bytes: Uint8Array, end: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + end - WORK_BYTES, WORK_BYTES)
}
