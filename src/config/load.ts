/** Reads the configuration from its files. The only file here that does. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem } from './errors.ts'
import { buildConfig, parseDocument } from './parse.ts'
import type { ConfigDocument } from './problems.ts'

/** Most files that `include` may bring in. */
const MAX_INCLUDED_FILES = 100_000

/**
 * Reads the file at `path` and those it includes, in alphabetical order for each pattern. Blocks: for the start and
 * reloads of the master. Throws one `ConfigError` with everything that is wrong.
 */
export function loadConfig(path: string): Config {
  const file = resolve(path)
  const problems: ConfigProblem[] = []
  const main = readDocument(file, problems)
  if (main === undefined) throw new ConfigError(problems)
  const included: ConfigDocument[] = []
  for (const one of includedFiles(main, problems)) {
    const document = readDocument(one, problems)
    if (document !== undefined) included.push(document)
  }
  if (problems.length === 0) return buildConfig(main, included)
  try {
    buildConfig(main, included)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
  }
  throw new ConfigError(problems)
}

/** Each file once. A pattern that matches nothing is fine, a plain name must be there. */
function includedFiles(main: ConfigDocument, problems: ConfigProblem[]): string[] {
  const folder = dirname(main.file)
  const files = new Set<string>()
  for (const pattern of patternsOf(main.content)) {
    const isPattern = /[*?[\]{}]/.test(pattern)
    const matches = isPattern
      ? globSync(pattern, { cwd: folder })
          .map((match) => resolve(folder, match))
          .sort()
      : [resolve(folder, pattern)]
    for (const match of matches) if (match !== main.file) files.add(match)
  }
  if (files.size > MAX_INCLUDED_FILES) {
    const message = `matches ${files.size} files, wanted at most ${MAX_INCLUDED_FILES}`
    problems.push({
      code: 'CONFIG_BAD_VALUE',
      file: main.file,
      line: undefined,
      key: 'include',
      message,
    })
    return []
  }
  return [...files]
}

/** What is wrong with the value of `include` itself is the schema's to say. */
function patternsOf(content: unknown): string[] {
  const include: unknown =
    typeof content === 'object' && content !== null ? Reflect.get(content, 'include') : undefined
  return Array.isArray(include)
    ? include.filter((one) => typeof one === 'string' && one !== '')
    : []
}

function readDocument(file: string, problems: ConfigProblem[]): ConfigDocument | undefined {
  try {
    return parseDocument(readFileSync(file, 'utf8'), file)
  } catch (error) {
    if (error instanceof ConfigError) problems.push(...error.problems)
    else {
      const reason = error instanceof Error ? error.message : String(error)
      const message = `cannot be read: ${reason}, wanted a readable file`
      problems.push({ code: 'CONFIG_NOT_READABLE', file, line: undefined, key: '', message })
    }
    return undefined
  }
}
