/**
 * How a runtime is made: a folder of `runtimes/` with a `recipe.json`, which says what it needs, a Makefile, which makes it, and
 * what is ours of it; `parts` of it are those of several, in `runtimes/parts`. The sources of others come from Debian, and from npm.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { CliError } from '../errors.ts'

const recipeSchema = z.strictObject({
  /** One line. */
  description: z.string(),
  /** Debian packages of the programs that make it. */
  packages: z.array(z.string()),
  /** Files and folders of `runtimes/parts` that it is made with. */
  parts: z.array(z.string()).default([]),
  /** Debian source packages it is made of; `patches`: as Debian has changed them. */
  sources: z.array(z.strictObject({ package: z.string(), patches: z.boolean() })),
  /** Packages of npm it is made of, and the folder that each is unpacked into; `integrity`: as npm's lock files have it. */
  npm: z
    .array(
      z.strictObject({
        package: z.string(),
        folder: z.string(),
        version: z.string(),
        integrity: z.string().startsWith('sha512-'),
      }),
    )
    .default([]),
})

export type SourcePackage = z.infer<typeof recipeSchema>['sources'][number]

export type NpmPackage = z.infer<typeof recipeSchema>['npm'][number]

export interface Recipe extends z.infer<typeof recipeSchema> {
  readonly name: string
  readonly folder: string
}

const FILE = 'recipe.json'

/** What several recipes have, beside their folders. */
export function partsFolder({ folder }: Recipe): string {
  return join(folder, '../parts')
}

/** All of them, by name; none where the program was put without them. */
export function listRecipes(folder: string | undefined = recipesFolder()): readonly Recipe[] {
  if (folder === undefined) return []
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, FILE)))
    .toSorted()
    .map((name) => {
      const text = readFileSync(join(folder, name, FILE), 'utf8')
      return { name, folder: join(folder, name), ...recipeSchema.parse(JSON.parse(text)) }
    })
}

/** Throws `CliError` (RUNTIME_UNKNOWN). */
export function findRecipe(name: string, recipes: readonly Recipe[]): Recipe {
  const found = recipes.find((recipe) => recipe.name === name)
  if (found !== undefined) return found
  const known = recipes.map((recipe) => recipe.name).join(', ') || 'those of a whole package'
  throw new CliError(
    'RUNTIME_UNKNOWN',
    `Cannot build runtime ${JSON.stringify(name)}: there is no recipe for it, wanted one of ${known}`,
  )
}

/** Stands for everything that decides what comes out: the recipe's files, its parts, and `versions` of what it is made with. */
export function digestRecipe(recipe: Recipe, versions: readonly string[]): string {
  const hash = createHash('sha256').update(versions.join('\n'))
  const addFile = (from: string, path: string): void => {
    hash.update(`\n${relative(from, path)}\n`).update(readFileSync(path))
  }
  for (const path of filesBelow(recipe.folder)) addFile(recipe.folder, path)
  const parts = partsFolder(recipe)
  for (const part of recipe.parts)
    for (const path of filesBelow(join(parts, part))) addFile(parts, path)
  return hash.digest('hex').slice(0, 16)
}

/** The path itself when it is a file. */
function filesBelow(path: string): string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

/** Two folders up in a checkout (`src/cli/runtime`), one more in the package (`dist/src/cli/runtime`). */
function recipesFolder(): string | undefined {
  return ['../../../runtimes', '../../../../runtimes']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((place) => existsSync(place))
}
