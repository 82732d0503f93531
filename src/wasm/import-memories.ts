/**
 * Makes a hardened module one of its host's: it takes the memories it defines from there, so that a memory can outlive the
 * instance it was made for, and does not start by itself, so that its start function is run as the rest of it.
 * Custom sections that V8 makes nothing of (debug information, most of all) are left out: it keeps all bytes of a module.
 *
 * They become its last imports (module `MEMORY_IMPORT_MODULE`, field: the index), with the sizes they had. No index changes
 * in a module that imports no memory of its own, and only such modules are taken.
 */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { MEMORY_IMPORT_MODULE } from './contract.ts'
import { WasmError } from './errors.ts'
import { BRANCH_HINT_SECTION } from './hint-list.ts'
import { DEFAULT_MODULE_LIMITS } from './limits.ts'
import { NAME_SECTION } from './name-section.ts'
import { HEADER, splitSections } from './sections.ts'
import { EXTERN_KINDS, SECTION, type Section } from './wasm-module.ts'

/** In pages of 64 KiB. */
export interface MemorySize {
  readonly initial: number
  readonly maximum: number
}

export interface MemoryImports {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** By index. */
  readonly memories: readonly MemorySize[]
}

/** `hardened`: what `harden` made, so that every memory has a maximum. Throws `WasmError`. */
export function importMemories(hardened: Uint8Array<ArrayBuffer>): MemoryImports {
  const sections = splitSections(hardened, DEFAULT_MODULE_LIMITS)
  const changed = sections.filter(({ id }) => id === SECTION.memory || id === SECTION.start)
  const left = sections.filter((section) => changed.includes(section) || isOfNoUse(section))
  if (left.length === 0) return { bytes: hardened, memories: [] }
  const memorySection = sections.find(({ id }) => id === SECTION.memory)
  const memories = memorySection === undefined ? [] : readSizes(hardened, memorySection)
  const out = new ByteWriter(hardened.length + 64)
  out.append(HEADER)
  let isWritten = memories.length === 0
  for (const section of sections) {
    const { id } = section
    if (!isWritten && id !== SECTION.custom && id !== SECTION.type) {
      writeImports(out, id === SECTION.import ? { hardened, section } : undefined, memories)
      isWritten = true
    }
    const isReplaced = id === SECTION.import && memories.length > 0
    if (!isReplaced && !left.includes(section)) out.copy(hardened, section.start, section.end)
  }
  return { bytes: out.view(), memories }
}

/** Names longer than these are left out of backtraces. */
export const MAX_NAME_SECTION_BYTES: number = 4 * 1024 * 1024

function isOfNoUse({ id, name, start, end }: Section): boolean {
  if (id !== SECTION.custom || name === BRANCH_HINT_SECTION) return false
  return name !== NAME_SECTION || end - start > MAX_NAME_SECTION_BYTES
}

interface Original {
  readonly hardened: Uint8Array
  readonly section: Section
}

function writeImports(
  out: ByteWriter,
  original: Original | undefined,
  memories: readonly MemorySize[],
): void {
  const contents = new ByteWriter(64)
  const { end = 0 } = original?.section ?? {}
  const reader = new ByteReader(
    original?.hardened ?? new Uint8Array(0),
    original?.section.contents ?? 0,
    end,
  )
  const count = original === undefined ? 0 : reader.u32()
  contents.u32(count + memories.length)
  contents.copy(reader.bytes, reader.pos, end)
  for (const [index, { initial, maximum }] of memories.entries()) {
    contents.name(MEMORY_IMPORT_MODULE)
    contents.name(String(index))
    contents.byte(EXTERN_KINDS.indexOf('memory'))
    contents.byte(HAS_MAXIMUM)
    contents.u32(initial)
    contents.u32(maximum)
  }
  out.byte(SECTION.import)
  out.u32(contents.length)
  out.append(contents.view())
}

const HAS_MAXIMUM = 1

function readSizes(bytes: Uint8Array, { contents, end }: Section): MemorySize[] {
  const reader = new ByteReader(bytes, contents, end)
  return Array.from({ length: reader.u32() }, () => {
    const flags = reader.byte()
    if (flags !== HAS_MAXIMUM) {
      throw new WasmError('WASM_MALFORMED', {
        doing: 'take the memories of',
        problem: `found flags ${flags}, wanted a maximum, as hardening writes it`,
      })
    }
    return { initial: reader.u32(), maximum: reader.u32() }
  })
}
