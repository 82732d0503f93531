/** `wasm-fpm convert php-fpm`: turns a php-fpm configuration into ours, and says what has no meaning here. */
import { lstatSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import { convertPools, type SecretsFile } from './convert/convert-pools.ts'
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

/** Where a configuration is looked for, and its secrets beside it. */
const USUAL_FOLDER = '/etc/wasm-fpm'

function convert(file: string, options: ConvertOptions): void {
  const { output, prefix, root, workers, strict, json } = options
  const source = resolve(file)
  const converted = convertPools(readIni(source, resolve(prefix)), {
    prefix: resolve(prefix),
    workers,
    root: root === undefined ? undefined : resolve(root),
    source,
    secretsFolder: output === undefined ? USUAL_FOLDER : dirname(resolve(output)),
  })
  const { toml, secrets } = converted
  const notes =
    output === undefined ? [...converted.notes, ...secrets.map(notPrinted)] : converted.notes
  if (output !== undefined) {
    const mayOverwrite = options.force === true
    if (!mayOverwrite) refuseOld([output, ...secrets.map(({ path }) => path)])
    for (const { path, variables } of secrets) {
      writeOutput(path, printSecrets(variables), { mayOverwrite, isSecret: true })
    }
    writeOutput(output, toml, { mayOverwrite, isSecret: converted.hasSecretSettings })
  }
  if (json === true) {
    const envFiles = secrets.map(({ path, variables }) => ({ path, names: Object.keys(variables) }))
    printJson({ toml, notes, output, envFiles })
  } else {
    if (output === undefined) process.stdout.write(toml)
    for (const note of notes) process.stderr.write(`not the same: ${note}\n`)
  }
  if (strict === true && notes.length > 0) process.exitCode = ExitCode.Failure
}

/** Whatever is printed is kept by terminals and logs. */
function notPrinted({ path, variables }: SecretsFile): string {
  const names = Object.keys(variables).join(', ')
  return `${names}: looks like a secret, and is not printed: write it to ${path} (mode 0600), as NAME=value; --output does so`
}

/** A value that is quoted is what stands between the quotes, whatever is in it. */
function printSecrets(variables: SecretsFile['variables']): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}="${value}"\n`)
    .join('')
}

function readWorkers(text: string): number {
  const workers = Number(text)
  if (Number.isInteger(workers) && workers >= 1 && workers <= 512) return workers
  throw new CliError('CLI_USAGE', `Cannot use --workers ${text}, wanted a number from 1 to 512`)
}

/** Before anything is written: not one without the other. */
function refuseOld(paths: readonly string[]): void {
  const old = paths.find((path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined)
  if (old !== undefined) throw notWritten(old, 'it is there already')
}

function notWritten(path: string, reason: string, cause?: unknown): CliError {
  return new CliError(
    'CONVERT_NOT_WRITTEN',
    `Cannot write ${path}: ${reason}, wanted a new file (or --force)`,
    { cause },
  )
}

interface Writing {
  readonly mayOverwrite: boolean
  /** Nobody else may read it, not for a moment either. */
  readonly isSecret: boolean
}

function writeOutput(output: string, text: string, { mayOverwrite, isSecret }: Writing): void {
  try {
    // Anew: others may have the old one open, or could read it.
    if (isSecret && mayOverwrite) rmSync(output, { force: true })
    const flag = mayOverwrite && !isSecret ? 'w' : 'wx'
    writeFileSync(output, text, { flag, mode: isSecret ? 0o600 : 0o666 })
  } catch (cause) {
    throw notWritten(output, cause instanceof Error ? cause.message : String(cause), cause)
  }
}
