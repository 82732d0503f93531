/** Exit codes of the command, php-fpm's where it has one (sysexits.h). */
import { CommanderError } from 'commander'
import { CodedError } from '../base/errors.ts'

export const ExitCode = {
  /** What was asked for failed. */
  Failure: 1,
  /** The command line makes no sense. */
  Usage: 64,
  /** A fault of wasm-fpm itself. */
  Software: 70,
  /** The configuration is wrong. */
  Config: 78,
  /** `run`: the guest trapped (as after SIGABRT). */
  Trapped: 134,
} as const

/** What each of them means, for the help. */
export const EXIT_CODES: ReadonlyArray<{ readonly code: number; readonly meaning: string }> = [
  { code: 0, meaning: 'done' },
  { code: ExitCode.Failure, meaning: 'it failed; the message says why and ends with a code' },
  { code: ExitCode.Usage, meaning: 'the command line makes no sense' },
  { code: ExitCode.Software, meaning: 'a fault of wasm-fpm itself' },
  { code: ExitCode.Config, meaning: 'the configuration is wrong, or has no such tenant' },
  { code: ExitCode.Trapped, meaning: 'run: the program trapped; else run exits with its code' },
]

/** Codes of errors that are about the command line. */
const USAGE_CODES = [
  'CLI_USAGE',
  'CLI_BAD_LIMIT',
  'CLI_BAD_ADDRESS',
  'CLI_UNKNOWN_TEMPLATE',
  'RUNTIME_UNKNOWN',
]

/** With what to exit after `error`. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ExitCode.Usage
  if (!(error instanceof CodedError)) return ExitCode.Software
  if (USAGE_CODES.includes(error.code)) return ExitCode.Usage
  return error.code.startsWith('CONFIG_') || error.code === 'CLI_UNKNOWN_TENANT'
    ? ExitCode.Config
    : ExitCode.Failure
}
