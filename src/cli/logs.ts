/** `wasm-fpm logs`: the last lines of the logs that the configuration names, and with `-f` those that come. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { loadConfig } from '../config/load.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { CliError } from './errors.ts'
import { jsonOption } from './json.ts'
import { LogReader, type Sourced } from './logs/log-reader.ts'
import { logSources } from './logs/log-sources.ts'
import { printEntry } from './logs/print-entry.ts'

interface LogsOptions {
  readonly config?: string
  readonly tenant?: string
  readonly follow?: boolean
  readonly lines: string
  readonly json?: boolean
}

/** How often the files are looked at. */
const LOOK_MS = 200
const MAX_LINES = 100_000

export function logsCommand(): Command {
  return new Command('logs')
    .description('print the last lines of the error, access and slow logs, in the order of time')
    .option('-f, --follow', 'go on as lines come, also when files are rotated, until interrupted')
    .option('--tenant <T>', 'lines of this tenant only')
    .option('-n, --lines <N>', 'how many of the last lines to print first', '20')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(logs)
}

async function logs({ config: given, tenant, follow, lines, json }: LogsOptions): Promise<void> {
  const count = /^\d{1,6}$/.test(lines) ? Number(lines) : Number.NaN
  if (!(count <= MAX_LINES)) {
    throw new CliError(
      'CLI_USAGE',
      `Cannot print ${lines} lines: wanted a number up to ${MAX_LINES}`,
    )
  }
  const file = findConfigFile(given)
  const config = loadConfig(file)
  if (tenant !== undefined && !config.tenants.some(({ name }) => name === tenant)) {
    throw new CliError(
      'CLI_UNKNOWN_TENANT',
      `Cannot print logs of tenant ${JSON.stringify(tenant)}: ${file} has none of that name, wanted one that \`wasm-fpm tenants\` lists`,
    )
  }
  const { files, notes } = logSources(config, tenant)
  if (files.length === 0) {
    throw new CliError('CLI_NO_LOG_FILE', `Cannot print logs: none is a file; ${notes.join('; ')}`)
  }
  for (const note of notes) process.stderr.write(`note: ${note}\n`)
  const reader = new LogReader(files, tenant)
  const show = (entries: readonly Sourced[]): void => {
    process.stdout.write(entries.map(json === true ? printAsJson : print).join(''))
  }
  show(reader.last(count))
  if (follow === true) await goOn(() => show(reader.next()))
}

/** Until the process is interrupted. */
function goOn(look: () => void): Promise<never> {
  return new Promise((_, reject) => {
    const again = (): void => {
      try {
        look()
      } catch (error) {
        reject(error)
        return
      }
      systemClock.after(LOOK_MS, again)
    }
    again()
  })
}

function print({ entry }: Sourced): string {
  return printEntry(entry)
}

/** One object a line: the file, and the entry as it is there. */
function printAsJson({ source, entry }: Sourced): string {
  const { fields, text } = entry
  const content = fields === undefined ? { text } : { entry: fields }
  return `${JSON.stringify({ file: source.path, ...content })}\n`
}
