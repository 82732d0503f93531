/** Reads the configuration from its files. The only file here that does. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, isAbsolute, matchesGlob, normalize, relative, resolve } from 'node:path'
import type { Config } from './config.ts'
import { ConfigError, type ConfigProblem } from './errors.ts'
import { buildConfig, parseDocument } from './parse.ts'
import type { ConfigDocument } from './problems.ts'

/** Most files that `include` may bring in. */
const MAX_INCLUDED_FILES = 100_000

/** Files as they are about to be, by absolute path: their text, or undefined for one that goes away. */
export type ConfigChanges = ReadonlyMap<string, string | undefined>

const NO_CHANGES: ConfigChanges = new Map()

/**
 * Reads the file at `path` and those it includes, in alphabetical order for each pattern. Blocks: for the start and
 * reloads of the master. `changes`: what to read instead of what is there. Throws one `ConfigError` with everything that
 * is wrong.
 */
export function loadConfig(path: string, changes: ConfigChanges = NO_CHANGES): Config {
  const { main, included, problems } = readDocuments(path, changes)
  if (main === undefined) throw new ConfigError(problems)
  if (problems.length === 0) return buildConfig(main, included)
  try {
    buildConfig(main, included)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
  }
  throw new ConfigError(problems)
}

/** The files of a configuration, parsed but not checked; what is wrong with them as files. */
export interface ConfigDocuments {
  readonly main: ConfigDocument | undefined
  readonly included: readonly ConfigDocument[]
  readonly problems: ConfigProblem[]
}

export function readDocuments(path: string, changes: ConfigChanges = NO_CHANGES): ConfigDocuments {
  const problems: ConfigProblem[] = []
  const main = readDocument(resolve(path), { problems, changes })
  const included: ConfigDocument[] = []
  for (const one of main === undefined ? [] : includedFiles(main, { problems, changes })) {
    const document = readDocument(one, { problems, changes })
    if (document !== undefined) included.push(document)
  }
  return { main, included, problems }
}

interface Reading {
  readonly problems: ConfigProblem[]
  readonly changes: ConfigChanges
}

/** Each file once. A pattern that matches nothing is fine, a plain name must be there. */
function includedFiles(main: ConfigDocument, { problems, changes }: Reading): string[] {
  const folder = dirname(main.file)
  const files = new Set<string>()
  for (const pattern of includePatterns(main.content)) {
    const matches = isGlob(pattern)
      ? matchesOf(pattern, folder, changes).sort()
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

function matchesOf(pattern: string, folder: string, changes: ConfigChanges): string[] {
  const files = new Set(globSync(pattern, { cwd: folder }).map((match) => resolve(folder, match)))
  for (const [file, text] of changes) {
    if (text === undefined) files.delete(file)
    else if (isIncluded(file, pattern, folder)) files.add(file)
  }
  return [...files]
}

/** Whether an `include` of a main file in `folder` takes `file`, an absolute path. */
export function isIncluded(file: string, pattern: string, folder: string): boolean {
  if (!isGlob(pattern)) return resolve(folder, pattern) === file
  if (isAbsolute(pattern)) return matchesGlob(file, normalize(pattern))
  return matchesGlob(relative(folder, file), normalize(pattern))
}

/** Whether an `include` is a pattern, which may match nothing, and not the name of a file. */
export function isGlob(pattern: string): boolean {
  return /[*?[\]{}]/.test(pattern)
}

/** The `include` of a main file. What is wrong with its value itself is the schema's to say. */
export function includePatterns(content: unknown): string[] {
  const include: unknown =
    typeof content === 'object' && content !== null ? Reflect.get(content, 'include') : undefined
  return Array.isArray(include)
    ? include.filter((one) => typeof one === 'string' && one !== '')
    : []
}

function readDocument(file: string, { problems, changes }: Reading): ConfigDocument | undefined {
  try {
    if (changes.has(file) && changes.get(file) === undefined) throw new Error('it is to go away')
    return parseDocument(changes.get(file) ?? readFileSync(file, 'utf8'), file)
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
