/**
 * Makes one component of two, as composing tools do: what one exports is what the other one imports, and what both import besides is
 * the whole's to import.
 */
import { componentWit, parse, print } from '@bytecodealliance/jco'

export interface Parts {
  /** Exports `interface`, and imports most of what there is. */
  readonly plug: Uint8Array
  /** Imports it, which it is given, and exports what the whole exports. */
  readonly socket: Uint8Array
  /** `wasi:http/incoming-handler`, without a version. */
  readonly interface: string
}

const SECTION = { component: 4, alias: 6, type: 7, import: 10 } as const
const PREAMBLE_BYTES = 8

interface Section {
  readonly id: number
  readonly start: number
  readonly end: number
}

interface Head {
  /** Fields of a component. */
  readonly text: string
  /** Names of interfaces with their versions, in their order, by those without. */
  readonly imports: ReadonlyMap<string, string>
}

/** Rejects where it would be no valid component. */
export async function composeComponents({
  plug,
  socket,
  interface: passed,
}: Parts): Promise<Uint8Array<ArrayBuffer>> {
  const [own, other] = [await headOf(plug), await headOf(socket)]
  const names = [...own.imports.keys()]
  const added = [...other.imports.keys()].filter(
    (name) => name !== passed && !own.imports.has(name),
  )
  const all = [...names, ...added]
  const made = all.length
  const version = (name: string): string => other.imports.get(name) ?? ''
  const text = `(component ${own.text}
    ${added.map((name) => instanceOf(other, version(name))).join('\n')}
    (component) (component)
    (instance (instantiate 0 ${names.map((name, index) => `(with "${own.imports.get(name)}" (instance ${index}))`).join(' ')}))
    (alias export ${made} "${await exportOf(plug, passed)}" (instance))
    (instance (instantiate 1 ${[...other.imports.keys()].map((name) => `(with "${version(name)}" (instance ${name === passed ? made + 1 : all.indexOf(name)}))`).join(' ')}))
    (alias export ${made + 2} "${version(passed)}" (instance))
    (export "${version(passed)}" (instance ${made + 3})))`
  const composed = putIn(await parse(text), [plug, socket])
  await componentWit(composed)
  return composed
}

/** What stands before its own code: types, imports, and aliases of these. */
async function headOf(component: Uint8Array): Promise<Head> {
  const kept = new Set<number>([SECTION.type, SECTION.import, SECTION.alias])
  let end = PREAMBLE_BYTES
  for (const section of sectionsOf(component)) {
    if (!kept.has(section.id)) break
    end = section.end
  }
  const printed = await print(component.slice(0, end))
  const text = printed.replace(/^\(component/, '').replace(/\)\s*$/, '')
  const found = [...text.matchAll(/^ {2}\(import "(([^"@]*)[^"]*)"/gm)]
  return { text, imports: new Map(found.map(([, name = '', bare = '']) => [bare, name])) }
}

async function exportOf(component: Uint8Array, name: string): Promise<string> {
  const { 1: version = '' } =
    new RegExp(`export ${name}(@[0-9.]+);`).exec(await componentWit(component)) ?? []
  return `${name}${version}`
}

/** An import once more, of which the type needs no others. */
function instanceOf({ text }: Head, name: string): string {
  const [before = ''] = text.split(`(import "${name}"`)
  const type = before.slice(before.lastIndexOf('\n  (type (;'))
  if (type.includes('alias outer')) throw new Error(`Cannot compose: ${name} needs others`)
  const body = type.slice(type.indexOf('(instance'), type.lastIndexOf(')'))
  return `(import "${name}" ${body})`
}

/** Puts components in the place of empty ones. */
function putIn(bytes: Uint8Array, components: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const left = [...components]
  const pieces: Uint8Array[] = [bytes.subarray(0, PREAMBLE_BYTES)]
  for (const { id, start, end } of sectionsOf(bytes)) {
    const component = id === SECTION.component ? left.shift() : undefined
    if (component === undefined) pieces.push(bytes.subarray(start, end))
    else pieces.push(Uint8Array.from([id, ...leb(component.length)]), component)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

function* sectionsOf(bytes: Uint8Array): Generator<Section> {
  for (let at = PREAMBLE_BYTES; at < bytes.length; ) {
    const start = at
    const id = bytes[at++] ?? 0
    let size = 0
    for (let bit = 0; ; bit += 7) {
      const byte = bytes[at++] ?? 0
      size |= (byte & 127) << bit
      if (byte < 128) break
    }
    yield { id, start, end: at + size }
    at += size
  }
}

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]
}
