/** Splits a module into its sections (core spec 5.5.2), checking their order and that each is complete. */
import { ByteReader } from './byte-reader.ts'
import { WasmError, wasmErrorAt } from './errors.ts'
import { checkLimit, type ModuleLimits } from './limits.ts'
import { SECTION, SECTION_ORDER, type Section } from './wasm-module.ts'

const MAGIC = [0x00, 0x61, 0x73, 0x6d]
const VERSION = [0x01, 0x00, 0x00, 0x00]
export const HEADER: readonly number[] = [...MAGIC, ...VERSION]

export function splitSections(bytes: Uint8Array, limits: ModuleLimits): Section[] {
  checkHeader(bytes)
  const reader = new ByteReader(bytes, HEADER.length)
  const sections: Section[] = []
  let lastPlace = -1
  while (reader.pos < bytes.length) {
    const start = reader.pos
    const id = reader.byte()
    const size = reader.u32()
    const contents = reader.pos
    reader.skip(size)
    const section = { id, name: '', start, contents, end: reader.pos }
    if (id === SECTION.custom) {
      const inner = new ByteReader(bytes, contents, section.end)
      sections.push({ ...section, name: inner.name(), contents: inner.pos })
    } else {
      const place = SECTION_ORDER.indexOf(id)
      if (place <= lastPlace) {
        throw wasmErrorAt(
          'WASM_MALFORMED',
          `section ${id} unknown, repeated or out of order`,
          start,
        )
      }
      lastPlace = place
      sections.push(section)
    }
    checkLimit(limits, 'sections', sections.length)
  }
  return sections
}

function checkHeader(bytes: Uint8Array): void {
  const isMagic = MAGIC.every((byte, index) => bytes[index] === byte)
  if (isMagic && VERSION.every((byte, index) => bytes[index + 4] === byte)) return
  const isComponent = isMagic && bytes[6] === 1
  const found = isComponent ? 'a component' : isMagic ? 'another version' : 'other bytes'
  const hint = isComponent ? ' (build for wasm32-wasip1 instead of wasip2)' : ''
  throw new WasmError(
    'WASM_NOT_A_MODULE',
    { doing: 'read', problem: `found ${found}, wanted a core module of version 1${hint}` },
    { details: { offset: 0, isComponent } },
  )
}
