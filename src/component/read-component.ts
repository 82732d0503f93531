/** Reads a component (component model, binary format; layer 1, version 13) into its definitions. Resolves nothing: see resolve-component.ts. */
import type { Span } from '../wasm/wasm-module.ts'
import { ComponentReader, type Count } from './component-reader.ts'
import type { Definition } from './definition.ts'
import { malformed, unsupported } from './errors.ts'
import { checkComponentLimit } from './limits.ts'
import { PREAMBLE } from './preamble.ts'
import { readCanonical } from './read-canonical.ts'
import { readAlias, readDescription, readTypeDefinition } from './read-type-definition.ts'

const SECTION = {
  custom: 0,
  coreModule: 1,
  coreInstance: 2,
  component: 4,
  instance: 5,
  alias: 6,
  type: 7,
  canon: 8,
  import: 10,
  export: 11,
} as const

/** Throws `ComponentError`, and `WasmError` where it is cut short. Reads each byte once at most. */
export function readComponent(bytes: Uint8Array): readonly Definition[] {
  const count: Count = { definitions: 0, sections: 0 }
  return readDefinitions(new ComponentReader(bytes, { start: 0, end: bytes.length }, count), 0)
}

function readDefinitions(reader: ComponentReader, depth: number): Definition[] {
  checkComponentLimit('nesting', depth)
  for (const wanted of PREAMBLE) reader.expect(wanted)
  const definitions: Definition[] = []
  while (reader.pos < reader.end) {
    checkComponentLimit('sections', ++reader.count.sections)
    const id = reader.byte()
    const size = reader.u32()
    const start = reader.pos
    reader.skip(size)
    if (id === SECTION.custom) continue
    const section = { start, end: reader.pos }
    const inside = new ComponentReader(reader.bytes, section, reader.count)
    for (const definition of readSection(inside, { id, section, depth }))
      definitions.push(definition)
    if (id !== SECTION.coreModule && inside.pos !== inside.end)
      throw malformed(`section ${id} is longer than its entries, at offset ${inside.pos}`)
  }
  return definitions
}

interface Place {
  readonly id: number
  readonly section: Span
  readonly depth: number
}

function readSection(reader: ComponentReader, { id, section, depth }: Place): Definition[] {
  switch (id) {
    case SECTION.coreModule:
      return [{ kind: 'core module', ...section }]
    case SECTION.coreInstance:
      return reader.list(() => readCoreInstance(reader))
    case SECTION.component:
      return [{ kind: 'component', definitions: readDefinitions(reader, depth + 1) }]
    case SECTION.instance:
      return reader.list(() => readInstance(reader))
    case SECTION.alias:
      return reader.list(() => readAlias(reader))
    case SECTION.type:
      return reader.list(() => ({ kind: 'type', type: readTypeDefinition(reader, depth) }))
    case SECTION.canon:
      return reader.list(() => readCanonical(reader))
    case SECTION.import:
      return reader.list(() => readImport(reader))
    case SECTION.export:
      return reader.list(() => readExport(reader))
    default:
      throw unsupported(`a section ${id}`)
  }
}

function readCoreInstance(reader: ComponentReader): Definition {
  const form = reader.byte()
  if (form === 1) {
    const exports = reader.list(() => reader.named(() => reader.coreReference()))
    return { kind: 'core exports', exports }
  }
  if (form !== 0) throw malformed(`found ${form}, wanted an instance of a core module`)
  const module = reader.u32()
  const given = reader.list(() =>
    reader.named(() => {
      reader.expect(0x12)
      return reader.u32()
    }),
  )
  return { kind: 'core instance', module, arguments: given }
}

function readInstance(reader: ComponentReader): Definition {
  const form = reader.byte()
  if (form === 1) {
    const exports = reader.list(() => {
      const name = reader.externName()
      return [name, reader.reference()] as const
    })
    return { kind: 'exports', exports }
  }
  if (form !== 0) throw malformed(`found ${form}, wanted an instance`)
  const component = reader.u32()
  const given = reader.list(() => reader.named(() => reader.reference()))
  return { kind: 'instance', component, arguments: given }
}

function readImport(reader: ComponentReader): Definition {
  const name = reader.externName()
  return { kind: 'import', name, description: readDescription(reader) }
}

function readExport(reader: ComponentReader): Definition {
  const name = reader.externName()
  const reference = reader.reference()
  reader.optional(() => readDescription(reader))
  return { kind: 'export', name, reference }
}
