/** Reads what the binary format of components has beyond that of core modules: counted lists, names, sorts, options. */
import { ByteReader } from '../wasm/byte-reader.ts'
import type { CanonicalOptions, Named, Reference, Sort } from './definition.ts'
import { PRIMITIVES, type ValueReference } from './definition.ts'
import { ERROR_CONTEXT } from './error-context.ts'
import { malformed, unsupported } from './errors.ts'
import { checkComponentLimit } from './limits.ts'

const CORE_SORTS: ReadonlyMap<number, Sort> = new Map([
  [0x00, 'core func'],
  [0x01, 'core table'],
  [0x02, 'core memory'],
  [0x03, 'core global'],
  [0x11, 'core module'],
  [0x12, 'core instance'],
])

const SORTS: ReadonlyMap<number, Sort> = new Map([
  [0x01, 'func'],
  [0x03, 'type'],
  [0x04, 'component'],
  [0x05, 'instance'],
])

const FIRST_PRIMITIVE = 0x7f
const ERROR_CONTEXT_BYTE = 0x64

/** Shared by all readers of one component. */
export interface Count {
  definitions: number
  sections: number
}

export class ComponentReader extends ByteReader {
  readonly count: Count

  constructor(bytes: Uint8Array, span: { start: number; end: number }, count: Count) {
    super(bytes, span.start, span.end)
    this.count = count
  }

  /** A length and so many entries, each at least a byte. */
  list<Entry>(read: () => Entry): Entry[] {
    const length = this.u32()
    if (length > this.end - this.pos) throw this.cutShort()
    this.count.definitions += length
    checkComponentLimit('definitions', this.count.definitions)
    const entries: Entry[] = []
    for (let index = 0; index < length; index++) entries.push(read())
    return entries
  }

  named<Value>(read: () => Value): Named<Value> {
    const name = this.name()
    return [name, read()]
  }

  /** What an import or export is called; the byte before it once said how. */
  externName(): string {
    const form = this.byte()
    if (form > 1) throw unsupported(`a name of the form ${form}`)
    return this.name()
  }

  optional<Value>(read: () => Value): Value | undefined {
    return this.flag() ? read() : undefined
  }

  /** A byte that says yes (1) or no. */
  flag(): boolean {
    const flag = this.byte()
    if (flag > 1) throw malformed(`found ${flag}, wanted 0 or 1 at offset ${this.pos - 1}`)
    return flag === 1
  }

  /** Of a function: one value, or none. */
  result(): ValueReference | undefined {
    const form = this.byte()
    if (form === 0) return this.value()
    if (form !== 1) throw malformed(`found ${form}, wanted the result of a function`)
    this.expect(0)
    return undefined
  }

  value(): ValueReference {
    const found = this.s33()
    return found < 0 ? primitiveOf(found & 0x7f) : found
  }

  sort(): Sort {
    const byte = this.byte()
    return byte === 0 ? this.coreSort() : sortOf(SORTS, byte)
  }

  coreSort(): Sort {
    return sortOf(CORE_SORTS, this.byte())
  }

  reference(): Reference {
    const sort = this.sort()
    return { sort, index: this.u32() }
  }

  coreReference(): Reference {
    const sort = this.coreSort()
    return { sort, index: this.u32() }
  }

  options(): CanonicalOptions {
    let encoding: CanonicalOptions['encoding'] = 'utf8'
    let memory: number | undefined
    let realloc: number | undefined
    let postReturn: number | undefined
    let isAsync = false
    let callback: number | undefined
    const given = this.list(() => this.#option())
    // The first three are one: how text is encoded.
    const names = new Set(given.map(([option]) => Math.max(option, 2)))
    if (names.size < given.length) throw malformed('found a canonical option twice, wanted it once')
    for (const [option, index] of given) {
      if (option === 1) encoding = 'utf16'
      else if (option === 2) encoding = 'latin1+utf16'
      else if (option === 3) memory = index
      else if (option === 4) realloc = index
      else if (option === 5) postReturn = index
      else if (option === 6) isAsync = true
      else if (option === 7) callback = index
    }
    return { encoding, memory, realloc, postReturn, isAsync, callback }
  }

  #option(): readonly [option: number, index: number] {
    const option = this.byte()
    if (option > 7) throw unsupported(`the canonical option ${option}`)
    return [option, option < 3 || option === 6 ? 0 : this.u32()]
  }

  expect(wanted: number): void {
    const found = this.byte()
    if (found !== wanted)
      throw malformed(`found ${found}, wanted ${wanted} at offset ${this.pos - 1}`)
  }
}

/** The primitive type that a byte stands for. */
export function primitiveOf(byte: number): string {
  if (byte === ERROR_CONTEXT_BYTE) return ERROR_CONTEXT
  const name = PRIMITIVES[FIRST_PRIMITIVE - byte]
  if (name === undefined) throw unsupported(`the type ${byte}`)
  return name
}

function sortOf(sorts: ReadonlyMap<number, Sort>, byte: number): Sort {
  const sort = sorts.get(byte)
  if (sort === undefined) throw unsupported(`something of sort ${byte}`)
  return sort
}
