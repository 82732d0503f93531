/**
 * Takes exports out of a module that its host never asks for. Instantiating makes an object for each of them, in one go: 100,000 take
 * 40 ms, in the thread that everybody waits for.
 *
 * A function that was exported may be referred to by `ref.func`. So that this stays right, those that were are declared:
 *
 *     element segment, declarative:   3  0 (functions)  n  index ...
 */
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { DEFAULT_MODULE_LIMITS } from './limits.ts'
import { HEADER, splitSections } from './sections.ts'
import { EXTERN_KINDS, SECTION, SECTION_ORDER, type Section } from './wasm-module.ts'

/** Fewer cost too little to matter. */
const FEW = 256

const DECLARATIVE = 3
const FUNCTIONS = 0

/** The module with those of its exports whose names are `wanted`, where there are many. Throws `WasmError`. */
export function keepExports(
  module: Uint8Array<ArrayBuffer>,
  wanted: (name: string) => boolean,
): Uint8Array<ArrayBuffer> {
  const sections = splitSections(module, DEFAULT_MODULE_LIMITS)
  const section = sections.find(({ id }) => id === SECTION.export)
  if (section === undefined) return module
  const reader = new ByteReader(module, section.contents, section.end)
  const count = reader.u32()
  if (count <= FEW) return module
  const { kept, functions } = choose(reader, count, wanted)
  const elements = sections.find(({ id }) => id === SECTION.element)
  const out = new ByteWriter(module.length)
  out.append(HEADER)
  let isDeclared = functions.size === 0
  const declare = (): void => {
    if (isDeclared) return
    writeSection(out, SECTION.element, withDeclared(module, elements, functions))
    isDeclared = true
  }
  for (const one of sections) {
    const isRewritten = one === elements && !isDeclared
    if (isRewritten || comesAfterElements(one)) declare()
    if (one === section) writeSection(out, SECTION.export, kept)
    else if (!isRewritten) out.copy(module, one.start, one.end)
  }
  declare()
  return out.view()
}

interface Choice {
  /** What is in the section. */
  readonly kept: ByteWriter
  /** Indices of functions that are not exported any more. */
  readonly functions: ReadonlySet<number>
}

function choose(reader: ByteReader, count: number, wanted: (name: string) => boolean): Choice {
  const entries = new ByteWriter(1024)
  const functions = new Set<number>()
  let keptCount = 0
  for (let index = 0; index < count; index++) {
    const start = reader.pos
    const name = reader.name()
    const kind = EXTERN_KINDS[reader.byte()]
    const target = reader.u32()
    if (wanted(name)) {
      entries.copy(reader.bytes, start, reader.pos)
      keptCount += 1
    } else if (kind === 'function') functions.add(target)
  }
  const kept = new ByteWriter(entries.length + 8)
  kept.u32(keptCount)
  kept.append(entries.view())
  return { kept, functions }
}

function withDeclared(
  module: Uint8Array,
  elements: Section | undefined,
  functions: ReadonlySet<number>,
): ByteWriter {
  const { contents = 0, end = 0 } = elements ?? {}
  const reader = new ByteReader(module, contents, end)
  const count = elements === undefined ? 0 : reader.u32()
  const out = new ByteWriter(end - contents + functions.size * 3 + 16)
  out.u32(count + 1)
  out.copy(module, reader.pos, end)
  out.append([DECLARATIVE, FUNCTIONS])
  out.u32(functions.size)
  for (const index of functions) out.u32(index)
  return out
}

function comesAfterElements({ id }: Section): boolean {
  const place = SECTION_ORDER.indexOf(id)
  return place > SECTION_ORDER.indexOf(SECTION.element)
}

function writeSection(out: ByteWriter, id: number, contents: ByteWriter): void {
  out.byte(id)
  out.u32(contents.length)
  out.append(contents.view())
}
