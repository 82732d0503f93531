/** `wasm-fpm harden`: writes modules with metering and limits added, for looking at or for running elsewhere. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Command } from 'commander'
import { systemCodeOf } from '../base/errors.ts'
import { parseSize } from '../config/units.ts'
import {
  type HardenOptions as HardenLimits,
  type HardenResult,
  harden,
} from '../wasm/harden-module.ts'
import { CliError } from './errors.ts'
import { jsonOption, printJson } from './json.ts'
import { type Progress, startProgress } from './progress.ts'
import { readModuleFile } from './read-module-file.ts'

interface HardenOptions {
  readonly out: string
  readonly memory: string
  readonly tables: string
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
    .addOption(jsonOption())
    .action(run)
}

function run(modules: readonly string[], { out, memory, tables, json }: HardenOptions): void {
  const memoryMaxBytes = parseSize(memory)
  const tableMaxElements = Number(tables)
  if (memoryMaxBytes === undefined || !Number.isSafeInteger(tableMaxElements)) {
    throw new CliError(
      'CLI_BAD_LIMIT',
      `Cannot harden with --memory ${memory} --tables ${tables}: wanted a size such as 64MiB and a whole number`,
    )
  }
  const isFolder = modules.length > 1 || isDirectory(out)
  if (isFolder) put(out, () => mkdirSync(out, { recursive: true }))
  const reports: object[] = []
  for (const [index, path] of modules.entries()) {
    const { bytes, report } = hardenVisibly(readModuleFile(path), {
      ...{ memoryMaxBytes, tableMaxElements },
      label: modules.length === 1 ? 'harden' : `harden ${index + 1}/${modules.length}`,
    })
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
