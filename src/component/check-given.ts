/**
 * Holds what a component in a component is given to what it says that it imports: the same types of functions, and in an instance all
 * that it names. More may be in it.
 */
import type { Definition, Description } from './definition.ts'
import { malformed, quoted } from './errors.ts'
import type { FunctionType } from './plan.ts'
import { printFunction, printType } from './print-type.ts'
import { partsOfFunction, partsOfType } from './resolve-type.ts'
import { type FunctionItem, type InstanceItem, type Item, Scope, type TypeValue } from './scope.ts'

export interface GivenChecks {
  /** Says that so much is to be looked at; throws where it is too much. */
  readonly step: (parts: number) => void
  /** What a declaration in a type of instances comes to: a type, or an alias of one. */
  readonly define: (declaration: Definition, scope: Scope) => Item
}

interface Given {
  readonly name: string
  readonly item: Item
  readonly description: Description
}

/** `description` is of `scope`. Throws COMPONENT_MALFORMED and COMPONENT_LIMIT_EXCEEDED. */
export function checkGiven(given: Given, scope: Scope, checks: GivenChecks): void {
  checks.step(1)
  if (fits(given, scope, checks)) return
  const { name, item, description } = given
  throw malformed(
    `a component in it imports ${quoted(name)}, a ${description.kind}, and is given another ${item.sort}`,
  )
}

function fits(given: Given, scope: Scope, checks: GivenChecks): boolean {
  const { item, description } = given
  const { step } = checks
  switch (description.kind) {
    case 'func':
      return (
        item.sort === 'func' &&
        isSameFunction(typeOf(item.value), scope.functionType(description.type), step)
      )
    case 'resource':
      return item.sort === 'type' && item.value.kind === 'resource'
    case 'type': {
      const wanted = scope.get('type', description.equals)
      return item.sort === 'type' && isSameType(item.value, wanted, step)
    }
    case 'instance': {
      const type = scope.get('type', description.type)
      if (item.sort !== 'instance' || type.kind !== 'instance type') return false
      checkExports(given.name, item.value, { type, checks })
      return true
    }
    default:
      // What these import and export is looked at where they are instantiated.
      return item.sort === description.kind
  }
}

interface Wanted {
  readonly type: Extract<TypeValue, { readonly declarations: unknown }>
  readonly checks: GivenChecks
}

/** Types that are declared are those that are given. */
function checkExports(name: string, exports: InstanceItem, { type, checks }: Wanted): void {
  const scope = new Scope(type.scope, type.scope.owner)
  for (const declaration of type.declarations) {
    if (declaration.kind !== 'export type') {
      checks.step(1)
      scope.add(checks.define(declaration, scope))
      continue
    }
    const item = exports.get(declaration.name)
    if (item === undefined)
      throw malformed(
        `a component in it imports ${quoted(declaration.name)} of ${quoted(name)}, and is not given it`,
      )
    checkGiven({ ...declaration, item }, scope, checks)
    scope.add(item)
  }
}

function typeOf(found: FunctionItem): FunctionType {
  return found.kind === 'lifted' ? found.lifted.type : found.type
}

function isSameFunction(
  one: FunctionType,
  other: FunctionType,
  step: GivenChecks['step'],
): boolean {
  step(partsOfFunction(one) + partsOfFunction(other))
  return printFunction(one) === printFunction(other)
}

function isSameType(one: TypeValue, other: TypeValue, step: GivenChecks['step']): boolean {
  if (one === other) return true
  if (one.kind === 'resource') return other.kind === 'resource' && one.resource === other.resource
  if (one.kind !== 'value' || other.kind !== 'value') return one.kind === other.kind
  step(partsOfType(one.type) + partsOfType(other.type))
  return printType(one.type) === printType(other.type)
}
