/** `wasm-fpm inspect`: says what a module, or one that was published, is and how it would run here, without running it. */
import { Command } from 'commander'
import { harmlessLines } from '../base/harmless.ts'
import { nameSubject } from '../base/name-subject.ts'
import { quoted } from '../component/errors.ts'
import { type ComponentInspection, inspectComponent } from '../component/inspect-component.ts'
import { isComponent } from '../component/preamble.ts'
import { type Contract, contractOf, contractProblem } from '../guest/guest-contract.ts'
import { findRelease } from '../store/find-release.ts'
import { inspect, type ModuleInspection } from '../wasm/inspect-module.ts'
import { DEFAULT_MODULE_LIMITS, MAX_FUNCTION_BYTES } from '../wasm/limits.ts'
import { CliError } from './errors.ts'
import { jsonOption } from './json.ts'
import { printWit } from './print-wit.ts'
import { readModuleFile } from './read-module-file.ts'
import { openStoreAt, type StorePlace, storeConfigOption, storeOption } from './store-place.ts'

interface InspectOptions extends StorePlace {
  readonly tenant?: string
  readonly wit?: boolean
  readonly json?: boolean
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description(
      'say what a module imports, exports and uses, and whether its instances can be reset',
    )
    .argument('<module>', 'a WebAssembly module or component; with --tenant a release')
    .option('--tenant <T>', 'whose release it is: its number, or at least 6 digits of its digest')
    .addOption(storeOption())
    .addOption(storeConfigOption())
    .option('--wit', 'print what a component imports and exports as WIT, and nothing else')
    .addOption(jsonOption())
    .action(run)
}

async function run(module: string, options: InspectOptions): Promise<void> {
  const { tenant, wit, json } = options
  if (wit === true && json === true) throw usage('--wit prints WIT, wanted it without --json')
  const path = tenant === undefined ? module : await publishedModule(module, tenant, options)
  const bytes = readModuleFile(path)
  const name = tenant === undefined ? module : `${tenant} ${module}`
  if (wit === true) {
    if (!isComponent(bytes)) throw usage(`${name} is no component, wanted one for --wit`)
    process.stdout.write(harmlessLines(await printWit(bytes, name)))
    return
  }
  process.stdout.write(describe(bytes, name, json === true))
}

/** Rejects with `StoreError`, and CLI_NO_MODULE for scripts. */
async function publishedModule(wanted: string, tenant: string, place: StorePlace): Promise<string> {
  const store = await openStoreAt(place)
  const { release } = await findRelease(store, wanted, { tenant, doing: 'inspect' })
  const { original } = await store.release(release)
  if (original !== undefined) return store.layout.blob(original.digest)
  throw new CliError(
    'CLI_NO_MODULE',
    `Cannot inspect release ${wanted} of ${tenant}: it has scripts, wanted one with a module`,
  )
}

function usage(problem: string): CliError {
  return new CliError('CLI_USAGE', `Cannot inspect: ${problem}`)
}

function describe(bytes: Uint8Array, name: string, isJson: boolean): string {
  // What an operator may allow is for others to say.
  const limits = { ...DEFAULT_MODULE_LIMITS, functionBytes: MAX_FUNCTION_BYTES }
  if (isComponent(bytes)) {
    const component = nameSubject(name, () => inspectComponent(bytes, limits))
    return isJson ? jsonOfComponent(component) : printComponent(name, component)
  }
  const found = nameSubject(name, () => inspect(bytes, limits))
  const contract = contractOf(found.interface)
  const problem = contractProblem(found.interface, contract) ?? null
  if (!isJson) return print(name, found, { contract, problem })
  const command = { isCommand: contract === 'command' && problem === null, problem }
  return `${JSON.stringify({ ...found, contract: { kind: contract, problem }, command }, undefined, 2)}\n`
}

const ANSWERS = {
  http: 'answers requests of wasi:http',
  command: 'is a command of wasi:cli, for CGI and `wasm-fpm run`',
} as const

function jsonOfComponent({ problem, world, ...found }: ComponentInspection): string {
  const contract = { kind: world ?? 'http', problem: problem?.message ?? null }
  return `${JSON.stringify({ ...found, contract }, undefined, 2)}\n`
}

function printComponent(path: string, component: ComponentInspection): string {
  const { imports, exports, features, modules, problem, reset, world = 'http' } = component
  const memories = modules.flatMap((module) => module.memories.filter(({ imported }) => !imported))
  return printRows([
    ['component', `${path}, ${component.bytes} bytes`],
    [world, problem === undefined ? ANSWERS[world] : `no: ${problem.message}`],
    ['imports', imports.map(quoted).join(', ') || 'none'],
    ['exports', exports.map(quoted).join(', ') || 'none'],
    ['modules', modules.map(({ functions }) => `${functions.defined} functions`).join(', ')],
    ['memories', memories.map(({ minimum }) => `from ${minimum} pages`).join(', ') || 'none'],
    ['features', features.join(', ') || 'WebAssembly 1.0'],
    ['reset', resetText(reset)],
  ])
}

function resetText({ isPossible, reasons }: ModuleInspection['reset']): string {
  return isPossible ? 'yes' : `no: ${reasons.join('; ')}`
}

function printRows(rows: ReadonlyArray<readonly [string, string]>): string {
  return rows.map(([name, value]) => `${name.padEnd(10)} ${value}\n`).join('')
}

interface Verdict {
  readonly contract: Contract
  readonly problem: string | null
}

function print(path: string, module: ModuleInspection, { contract, problem }: Verdict): string {
  const what = contract === 'command' ? 'a WASI command' : 'a reactor'
  const { imports, exports, memories, tables, functions, reset } = module
  const pages = memories.map(({ minimum, maximum }) => `${minimum} to ${maximum ?? 'any'} pages`)
  const elements = tables.map(
    ({ minimum, maximum }) => `${minimum} to ${maximum ?? 'any'} elements`,
  )
  return printRows([
    ['module', `${path}, ${module.bytes} bytes${module.isHardened ? ', marked as hardened' : ''}`],
    [contract, problem === null ? what : `not ${what}: ${problem}`],
    [
      'functions',
      `${functions.defined} of its own (${module.namedFunctions} named, the largest ${functions.largestBytes} bytes), ${functions.imported} imported`,
    ],
    ['memories', pages.join(', ') || 'none'],
    ['tables', elements.join(', ') || 'none'],
    ['features', module.features.join(', ') || 'WebAssembly 1.0'],
    ['imports', grouped(imports)],
    ['exports', exports.map(({ name }) => name).join(', ') || 'none'],
    ['start', module.start === undefined ? 'none' : `function ${module.start}`],
    ['reset', resetText(reset)],
    ['sections', module.sections.map(({ name, bytes }) => `${name} ${bytes}`).join(', ')],
  ])
}

function grouped(imports: ModuleInspection['imports']): string {
  const byModule = new Map<string, string[]>()
  for (const { module, name } of imports)
    byModule.set(module, [...(byModule.get(module) ?? []), name])
  return (
    [...byModule].map(([module, names]) => `${module}: ${names.join(', ')}`).join('; ') || 'none'
  )
}
