/** Resolves types of values: what they refer to is put in their place, and their size is bounded. */
import type { Named, TypeDefinition, ValueReference } from './definition.ts'
import { malformed } from './errors.ts'
import { checkComponentLimit } from './limits.ts'
import type { FunctionType, ValueType } from './plan.ts'

/** What has an index among types. */
export type TypeItem =
  | { readonly kind: 'value'; readonly type: ValueType }
  | { readonly kind: 'resource'; readonly resource: string }

interface Extent {
  readonly depth: number
  readonly parts: number
  /** Whether something is lent in it. */
  readonly lends: boolean
}

const SINGLE: Extent = { depth: 1, parts: 1, lends: false }
const LENT: Extent = { ...SINGLE, lends: true }
const extents = new WeakMap<ValueType, Extent>()

/** `lookUp`: the type of an index. Throws `ComponentError`. */
export function resolveValueType(
  definition: TypeDefinition,
  lookUp: (index: number) => TypeItem,
): ValueType {
  const value = (reference: ValueReference) => resolveReference(reference, lookUp)
  const optional = (reference: ValueReference | undefined) =>
    reference === undefined ? undefined : value(reference)
  switch (definition.kind) {
    case 'primitive':
      return { kind: 'primitive', of: definition.of }
    case 'record':
      return bounded({
        kind: 'record',
        fields: definition.fields.map(([name, field]) => [name, value(field)]),
      })
    case 'tuple':
      return bounded({
        kind: 'tuple',
        fields: definition.elements.map((element) => ['', value(element)]),
      })
    case 'variant':
      return bounded(cased('variant', definition.cases, optional))
    case 'enum':
      return bounded({ kind: 'enum', cases: definition.names.map((name) => [name, undefined]) })
    case 'option':
      return bounded({
        kind: 'option',
        cases: [
          ['none', undefined],
          ['some', value(definition.some)],
        ],
      })
    case 'result':
      return bounded({
        kind: 'result',
        cases: [
          ['ok', optional(definition.ok)],
          ['err', optional(definition.err)],
        ],
      })
    case 'list':
      return bounded({ kind: 'list', element: value(definition.element) })
    case 'stream':
    case 'future': {
      const type = bounded({ kind: definition.kind, element: optional(definition.element) })
      if (extentOf(type).lends)
        throw malformed(`a ${definition.kind} lends a resource, wanted one that is given`)
      return type
    }
    case 'flags':
      if (definition.names.length === 0 || definition.names.length > 32)
        throw malformed(`flags have ${definition.names.length} names, wanted 1 to 32`)
      return bounded({ kind: 'flags', names: definition.names })
    case 'own':
    case 'borrow': {
      const item = lookUp(definition.resource)
      if (item.kind !== 'resource')
        throw malformed('a handle is of a type of values, wanted a resource')
      return { kind: definition.kind, resource: item.resource }
    }
    default:
      throw malformed(`found a ${definition.kind}, wanted a type of values`)
  }
}

/** Throws where it is too large, and where its result lends something: to whom, and for how long? */
export function checkFunctionType(type: FunctionType): void {
  checkComponentLimit('typeParts', partsOfFunction(type))
  const { result } = type
  if (result !== undefined && extentOf(result).lends)
    throw malformed('the result of a function lends a resource, wanted one that is given')
}

/** How many types there are in it: what it takes to go through them. */
export function partsOfFunction({ parameters, result }: FunctionType): number {
  let parts = result === undefined ? 1 : extentOf(result).parts
  for (const parameter of parameters) parts += extentOf(parameter).parts
  return parts
}

/** As of `partsOfFunction`. */
export function partsOfType(type: ValueType): number {
  return extentOf(type).parts
}

export function resolveReference(
  reference: ValueReference,
  lookUp: (index: number) => TypeItem,
): ValueType {
  if (typeof reference === 'string') return { kind: 'primitive', of: reference }
  const item = lookUp(reference)
  if (item.kind !== 'value') throw malformed('found a resource, wanted a type of values')
  return item.type
}

function cased(
  kind: 'variant',
  cases: ReadonlyArray<Named<ValueReference | undefined>>,
  optional: (reference: ValueReference | undefined) => ValueType | undefined,
): ValueType {
  if (cases.length === 0) throw malformed('a variant has no cases, wanted one or more')
  return { kind, cases: cases.map(([name, payload]) => [name, optional(payload)]) }
}

function bounded(type: ValueType): ValueType {
  let depth = 0
  let parts = 1
  let lends = false
  for (const part of partsOf(type)) {
    const extent = part === undefined ? SINGLE : extentOf(part)
    depth = Math.max(depth, extent.depth)
    parts += extent.parts
    lends ||= extent.lends
  }
  checkComponentLimit('typeDepth', depth + 1)
  checkComponentLimit('typeParts', parts)
  extents.set(type, { depth: depth + 1, parts, lends })
  return type
}

function extentOf(type: ValueType): Extent {
  return extents.get(type) ?? (type.kind === 'borrow' ? LENT : SINGLE)
}

function partsOf(type: ValueType): ReadonlyArray<ValueType | undefined> {
  switch (type.kind) {
    case 'record':
    case 'tuple':
      return type.fields.map(([, field]) => field)
    case 'list':
    case 'stream':
    case 'future':
      return [type.element]
    case 'flags':
      return type.names.map(() => undefined)
    case 'own':
    case 'borrow':
    case 'primitive':
      return []
    default:
      return type.cases.map(([, payload]) => payload)
  }
}
