/** The command `wasm-fpm`. */
import { Command, CommanderError } from 'commander'
import { CodedError } from '../base/errors.ts'
import { checkCommand } from './check.ts'
import { convertCommand } from './convert.ts'
import { doctorCommand } from './doctor.ts'
import { ExitCode } from './exit-code.ts'
import { hardenCommand } from './harden.ts'
import { inspectCommand } from './inspect.ts'
import { invokeCommand } from './invoke.ts'
import { reloadCommand } from './reload.ts'
import { restartCommand } from './restart.ts'
import { runCommand } from './run.ts'
import { serveCommand } from './serve.ts'
import { stopCommand } from './stop.ts'
import { VERSION } from './version.ts'

const program = new Command('wasm-fpm')
  .description(
    'A FastCGI process manager for WebAssembly: runs WASI programs behind nginx, Apache and every other FastCGI web server, each request in a sandbox.',
  )
  .version(VERSION, '-v, --version')
  .helpOption('-h, --help')
  .showHelpAfterError('(wasm-fpm --help lists the commands)')
  .exitOverride()
  .enablePositionalOptions()
  .addCommand(serveCommand())
  .addCommand(reloadCommand())
  .addCommand(restartCommand())
  .addCommand(stopCommand())
  .addCommand(checkCommand())
  .addCommand(doctorCommand())
  .addCommand(convertCommand())
  .addCommand(runCommand())
  .addCommand(invokeCommand())
  .addCommand(hardenCommand())
  .addCommand(inspectCommand())

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ExitCode.Usage
  if (error instanceof CodedError) {
    process.stderr.write(`wasm-fpm: ${error.message} [${error.code}]\n`)
    return error.code.startsWith('CONFIG_') ? ExitCode.Config : ExitCode.Failure
  }
  process.stderr.write(
    `wasm-fpm: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  )
  return ExitCode.Software
}
