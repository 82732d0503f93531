/** The `name` custom section (core spec appendix, Name Section): function names, which stack traces show. */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Section, WasmModule } from './wasm-module.ts'

export const NAME_SECTION = 'name'
const MODULE_NAME = 0
const FUNCTION_NAMES = 1

/** Names for consecutive functions. */
export interface AddedNames {
  readonly firstFunction: number
  readonly names: readonly string[]
}

interface Subsections {
  /** The encoded module name subsection. */
  readonly moduleName: Uint8Array
  readonly count: number
  readonly entries: Uint8Array
  /** Everything after the function names. */
  readonly rest: Uint8Array
}

const NOTHING = new Uint8Array(0)

/** The contents of the section with names for added functions; a section that makes no sense stays as it is (undefined). */
export function appendNames(
  module: WasmModule,
  section: Section | undefined,
  added: AddedNames,
): Uint8Array | undefined {
  const old = section === undefined ? emptySubsections() : readSubsections(module.bytes, section)
  if (old === undefined) return undefined
  const map = new ByteWriter(old.entries.length + 1024)
  map.u32(old.count + added.names.length)
  map.append(old.entries)
  added.names.forEach((name, index) => {
    map.u32(added.firstFunction + index)
    map.name(name)
  })
  const out = new ByteWriter(map.length + old.rest.length + 64)
  out.name(NAME_SECTION)
  out.append(old.moduleName)
  out.byte(FUNCTION_NAMES)
  out.u32(map.length)
  out.append(map.view())
  out.append(old.rest)
  return out.view()
}

/** The names of functions, for reports; empty where the section is missing or broken. At most `most` of them. */
export function readFunctionNames(module: WasmModule, most: number): Map<number, string> {
  const names = new Map<number, string>()
  const section = module.sections.find(({ name }) => name === NAME_SECTION)
  const parts = section === undefined ? undefined : readSubsections(module.bytes, section)
  if (parts === undefined) return names
  const reader = new ByteReader(parts.entries)
  try {
    for (let left = Math.min(parts.count, most); left > 0; left--)
      names.set(reader.u32(), reader.name())
  } catch {
    // Names are decoration; the readable ones are kept.
  }
  return names
}

/** The name of function `index`, if there is one. */
export function readFunctionName(module: WasmModule, index: number): string | undefined {
  return readFunctionNames(module, index + 1).get(index)
}

function emptySubsections(): Subsections {
  return { moduleName: NOTHING, count: 0, entries: NOTHING, rest: NOTHING }
}

function readSubsections(bytes: Uint8Array, section: Section): Subsections | undefined {
  const reader = new ByteReader(bytes, section.contents, section.end)
  let found = emptySubsections()
  try {
    while (reader.pos < section.end) {
      const start = reader.pos
      const id = reader.byte()
      const size = reader.u32()
      const contents = reader.pos
      reader.skip(size)
      if (id === MODULE_NAME) {
        found = { ...found, moduleName: bytes.subarray(start, reader.pos) }
      } else if (id === FUNCTION_NAMES) {
        const map = new ByteReader(bytes, contents, reader.pos)
        const count = map.u32()
        const entries = bytes.subarray(map.pos, reader.pos)
        return { ...found, count, entries, rest: bytes.subarray(reader.pos, section.end) }
      } else {
        return { ...found, rest: bytes.subarray(start, section.end) }
      }
    }
  } catch {
    return undefined
  }
  return found
}
