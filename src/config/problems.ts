/** Turns what the schema and the rules find into problems that name file, line and key. */
import type { z } from 'zod'
import type { ConfigErrorCode, ConfigProblem } from './errors.ts'
import { show } from './key.ts'
import type { KeyLines, KeyPath } from './key-lines.ts'
import { suggestion } from './suggestion.ts'

/** A file, read and parsed as TOML, not yet checked. */
export interface ConfigDocument {
  readonly file: string
  readonly lines: KeyLines
  readonly content: unknown
}

/** A problem with the value at `path` in `document`. */
export function problemAt(
  document: ConfigDocument,
  path: KeyPath,
  { code, message }: { readonly code: ConfigErrorCode; readonly message: string },
): ConfigProblem {
  const line = document.lines.lineOf(path)
  return { code, file: document.file, line, key: printPath(path, document.content), message }
}

/** The problems behind one issue of the schema `schema`, of which there are several for several unknown keys. */
export function problemsOf(
  issue: z.core.$ZodIssue,
  document: ConfigDocument,
  schema: z.ZodType,
): ConfigProblem[] {
  const path = issue.path.map((segment) =>
    typeof segment === 'number' ? segment : String(segment),
  )
  if (issue.code === 'unrecognized_keys') {
    const known = keysOf(schema, path)
    return issue.keys.map((name) => {
      const meant = suggestion(name, known)
      const hint = meant === undefined ? `one of ${known.join(', ')}` : `did you mean "${meant}"?`
      return problemAt(document, [...path, name], {
        code: 'CONFIG_UNKNOWN_KEY',
        message: `is not a key${meant === undefined ? ', wanted' : ':'} ${hint}`,
      })
    })
  }
  const message =
    issue.code === 'invalid_type'
      ? `is ${show(valueAt(document.content, path))}, wanted ${wantedTable(issue.expected, path)}`
      : issue.message
  return [problemAt(document, path, { code: 'CONFIG_BAD_VALUE', message })]
}

function wantedTable(expected: string, path: KeyPath): string {
  const name = path.at(-1)
  return expected === 'array' ? `[[${name}]] tables` : 'a table'
}

/** What a schema's definition has, of array, of table, or of wrapper. */
interface SchemaParts {
  readonly element?: unknown
  readonly shape?: unknown
  readonly innerType?: unknown
}

/** Names of the keys that the table at `path` may have. */
function keysOf(schema: z.ZodType, path: KeyPath): readonly string[] {
  let at: unknown = schema
  for (const segment of path) {
    const definition = unwrapped(at)
    at = typeof segment === 'number' ? definition.element : childOf(definition.shape, segment)
  }
  const shape = unwrapped(at).shape
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
}

/** The definition of a schema, below its defaults. */
function unwrapped(schema: unknown): SchemaParts {
  let definition = definitionOf(schema)
  while (definition.innerType !== undefined) definition = definitionOf(definition.innerType)
  return definition
}

function definitionOf(schema: unknown): SchemaParts {
  const definition = childOf(schema, 'def')
  return typeof definition === 'object' && definition !== null ? definition : {}
}

function valueAt(content: unknown, path: KeyPath): unknown {
  let at = content
  for (const segment of path) at = childOf(at, String(segment))
  return at
}

function childOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Reflect.get(value, name)
}

/** `tenant "acme": limits.memory`; a tenant without a name is counted from 1. */
function printPath(path: KeyPath, content: unknown): string {
  const [table, index, ...rest] = path
  if (typeof index !== 'number') return path.join('.')
  const name = childOf(valueAt(content, [table ?? '', index]), 'name')
  const label = `${table} ${typeof name === 'string' ? show(name) : `#${index + 1}`}`
  if (rest.length === 0) return label
  const key = rest.map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${segment}`))
  return `${label}: ${key.join('').replace(/^\./, '')}`
}
