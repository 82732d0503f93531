/**
 * Templates of handlers: every folder in `templates/` is one. Its files are copied with `{{name}}` filled in; the file
 * `_x` becomes `.x` (npm packs no `.gitignore`). The first paragraph of its README.md says what it is.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CliError } from '../errors.ts'

export interface Template {
  readonly name: string
  /** One sentence. */
  readonly description: string
  readonly folder: string
}

const NAME_PLACE = '{{name}}'

/** What templates are built with that is not theirs alone, from the folder of all templates, and where it goes. */
const SDK = { of: 'fastcgi', from: '../guests/sdk/c', to: 'sdk' } as const

/** What cargo, npm and wasm-fpm all take for a name. */
const NAME = /^[a-z][a-z0-9-]{0,62}$/

/** All templates, by name. Throws `CliError` (CLI_UNREADABLE). */
export function listTemplates(folder: string = templatesFolder()): readonly Template[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, folder: join(folder, name), description: describe(folder, name) }))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1))
}

/** Throws `CliError` (CLI_UNKNOWN_TEMPLATE). */
export function findTemplate(name: string, templates: readonly Template[]): Template {
  const found = templates.find((template) => template.name === name)
  if (found !== undefined) return found
  const known = templates.map((template) => template.name).join(', ')
  throw new CliError(
    'CLI_UNKNOWN_TEMPLATE',
    `Cannot start from template ${JSON.stringify(name)}: there is none of that name, wanted one of ${known}`,
  )
}

/**
 * Copies a template for a handler called `name` into `folder`, which must not be there or be empty; the files that were
 * written, relative to it. Throws `CliError` (CLI_USAGE, CLI_NOT_WRITABLE).
 */
export function copyTemplate(template: Template, name: string, folder: string): readonly string[] {
  if (!NAME.test(name)) {
    throw new CliError(
      'CLI_USAGE',
      `Cannot call a handler ${JSON.stringify(name)}: wanted small letters, digits and "-", a letter first, at most 63`,
    )
  }
  if (existsSync(folder) && !isEmptyFolder(folder)) {
    throw new CliError(
      'CLI_NOT_WRITABLE',
      `Cannot make ${folder}: there is something in it, wanted a new or empty folder`,
    )
  }
  const files = filesOf(template)
  try {
    for (const { from, to } of files) {
      const target = join(folder, to)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, readFileSync(from, 'utf8').replaceAll(NAME_PLACE, name), { flag: 'wx' })
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError('CLI_NOT_WRITABLE', `Cannot write ${folder}: ${reason}`, { cause })
  }
  return files.map(({ to }) => to)
}

interface TemplateFile {
  readonly from: string
  /** In the new folder. */
  readonly to: string
}

function filesOf({ folder, name }: Template): readonly TemplateFile[] {
  const own = pathsIn(folder).map((path) => ({ from: join(folder, path), to: visible(path) }))
  if (name !== SDK.of) return own
  const sdk = join(folder, '..', SDK.from)
  return [
    ...own,
    ...pathsIn(sdk).map((path) => ({ from: join(sdk, path), to: join(SDK.to, path) })),
  ]
}

function pathsIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted()
}

function visible(path: string): string {
  return path.replace(/(^|\/)_([^/]*)$/, '$1.$2')
}

function describe(folder: string, name: string): string {
  try {
    const text = readFileSync(join(folder, name, 'README.md'), 'utf8')
    return text.split(/\n\s*\n/)[1]?.replaceAll('\n', ' ') ?? ''
  } catch {
    return '' // it is a template all the same
  }
}

function isEmptyFolder(path: string): boolean {
  return statSync(path).isDirectory() && readdirSync(path).length === 0
}

/** Two folders up in a checkout (`src/cli/template`), one more in the package (`dist/src/cli/template`). */
function templatesFolder(): string {
  const places = ['../../../templates', '../../../../templates'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  )
  const found = places.find((place) => existsSync(place))
  if (found !== undefined) return found
  throw new CliError(
    'CLI_UNREADABLE',
    `Cannot find templates: neither ${places.join(' nor ')} is there, wanted one of them`,
  )
}
