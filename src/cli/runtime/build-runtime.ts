/** Makes a runtime's module: packages, sources, and then the recipe's Makefile. What has been done before is not done again. */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../base/clock.ts'
import { systemCodeOf } from '../../base/errors.ts'
import { CliError } from '../errors.ts'
import { BuildLog } from './build-log.ts'
import { withFolder } from './cache-folder.ts'
import { unpackNpmPackages } from './npm-packages.ts'
import { requirePackages } from './packages.ts'
import { digestRecipe, partsFolder, type Recipe } from './recipe.ts'
import { type FetchedSource, fetchSources } from './source-packages.ts'
import { endTools, runTool } from './tool.ts'
import { unpackSource } from './unpack-source.ts'

export interface BuildOptions {
  /** Everything that is fetched and made lies below it. */
  readonly cache: string
  /** Whether missing packages may be installed. */
  readonly mayInstall: boolean
  /** Compilers at the same time; default: one a processor. */
  readonly jobs?: number
}

export interface BuiltRuntime {
  /** The module, in the cache. */
  readonly module: string
  readonly sources: ReadonlyArray<{ readonly package: string; readonly version: string }>
  readonly seconds: number
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** How a Makefile says what it is about. */
const STEP = '== '

/** Rejects with CLI_NOT_WRITABLE and the RUNTIME_ codes of building. */
export function buildRuntime(recipe: Recipe, options: BuildOptions): Promise<BuiltRuntime> {
  const folder = join(options.cache, recipe.name)
  return withFolder(folder, async () => {
    const startMs = systemClock.nowMs()
    const log = new BuildLog(join(folder, 'build.log'), systemClock)
    for (const signal of ENDING) process.once(signal, endBuild)
    try {
      const tools = await requirePackages(recipe.packages, options.mayInstall, log)
      const sources = await fetchSources(recipe.sources, { folder, log })
      const module = await make(recipe, { folder, log, tools, sources, ...options })
      const versions = [...sources, ...recipe.npm].map(({ package: name, version }) => ({
        ...{ package: name, version },
      }))
      return { module, sources: versions, seconds: (systemClock.nowMs() - startMs) / 1000 }
    } finally {
      for (const signal of ENDING) process.off(signal, endBuild)
      log.close()
    }
  })
}

/** Compilers that went on alone would be in the way of the next build. */
function endBuild(signal: NodeJS.Signals): void {
  endTools()
  process.kill(process.pid, signal)
}

interface Making extends BuildOptions {
  readonly folder: string
  readonly log: BuildLog
  readonly tools: readonly string[]
  readonly sources: readonly FetchedSource[]
}

async function make(recipe: Recipe, making: Making): Promise<string> {
  const { folder, log, tools, sources, jobs = availableParallelism() } = making
  const versions = sources.map(({ package: name, version }) => `${name} ${version}`)
  // Whatever else it is made of or with: another folder, so that nothing old gets in.
  const work = join(folder, digestRecipe(recipe, [...tools, ...versions]))
  const module = join(work, `${recipe.name}.wasm`)
  if (existsSync(module)) return module
  mkdirSync(work, { recursive: true })
  const source = join(work, 'source')
  for (const one of sources) await unpackSource(one, source, log)
  await unpackNpmPackages(recipe.npm, { folder, target: source, log })
  // As it is now: whoever works on it, or installs another version, would change it under the compilers.
  const copies = { RECIPE: join(work, 'recipe'), PARTS: join(work, 'parts') }
  copyOnce(recipe.folder, copies.RECIPE)
  for (const part of recipe.parts)
    copyOnce(join(partsFolder(recipe), part), join(copies.PARTS, part))
  const given = {
    SRC: source,
    WORK: work,
    OUT: module,
    NODE: process.execPath,
    HINT: hintCommand(),
  }
  const variables = { ...copies, ...given }
  const args = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  try {
    await runTool('make', ['-f', join(copies.RECIPE, 'Makefile'), `-j${jobs}`, ...args], {
      cwd: work,
      log,
      onLine: (line) => {
        if (line.startsWith(STEP)) log.step(line.slice(STEP.length))
      },
    })
  } catch (cause) {
    throw new CliError(
      'RUNTIME_BUILD_FAILED',
      `Cannot build ${recipe.name}: ${systemCodeOf(cause)}; all of it is in ${log.path}`,
      { cause, details: { log: log.path } },
    )
  }
  removeOthers(folder, work)
  return module
}

/** In whatever form this program runs: sources in a checkout, or the package. For a shell. */
function hintCommand(): string {
  const { url } = import.meta
  const program = new URL(`./hint-branches.${url.endsWith('.ts') ? 'ts' : 'js'}`, url)
  const words = [process.execPath, '--disable-warning=ExperimentalWarning', fileURLToPath(program)]
  return words.map((word) => `'${word}'`).join(' ')
}

function copyOnce(from: string, to: string): void {
  if (!existsSync(to)) cpSync(from, to, { recursive: true })
}

/** What was made of other sources or by another recipe. */
function removeOthers(folder: string, work: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (/^[0-9a-f]{16}$/.test(name) && path !== work) rmSync(path, { recursive: true, force: true })
  }
}
