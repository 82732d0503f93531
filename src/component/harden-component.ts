/**
 * Hardens a component: each core module in it is hardened as any other, in its place. What its memories and tables may grow to is
 * shared out evenly among the instances of modules that have some.
 */
import { ByteReader } from '../wasm/byte-reader.ts'
import { ByteWriter } from '../wasm/byte-writer.ts'
import { type HardenOptions, type HardenReport, harden } from '../wasm/harden-module.ts'
import { DEFAULT_MODULE_LIMITS } from '../wasm/limits.ts'
import { splitSections } from '../wasm/sections.ts'
import { SECTION } from '../wasm/wasm-module.ts'
import { readComponent } from './read-component.ts'
import { resolveComponent } from './resolve-component.ts'

const PREAMBLE_BYTES = 8
const CORE_MODULE = 1
const COMPONENT = 4

export interface HardenedComponent {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Of its core modules. */
  readonly reports: readonly HardenReport[]
}

/** Throws `ComponentError` and `WasmError`. */
export function hardenComponent(bytes: Uint8Array, options: HardenOptions): HardenedComponent {
  const { modules, instances } = resolveComponent(readComponent(bytes))
  const parts = modules.map(({ start, end }) => bytes.subarray(start, end))
  // A module that is instantiated twice has two of each.
  const share = (section: number): number => {
    const having = parts.map((part) => has(part, section))
    return Math.max(1, instances.filter(({ module }) => having[module]).length)
  }
  const { tableMaxElements, tableGrowth = tableMaxElements } = options
  const tables = share(SECTION.table)
  const shared: HardenOptions = {
    ...options,
    memoryMaxBytes: Math.floor(options.memoryMaxBytes / share(SECTION.memory)),
    tableMaxElements: Math.floor(tableMaxElements / tables),
    tableGrowth: Math.floor(tableGrowth / tables),
  }
  const reports: HardenReport[] = []
  const out = rewrite(bytes, { start: 0, end: bytes.length }, (part) => {
    const hardened = harden(part, shared)
    reports.push(hardened.report)
    return hardened.bytes
  })
  return { bytes: out.bytes.slice(0, out.length) as Uint8Array<ArrayBuffer>, reports }
}

function has(module: Uint8Array, id: number): boolean {
  return splitSections(module, DEFAULT_MODULE_LIMITS).some((section) => section.id === id)
}

/** The component, and those in it, have been read before. */
function rewrite(
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
  change: (module: Uint8Array) => Uint8Array,
): ByteWriter {
  const out = new ByteWriter(end - start)
  out.copy(bytes, start, start + PREAMBLE_BYTES)
  const reader = new ByteReader(bytes, start + PREAMBLE_BYTES, end)
  while (reader.pos < end) {
    const sectionStart = reader.pos
    const id = reader.byte()
    const size = reader.u32()
    const contents = reader.pos
    reader.skip(size)
    if (id === CORE_MODULE) {
      writeSection(out, id, change(bytes.subarray(contents, reader.pos)))
    } else if (id === COMPONENT) {
      const inner = rewrite(bytes, { start: contents, end: reader.pos }, change)
      writeSection(out, id, inner.view())
    } else out.copy(bytes, sectionStart, reader.pos)
  }
  return out
}

function writeSection(out: ByteWriter, id: number, contents: Uint8Array): void {
  out.byte(id)
  out.u32(contents.length)
  out.append(contents)
}
