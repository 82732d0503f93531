/** `wasm-fpm convert php-fpm`: turns a php-fpm configuration into ours, and says what has no meaning here. */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { convertPools } from './convert/convert-pools.ts'
import { readIni } from './convert/read-ini.ts'
import { CliError } from './errors.ts'
import { ExitCode } from './exit-code.ts'
import { jsonOption, printJson } from './json.ts'

interface ConvertOptions {
  readonly output?: string
  readonly force?: boolean
  readonly prefix: string
  readonly root?: string
  readonly workers: number
  readonly strict?: boolean
  readonly json?: boolean
}

export function convertCommand(): Command {
  return new Command('convert')
    .description("turn another server's configuration into one of wasm-fpm's")
    .addCommand(phpFpmCommand())
}

function phpFpmCommand(): Command {
  return new Command('php-fpm')
    .description('convert php-fpm.conf or the file of a pool (includes are followed); prints TOML')
    .argument('<file>', 'such as /etc/php/8.2/fpm/php-fpm.conf')
    .option('-o, --output <FILE>', 'write to a file instead of standard output')
    .option('--force', 'overwrite that file')
    .option('--prefix <DIR>', "where php-fpm's relative paths start", '/usr')
    .option('--root <DIR>', 'document root of the tenants; $pool stands for the name of the pool')
    .option('--workers <N>', 'worker processes of each pool', readWorkers, 1)
    .option('--strict', 'exit with 1 when anything has no meaning here')
    .addOption(jsonOption())
    .action(convert)
}

function convert(file: string, options: ConvertOptions): void {
  const { output, force, prefix, root, workers, strict, json } = options
  const source = resolve(file)
  const { toml, notes } = convertPools(readIni(source, resolve(prefix)), {
    prefix: resolve(prefix),
    workers,
    root: root === undefined ? undefined : resolve(root),
    source,
  })
  if (output !== undefined) writeOutput(output, toml, force === true)
  if (json === true) {
    printJson({ toml, notes, output })
  } else {
    if (output === undefined) process.stdout.write(toml)
    for (const note of notes) process.stderr.write(`not the same: ${note}\n`)
  }
  if (strict === true && notes.length > 0) process.exitCode = ExitCode.Failure
}

function readWorkers(text: string): number {
  const workers = Number(text)
  if (Number.isInteger(workers) && workers >= 1 && workers <= 512) return workers
  throw new CliError('CLI_USAGE', `Cannot use --workers ${text}, wanted a number from 1 to 512`)
}

function writeOutput(output: string, toml: string, mayOverwrite: boolean): void {
  try {
    writeFileSync(output, toml, { flag: mayOverwrite ? 'w' : 'wx' })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CliError(
      'CONVERT_NOT_WRITTEN',
      `Cannot write ${output}: ${reason}, wanted a new file (or --force)`,
      { cause },
    )
  }
}
