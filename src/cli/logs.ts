/** `wasm-fpm logs`: the last lines of the logs that the configuration names, and with `-f` those that come. */
import { Command } from 'commander'
import { systemClock } from '../base/clock.ts'
import { harmlessJson } from '../base/harmless.ts'
import { loadConfig } from '../config/load.ts'
import { noLogFile } from '../logs/errors.ts'
import { LogReader, type Sourced } from '../logs/log-reader.ts'
import { logSources } from '../logs/log-sources.ts'
import { configOption, findConfigFile } from './config-file.ts'
import { CliError } from './errors.ts'
import { jsonOption } from './json.ts'
import { printEntry } from './logs/print-entry.ts'
import { showRemoteLogs } from './logs/remote-logs.ts'
import { loginTenant, readRemote, type ServerChoice, serverOption } from './remote.ts'

interface LogsOptions {
  readonly config?: string
  readonly tenant?: string
  readonly follow?: boolean
  readonly lines: string
  readonly server?: ServerChoice
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
    .addOption(serverOption())
    .addOption(jsonOption())
    .action(logs)
}

async function logs({ lines: text, ...options }: LogsOptions): Promise<void> {
  const lines = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (!(lines <= MAX_LINES)) {
    throw new CliError(
      'CLI_USAGE',
      `Cannot print ${text} lines: wanted a number up to ${MAX_LINES}`,
    )
  }
  const { server, tenant, follow = false, json = false } = options
  if (server === undefined) return localLogs(lines, options)
  await showRemoteLogs(readRemote(server), {
    tenant: tenant ?? loginTenant(server),
    lines,
    follow,
    json,
  })
}

async function localLogs(
  lines: number,
  { config: given, tenant, follow, json }: Omit<LogsOptions, 'lines' | 'server'>,
): Promise<void> {
  const file = findConfigFile(given)
  const config = loadConfig(file)
  if (tenant !== undefined && !config.tenants.some(({ name }) => name === tenant)) {
    throw new CliError(
      'CLI_UNKNOWN_TENANT',
      `Cannot print logs of tenant ${JSON.stringify(tenant)}: ${file} has none of that name, wanted one that \`wasm-fpm tenants\` lists`,
    )
  }
  const { files, notes } = logSources(config, tenant)
  if (files.length === 0) throw noLogFile(notes)
  for (const note of notes) process.stderr.write(`note: ${note}\n`)
  const reader = new LogReader(files, { tenant })
  const show = (entries: readonly Sourced[]): void => {
    process.stdout.write(entries.map(json === true ? printAsJson : print).join(''))
  }
  show(reader.last(lines))
  if (follow === true) await goOn(reader, show)
}

/** Until the process is interrupted. */
function goOn(reader: LogReader, show: (entries: readonly Sourced[]) => void): Promise<never> {
  return new Promise((_, reject) => {
    const again = (): void => {
      try {
        show(reader.next())
      } catch (error) {
        reject(error)
        return
      }
      systemClock.after(reader.isAtEnd ? LOOK_MS : 0, again)
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
  return `${harmlessJson(JSON.stringify({ file: source.path, ...content }))}\n`
}
