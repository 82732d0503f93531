/** Reads types of components (binary format: `deftype`, `externdesc`, and the declarations in types of components). */
import { type ComponentReader, primitiveOf } from './component-reader.ts'
import type { Definition, Description, TypeDefinition } from './definition.ts'
import { malformed, unsupported } from './errors.ts'
import { checkComponentLimit } from './limits.ts'

const PRIMITIVE_BYTES = { least: 0x73, most: 0x7f } as const
/** What a resource is represented by: an i32. */
const I32 = 0x7f

export function readTypeDefinition(reader: ComponentReader, depth: number): TypeDefinition {
  const byte = reader.byte()
  if (byte >= PRIMITIVE_BYTES.least && byte <= PRIMITIVE_BYTES.most)
    return { kind: 'primitive', of: primitiveOf(byte) }
  const value = () => reader.value()
  switch (byte) {
    case 0x72:
      return { kind: 'record', fields: reader.list(() => reader.named(value)) }
    case 0x71:
      return { kind: 'variant', cases: reader.list(() => readCase(reader)) }
    case 0x70:
      return { kind: 'list', element: value() }
    case 0x6f:
      return { kind: 'tuple', elements: reader.list(value) }
    case 0x6e:
      return { kind: 'flags', names: reader.list(() => reader.name()) }
    case 0x6d:
      return { kind: 'enum', names: reader.list(() => reader.name()) }
    case 0x6b:
      return { kind: 'option', some: value() }
    case 0x6a: {
      const ok = reader.optional(value)
      return { kind: 'result', ok, err: reader.optional(value) }
    }
    case 0x69:
      return { kind: 'own', resource: reader.u32() }
    case 0x68:
      return { kind: 'borrow', resource: reader.u32() }
    case 0x40:
    case 0x43: {
      const parameters = reader.list(() => reader.named(value))
      return { kind: 'func', isAsync: byte === 0x43, parameters, result: reader.result() }
    }
    case 0x65:
      return { kind: 'future', element: reader.optional(value) }
    case 0x66:
      return { kind: 'stream', element: reader.optional(value) }
    case 0x41:
      return { kind: 'component type', declarations: readDeclarations(reader, depth + 1) }
    case 0x42:
      return { kind: 'instance type', declarations: readDeclarations(reader, depth + 1) }
    case 0x3f:
      reader.expect(I32)
      return { kind: 'resource', destructor: reader.optional(() => reader.u32()) }
    case 0x64:
      return { kind: 'primitive', of: primitiveOf(byte) }
    default:
      throw unsupported(`the type ${byte}`)
  }
}

function readCase(reader: ComponentReader) {
  const found = reader.named(() => reader.optional(() => reader.value()))
  reader.expect(0)
  return found
}

export function readDescription(reader: ComponentReader): Description {
  const byte = reader.byte()
  switch (byte) {
    case 0x00:
      reader.expect(0x11)
      return { kind: 'core module', type: reader.u32() }
    case 0x01:
      return { kind: 'func', type: reader.u32() }
    case 0x03: {
      const bound = reader.byte()
      if (bound > 1) throw malformed(`found ${bound}, wanted the bound of a type`)
      return bound === 0 ? { kind: 'type', equals: reader.u32() } : { kind: 'resource' }
    }
    case 0x04:
      return { kind: 'component', type: reader.u32() }
    case 0x05:
      return { kind: 'instance', type: reader.u32() }
    default:
      throw unsupported(`an import or export of kind ${byte}`)
  }
}

/** Instance (0x00 to its components), or alias: both are read where they stand among a component's, too. */
export function readAlias(reader: ComponentReader): Definition {
  const sort = reader.sort()
  const target = reader.byte()
  if (target === 2) {
    const depth = reader.u32()
    return { kind: 'outer alias', sort, depth, index: reader.u32() }
  }
  if (target > 2) throw malformed(`found ${target}, wanted the target of an alias`)
  const instance = reader.u32()
  return { kind: target === 0 ? 'alias' : 'core alias', sort, instance, name: reader.name() }
}

function readDeclarations(reader: ComponentReader, depth: number): Definition[] {
  checkComponentLimit('nesting', depth)
  return reader.list(() => readDeclaration(reader, depth))
}

function readDeclaration(reader: ComponentReader, depth: number): Definition {
  const byte = reader.byte()
  switch (byte) {
    case 0x01:
      return { kind: 'type', type: readTypeDefinition(reader, depth) }
    case 0x02:
      return readAlias(reader)
    case 0x03: {
      const name = reader.externName()
      return { kind: 'import', name, description: readDescription(reader) }
    }
    case 0x04: {
      const name = reader.externName()
      return { kind: 'export type', name, description: readDescription(reader) }
    }
    default:
      throw unsupported(`a declaration of kind ${byte}`)
  }
}
