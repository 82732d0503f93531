/** `wasm-fpm harden`: writes modules with metering and limits added, for looking at or for running elsewhere. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Command } from 'commander'
import { systemCodeOf } from '../base/errors.ts'
import { nameSubject } from '../base/name-subject.ts'
import { parseSize } from '../config/units.ts'
import {
  type HardenOptions as HardenLimits,
  type HardenResult,
  harden,
} from '../wasm/harden-module.ts'
import { MAX_FUNCTION_BYTES } from '../wasm/limits.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { type Progress, startProgress } from './progress.ts'
import { readModuleFile } from './read-module-file.ts'

interface HardenOptions {
  readonly out: string
  readonly memory: string
  readonly tables: string
  readonly function: string
  readonly json?: boolean
}

export function hardenCommand(): Command {
  return new Command('harden')
    .description(
      'add metering and limits to modules; the result runs anywhere and does what the original does',
    )
    .argument('<modules...>', 'WebAssembly modules')
    .requiredOption('-o, --out <PATH>', 'the file to write, or a folder for several')
    .option('--memory <SIZE>', 'what all memories of an instance may grow to', '64MiB')
    .option('--tables <N>', 'elements that all its tables may grow to', '1000000')
    .option('--function <SIZE>', 'what the code of one function may be as it comes', '5MiB')
    .addOption(jsonOption())
    .action(run)
}

function run(modules: readonly string[], options: HardenOptions): void {
  const { out, json } = options
  const limits = limitsOf(options)
  const isFolder = modules.length > 1 || isDirectory(out)
  if (isFolder) put(out, () => mkdirSync(out, { recursive: true }))
  const reports: object[] = []
  for (const [index, path] of modules.entries()) {
    const module = readModuleFile(path)
    const label = modules.length === 1 ? 'harden' : `harden ${index + 1}/${modules.length}`
    const { bytes, report } = nameSubject(path, () => hardenVisibly(module, { ...limits, label }))
    const target = isFolder ? join(out, basename(path)) : out
    put(target, () => writeFileSync(target, bytes))
    if (json === true) {
      reports.push({ module: path, out: target, ...report })
      continue
    }
    const checks = Object.values(report.checks).reduce((sum, count) => sum + count, 0)
    process.stdout.write(
      `${target}: ${report.bytesIn} -> ${report.bytesOut} bytes, ${report.functions} functions, ${checks} checks\n`,
    )
  }
  if (json === true) printJson(reports)
}

function limitsOf({ memory, tables, function: code }: HardenOptions): HardenLimits {
  const memoryMaxBytes = parseSize(memory)
  const tableMaxElements = Number(tables)
  const functionBytes = parseSize(code)
  const isGood =
    memoryMaxBytes !== undefined &&
    Number.isSafeInteger(tableMaxElements) &&
    functionBytes !== undefined &&
    functionBytes <= MAX_FUNCTION_BYTES
  if (isGood) return { memoryMaxBytes, tableMaxElements, limits: { functionBytes } }
  throw new CliError(
    'CLI_BAD_LIMIT',
    `Cannot harden with --memory ${memory} --tables ${tables} --function ${code}: wanted a size such as 64MiB, a whole number, and a size of at most ${MAX_FUNCTION_BYTES} bytes, of which V8 takes no more`,
  )
}

function put(path: string, write: () => void): void {
  try {
    write()
  } catch (cause) {
    throw new CliError(
      'CLI_NOT_WRITABLE',
      `Cannot write ${path}: ${systemCodeOf(cause)}, wanted a file that can be written, or with several modules a folder`,
      { cause },
    )
  }
}

/** With a bar: nothing else happens in this thread meanwhile, so it is drawn as the code is gone through. */
function hardenVisibly(
  module: Uint8Array,
  { label, ...options }: HardenLimits & { readonly label: string },
): HardenResult {
  let bar: Progress | undefined
  try {
    return harden(module, {
      ...options,
      onCode: (done, total) => {
        bar ??= startProgress(label, total)
        bar.update(done)
      },
    })
  } finally {
    bar?.end()
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
