/** Resolves types of functions, and what canonical functions are told beside them. */
import type { CanonicalOptions, Definition, Named } from './definition.ts'
import { malformed } from './errors.ts'
import { checkComponentLimit } from './limits.ts'
import type { BuiltinFunction, FunctionType, ResolvedOptions, ValueType } from './plan.ts'
import { checkFunctionType, resolveReference } from './resolve-type.ts'
import type { Scope } from './scope.ts'

export function functionType(
  {
    isAsync,
    parameters,
    result,
  }: {
    isAsync: boolean
    parameters: ReadonlyArray<Named<string | number>>
    result: string | number | undefined
  },
  scope: Scope,
): FunctionType {
  const value = (reference: string | number) =>
    resolveReference(reference, (index) => scope.valueType(index))
  checkComponentLimit('typeParts', parameters.length)
  const type: FunctionType = {
    isAsync,
    parameters: parameters.map(([, own]) => value(own)),
    result: result === undefined ? undefined : value(result),
  }
  checkFunctionType(type)
  return type
}

/** `task.return` has the type of what it answers, in place of that of a stream or a future. */
export function builtinFunction(
  definition: Extract<Definition, { kind: 'builtin' }>,
  scope: Scope,
): BuiltinFunction {
  const { kind, name, slot } = definition
  const reference = definition.type ?? definition.result
  const type =
    reference === undefined
      ? undefined
      : resolveReference(reference, (index) => scope.valueType(index))
  const wanted = name.slice(0, name.indexOf('.'))
  if (definition.type !== undefined && type?.kind !== wanted)
    throw malformed(`${name} is of a ${type?.kind}, wanted a ${wanted}`)
  const options = resolveOptions(definition.options, scope)
  if (options.memory === undefined && needsMemory(name, type))
    throw malformed(`${name} is without a memory, wanted one`)
  return { kind, name, type, options, slot, owner: scope.owner }
}

/** What is copied has to be somewhere. */
function needsMemory(name: string, type: ValueType | undefined): boolean {
  if (/^error-context\.(?:new|debug-message)$/.test(name)) return true
  return (
    /\.(?:read|write)$/.test(name) &&
    (type?.kind === 'stream' || type?.kind === 'future') &&
    type.element !== undefined
  )
}

export function resolveOptions(options: CanonicalOptions, scope: Scope): ResolvedOptions {
  const { encoding, memory, realloc, postReturn, isAsync, callback } = options
  return {
    encoding,
    memory: memory === undefined ? undefined : scope.get('core memory', memory),
    realloc: realloc === undefined ? undefined : scope.get('core func', realloc),
    postReturn: postReturn === undefined ? undefined : scope.get('core func', postReturn),
    isAsync,
    callback: callback === undefined ? undefined : scope.get('core func', callback),
  }
}
