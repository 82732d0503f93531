/** Puts a module together from its original sections and changed ones. */
import { ByteWriter } from './byte-writer.ts'
import { BRANCH_HINT_SECTION } from './hint-list.ts'
import { HEADER } from './sections.ts'
import { SECTION, SECTION_ORDER, type Section, type WasmModule } from './wasm-module.ts'

export interface NewSections {
  /** Section to its new contents; undefined removes it. Sections not named stay as they are. */
  readonly changed: ReadonlyMap<number, Uint8Array | undefined>
  /** Custom section to its new contents, name included; undefined leaves it as it is. */
  readonly custom: ReadonlyMap<string, Uint8Array | undefined>
}

/** The original's custom sections stay between the sections they stood between. */
export function writeModule(
  module: WasmModule,
  sections: NewSections,
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(module.bytes.length * 2 + 1024, maxBytes)
  out.append(HEADER)
  const written = new Set<string>()
  const custom = (section: Section): void => {
    // Hints must stand before the code, so they have a place of their own.
    if (section.name === BRANCH_HINT_SECTION) return
    const contents = written.has(section.name) ? undefined : sections.custom.get(section.name)
    written.add(section.name)
    if (contents === undefined) out.copy(module.bytes, section.start, section.end)
    else writeSection(out, SECTION.custom, contents)
  }
  let next = 0
  const customsBefore = (id: number): void => {
    for (
      let section = module.sections[next];
      section !== undefined;
      section = module.sections[next]
    ) {
      if (section.id === SECTION.custom) custom(section)
      else if (section.id !== id) return
      next++
      if (section.id === id && id !== SECTION.custom) return
    }
  }
  for (const id of SECTION_ORDER) {
    const original = module.sections.find((section) => section.id === id)
    if (original !== undefined) customsBefore(id)
    if (id === SECTION.code)
      writeSection(out, SECTION.custom, sections.custom.get(BRANCH_HINT_SECTION))
    if (sections.changed.has(id)) writeSection(out, id, sections.changed.get(id))
    else if (original !== undefined) out.copy(module.bytes, original.start, original.end)
  }
  customsBefore(SECTION.custom)
  for (const [name, contents] of sections.custom) {
    if (name !== BRANCH_HINT_SECTION && !written.has(name))
      writeSection(out, SECTION.custom, contents)
  }
  return out.bytes.slice(0, out.length) as Uint8Array<ArrayBuffer>
}

/** The contents of a section whose entries are the original's and, behind them, `added`. */
export function appendEntries(
  module: WasmModule,
  id: number,
  added: readonly ArrayLike<number>[],
): Uint8Array {
  const old = module.entries.get(id) ?? { count: 0, start: 0, end: 0 }
  const out = new ByteWriter(old.end - old.start + added.length * 8 + 16)
  out.u32(old.count + added.length)
  out.copy(module.bytes, old.start, old.end)
  for (const bytes of added) out.append(bytes)
  return out.view()
}

function writeSection(out: ByteWriter, id: number, contents: Uint8Array | undefined): void {
  if (contents === undefined) return
  out.byte(id)
  out.u32(contents.length)
  out.append(contents)
}
