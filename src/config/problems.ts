/** Turns what the schema and the rules find into problems that name file, line and key. */
import type { z } from 'zod'
import { unknownKey } from '../base/schema-keys.ts'
import { show } from '../base/show.ts'
import type { ConfigErrorCode, ConfigProblem } from './errors.ts'
import type { KeyLines, KeyPath } from './key-lines.ts'

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
    return issue.keys.map((name) =>
      problemAt(document, [...path, name], {
        code: 'CONFIG_UNKNOWN_KEY',
        message: unknownKey(schema, path, name),
      }),
    )
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
