/** Which keys a table may have, asked of the zod schema that checks it: for messages about one that it may not have. */
import type { z } from 'zod'
import { suggestion } from './suggestion.ts'

/** `name` is no key of the table at `path` in what `schema` describes: says which was meant, or which there are. */
export function unknownKey(schema: z.ZodType, path: readonly PropertyKey[], name: string): string {
  const known = keysAt(schema, path)
  const meant = suggestion(name, known)
  return meant === undefined
    ? `is not a key, wanted one of ${known.join(', ')}`
    : `is not a key: did you mean "${meant}"?`
}

function keysAt(schema: unknown, path: readonly PropertyKey[]): readonly string[] {
  let here = alternatives(schema)
  for (const segment of path) {
    here = here.flatMap(({ element, shape }) =>
      alternatives(typeof segment === 'number' ? element : childOf(shape, segment)),
    )
  }
  return [...new Set(here.flatMap(({ shape }) => (isObject(shape) ? Object.keys(shape) : [])))]
}

/** What a schema's definition has, of array, of table, of wrapper, of pipe, or of union. */
interface SchemaParts {
  readonly element?: unknown
  readonly shape?: unknown
  readonly innerType?: unknown
  readonly in?: unknown
  readonly options?: readonly unknown[]
}

/** The definitions of a schema, below defaults and transforms; several for a union. */
function alternatives(schema: unknown): readonly SchemaParts[] {
  const definition = childOf(schema, 'def')
  if (!isObject(definition)) return []
  const { innerType, in: input, options }: SchemaParts = definition
  if (innerType !== undefined) return alternatives(innerType)
  if (input !== undefined) return alternatives(input)
  return options === undefined ? [definition] : options.flatMap(alternatives)
}

function childOf(value: unknown, name: PropertyKey): unknown {
  return isObject(value) ? Reflect.get(value, name) : undefined
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
