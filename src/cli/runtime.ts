/** `wasm-fpm runtime`: makes the modules that run scripts of a language, and keeps them in a store, where servers look for them. */
import { copyFile, rename } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { systemCodeOf } from '../base/errors.ts'
import { nameSubject } from '../base/name-subject.ts'
import { printBytes } from '../base/quantity.ts'
import { loadConfig } from '../config/load.ts'
import { contractProblem } from '../guest/guest-contract.ts'
import { DirectoryStore } from '../store/directory-store.ts'
import type { Layout } from '../store/layout.ts'
import { DEFAULT_STORE } from '../store/open-store.ts'
import { listRuntimes, putRuntime, removeRuntime } from '../store/stored-runtimes.ts'
import { inspect } from '../wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, MAX_FUNCTION_BYTES } from '../wasm/limits.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { readModuleFile } from './read-module-file.ts'
import { buildRuntime } from './runtime/build-runtime.ts'
import { defaultCache } from './runtime/cache-folder.ts'
import { findRecipe, listRecipes } from './runtime/recipe.ts'
import {
  configOf,
  openStoreAt,
  type StorePlace,
  storeConfigOption,
  storeOption,
} from './store-place.ts'
import { printTable } from './table.ts'

interface PlaceOptions extends StorePlace {
  readonly json?: boolean
}

interface BuildCommandOptions extends PlaceOptions {
  readonly output?: string
  readonly cache?: string
  readonly install?: boolean
  readonly jobs?: string
}

const DAY_CHARS = 'yyyy-mm-dd'.length

export function runtimeCommand(): Command {
  return new Command('runtime')
    .description('make and keep the modules that run scripts of a language')
    .addCommand(buildCommand())
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(removeCommand())
}

function buildCommand(): Command {
  const known = listRecipes().map(({ name, description }) => `${name}: ${description}`)
  return new Command('build')
    .description(`build a runtime and put it into the store (${known.join('; ')})`)
    .argument('<name>', 'which')
    .option('-o, --output <FILE>', 'write the module there, and not into the store')
    .option('--cache <DIR>', 'where sources and what is made of them are kept (default: XDG cache)')
    .option('--jobs <N>', 'compilers at the same time (default: one for each processor)')
    .option('--install', 'install the Debian packages that are missing, which takes root')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(build)
}

function addCommand(): Command {
  return new Command('add')
    .description('put a module into the store as the runtime of that name')
    .argument('<name>', 'what `runtimes` of a tenant calls it')
    .argument('<file>', 'a WebAssembly module: a reactor (docs/abi.md)')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(add)
}

function listCommand(): Command {
  return new Command('list')
    .description('list the runtimes of the store')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(list)
}

function removeCommand(): Command {
  return new Command('remove')
    .description('take a runtime out of the store')
    .argument('<name>', 'which')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .addOption(jsonOption())
    .action(remove)
}

async function build(name: string, options: BuildCommandOptions): Promise<void> {
  const recipe = findRecipe(name, listRecipes())
  const { module, sources, seconds } = await buildRuntime(recipe, {
    cache: resolve(options.cache ?? defaultCache()),
    mayInstall: options.install === true,
    ...(options.jobs === undefined ? {} : { jobs: parseJobs(options.jobs) }),
  })
  const path =
    options.output === undefined
      ? await keep(name, module, options)
      : await copy(module, options.output)
  if (options.json === true) printJson({ runtime: name, path, sources, seconds })
  else {
    const made = sources.map((source) => `${source.package} ${source.version}`).join(', ')
    process.stdout.write(`${path}: ${name} of ${made}, in ${seconds.toFixed(0)} s\n`)
  }
}

async function add(name: string, file: string, options: PlaceOptions): Promise<void> {
  const path = await keep(name, file, options)
  if (options.json === true) printJson({ runtime: name, path })
  else process.stdout.write(`${path}\n`)
}

async function list(options: PlaceOptions): Promise<void> {
  const found = await listRuntimes((await openStoreAt(options)).layout)
  if (options.json === true) return printJson(found)
  const rows = found.map(({ name, bytes, modifiedMs, path }) => [
    name,
    printBytes(bytes),
    new Date(modifiedMs).toISOString().slice(0, DAY_CHARS),
    path,
  ])
  process.stdout.write(
    printTable(['RUNTIME', { title: 'SIZE', align: 'right' }, 'SINCE', 'FILE'], rows),
  )
}

async function remove(name: string, options: PlaceOptions): Promise<void> {
  const { layout } = await openStoreAt(options)
  if (!(await removeRuntime(layout, name))) {
    throw new CliError(
      'RUNTIME_NOT_THERE',
      `Cannot remove runtime ${name}: the store ${layout.root} has none of that name, wanted one it has`,
    )
  }
  if (options.json === true) printJson({ runtime: name })
  else process.stdout.write(`${name} is removed; servers that run it go on until they start anew\n`)
}

/** Puts a module into the store, which is made where there is none; where it is then. */
async function keep(name: string, file: string, place: StorePlace): Promise<string> {
  const module = readModuleFile(file)
  const limits = { ...DEFAULT_MODULE_LIMITS, functionBytes: MAX_FUNCTION_BYTES }
  const found = nameSubject(file, () => inspect(module, limits))
  const problem = contractProblem(found.interface, 'reactor')
  if (problem !== undefined) {
    throw new CliError(
      'RUNTIME_NOT_A_REACTOR',
      `Cannot take ${file} as runtime ${name}: ${problem}`,
    )
  }
  return putRuntime(await makeLayout(place), { name, module })
}

async function makeLayout(place: StorePlace): Promise<Layout> {
  const { store } = place
  const config = configOf(place)
  const folder = store ?? (config === undefined ? undefined : loadConfig(config).store)
  return (await DirectoryStore.make(folder ?? DEFAULT_STORE, { clock: systemClock })).layout
}

async function copy(module: string, output: string): Promise<string> {
  const path = resolve(output)
  const draft = `${path}.part-${process.pid}`
  try {
    await copyFile(module, draft)
    await rename(draft, path)
    return path
  } catch (cause) {
    throw new CliError(
      'CLI_NOT_WRITABLE',
      `Cannot write ${path}: ${systemCodeOf(cause)}, wanted a file that can be written`,
      { cause },
    )
  }
}

function parseJobs(text: string): number {
  if (/^[1-9][0-9]{0,2}$/.test(text)) return Number(text)
  throw new CliError(
    'CLI_BAD_LIMIT',
    `Cannot build with --jobs ${text}: wanted a whole number from 1 to 999`,
  )
}
