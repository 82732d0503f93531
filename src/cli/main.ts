/** The command `wasm-fpm`. */
import { type Command, CommanderError } from 'commander'
import { CodedError, toWire } from '../base/errors.ts'
import { harmlessLines } from '../base/harmless.ts'
import { CliError } from './errors.ts'
import { ExitCode, exitCodeOf } from './exit-code.ts'
import { nextStep } from './next-steps/next-step.ts'
import { makeProgram } from './program.ts'

let current: Command | undefined
const program = makeProgram().hook('preAction', (_, command) => {
  current = command
})

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever reads our output may have had enough (`| head`): that is no fault of anybody's.
  if (error.code === 'EPIPE') process.exit(0)
  const lost = `Cannot write to standard output: ${error.message}; send it where it can be taken`
  report(new CliError('CLI_OUTPUT_LOST', lost, { cause: error }))
  process.exit(ExitCode.Failure)
})

try {
  await program.parseAsync()
} catch (error) {
  report(error)
  process.exitCode = exitCodeOf(error)
}

/** For people on standard error; with `--json` also for programs, as the last line of standard output. */
function report(error: unknown): void {
  // It has said so itself.
  if (error instanceof CommanderError) return
  if (error instanceof CodedError)
    process.stderr.write(
      `wasm-fpm: ${harmlessLines(`${error.message} [${error.code}]`)}\n${printStep(error.code)}`,
    )
  else process.stderr.write(`wasm-fpm: ${stackOf(error)}\n`)
  if (current?.opts()['json'] === true && process.stdout.writable) {
    const wire = toWire(error)
    process.stdout.write(`${JSON.stringify({ error: { ...wire, next: nextStep(wire.code) } })}
`)
  }
}

function printStep(code: string): string {
  const step = nextStep(code)
  return step === undefined ? '' : `  next: ${step}\n`
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
